import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCommand, start, versionOf } from "../processes.ts";
import { splitPercent } from "./contestant.ts";
import type { Contestant } from "./contestant.ts";

/** HAProxy with one thread, the split by xxHash of the cohort header, connections shared between clients. */
export const haproxy: Contestant = {
  name: "haproxy",
  split: "cohort",
  version() {
    const command = findCommand("haproxy");
    return command === null ? null : versionOf(command, "-v");
  },
  start({ upstreams, port, directory, core }) {
    const file = join(directory, "haproxy.cfg");
    writeFileSync(file, `global
  nbthread 1
  maxconn 8192

defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s

frontend downstream
  bind 127.0.0.1:${port}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  use_backend candidate if { req.hdr(x-user),xxh32,mod(100) lt ${splitPercent} }
  default_backend baseline

backend baseline
  http-request set-header ebbgate-variant baseline
  server only 127.0.0.1:${upstreams.baselinePort}

backend candidate
  http-request set-header ebbgate-variant candidate
  server only 127.0.0.1:${upstreams.candidatePort}
`);
    return start(findCommand("haproxy")!, ["-db", "-f", file], { core });
  },
};
