import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { start } from "../processes.ts";
import type { Contestant } from "./contestant.ts";

function nodePeer(name: string, packageName: string, script: string): Contestant {
  return {
    name,
    split: "cohort",
    version() {
      try {
        const manifest = readFileSync(new URL(`../../node_modules/${packageName}/package.json`, import.meta.url), "utf8");
        return (JSON.parse(manifest) as { version: string }).version;
      } catch {
        return null;
      }
    },
    start({ upstreams, port, core }) {
      const file = fileURLToPath(new URL(`../peers/${script}`, import.meta.url));
      return start(process.execPath, [file, String(port), String(upstreams.baselinePort), String(upstreams.candidatePort)], { core });
    },
  };
}

/** The proxies that npm offers, each with the same few lines around it (bench/peers/). */
export const nodePeers: readonly Contestant[] = [
  nodePeer("http-proxy", "http-proxy", "http-proxy.ts"),
  nodePeer("@fastify/http-proxy", "@fastify/http-proxy", "fastify.ts"),
  nodePeer("undici", "undici", "undici.ts"),
];
