import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand, freePort, start, untilListening, versionOf } from "../processes.ts";
import type { Running } from "../processes.ts";

/** The two variants behind every contestant: static answers, as fast as the machine has them. */
export interface Upstreams {
  readonly name: string;
  readonly baselinePort: number;
  readonly candidatePort: number;
  readonly process: Running;
}

export type Variant = "baseline" | "candidate";

/** The 200 bytes of JSON that a variant answers to everything but /echo. */
export function answerBody(variant: Variant): string {
  const opening = `{"variant":"${variant}","padding":"`;
  return `${opening}${"x".repeat(200 - opening.length - 2)}"}`;
}

/** nginx where it is installed (its `return` costs a third of a Node server's CPU), else a bare Node server. */
export async function startUpstreams(directory: string, core: number | null): Promise<Upstreams> {
  const baselinePort = await freePort();
  const candidatePort = await freePort();
  const nginx = findCommand("nginx");
  const process = nginx === null ? startNode(baselinePort, candidatePort, core) : startNginx(nginx, directory, baselinePort, candidatePort, core);
  await untilListening(process, baselinePort);
  await untilListening(process, candidatePort);
  const name = nginx === null ? "a bare Node server" : `nginx ${versionOf(nginx, "-v")} with 'return'`;
  return { name, baselinePort, candidatePort, process };
}

function startNode(baselinePort: number, candidatePort: number, core: number | null): Running {
  const script = fileURLToPath(new URL("./upstream-server.ts", import.meta.url));
  return start(process.execPath, [script, String(baselinePort), String(candidatePort)], { core });
}

function startNginx(command: string, directory: string, baselinePort: number, candidatePort: number, core: number | null): Running {
  const server = (port: number, variant: Variant): string => `
  server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type application/json;
    add_header x-variant ${variant};
    location = /echo { return 200 '{"variant":"${variant}","seen":"$http_x_check"}'; }
    location / { return 200 '${answerBody(variant)}'; }
  }`;
  const file = join(directory, "upstreams.conf");
  writeFileSync(file, `worker_processes 1;
daemon off;
pid ${directory}/upstreams.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
${server(baselinePort, "baseline")}
${server(candidatePort, "candidate")}
}
`);
  return start(command, ["-p", directory, "-c", file], { core });
}
