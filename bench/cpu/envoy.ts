import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCommand, start, versionOf } from "../processes.ts";
import { splitPercent } from "./contestant.ts";
import type { Contestant } from "./contestant.ts";

/** Envoy with one worker. Its weighted clusters split per request, not by user: that is what it offers. */
export const envoy: Contestant = {
  name: "envoy",
  split: "random",
  version() {
    const command = findCommand("envoy");
    return command === null ? null : versionOf(command, "--version");
  },
  start({ upstreams, port, directory, core }) {
    const variant = (name: string, weight: number): object => ({
      name,
      weight,
      request_headers_to_add: [{ header: { key: "ebbgate-variant", value: name } }],
    });
    const cluster = (name: string, upstreamPort: number): object => ({
      name,
      type: "STATIC",
      connect_timeout: "5s",
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
      },
    });
    const manager = {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      stat_prefix: "bench",
      generate_request_id: false,
      use_remote_address: true,
      http_filters: [
        { name: "envoy.filters.http.router", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
      ],
      route_config: {
        virtual_hosts: [
          {
            name: "all",
            domains: ["*"],
            routes: [
              {
                match: { prefix: "/" },
                route: { weighted_clusters: { clusters: [variant("baseline", 100 - splitPercent), variant("candidate", splitPercent)] } },
              },
            ],
          },
        ],
      },
    };
    const configuration = {
      static_resources: {
        listeners: [
          {
            name: "downstream",
            address: address(port),
            filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }],
          },
        ],
        clusters: [cluster("baseline", upstreams.baselinePort), cluster("candidate", upstreams.candidatePort)],
      },
    };
    const file = join(directory, "envoy.json");
    writeFileSync(file, JSON.stringify(configuration));
    return start(findCommand("envoy")!, ["-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"], { core });
  },
};

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
