import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCommand, start, versionOf } from "../processes.ts";
import { splitPercent } from "./contestant.ts";
import type { Contestant } from "./contestant.ts";

/** nginx with `split_clients` (MurmurHash2 of the cohort header) and a keep-alive pool per variant. */
export const nginx: Contestant = {
  name: "nginx",
  split: "cohort",
  version() {
    const command = findCommand("nginx");
    return command === null ? null : versionOf(command, "-v");
  },
  start({ upstreams, port, directory, core }) {
    const pool = (name: string, upstreamPort: number): string => `
  upstream ${name} {
    server 127.0.0.1:${upstreamPort};
    keepalive 128;
    keepalive_requests 1000000000;
  }`;
    const file = join(directory, "nginx.conf");
    writeFileSync(file, `worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
${pool("baseline", upstreams.baselinePort)}
${pool("candidate", upstreams.candidatePort)}
  split_clients "$http_x_user" $variant {
    ${splitPercent}% candidate;
    * baseline;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://$variant;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header ebbgate-variant $variant;
    }
  }
}
`);
    return start(findCommand("nginx")!, ["-p", directory, "-c", file], { core });
  },
};
