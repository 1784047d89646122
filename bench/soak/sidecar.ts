import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, scratchDirectory, start } from "../processes.ts";
import type { Running } from "../processes.ts";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const readyTimeoutMs = 15_000;

/** A sidecar as users start it, in front of one service. */
export interface Sidecar {
  readonly port: number;
  readonly process: Running;
  /** Replaces the watched configuration in one rename; `mark` makes every version of it different. */
  configure(mark: number): void;
  /** Resolves when every proxy thread serves a revision above this one. @returns the revision served */
  untilAbove(revision: number): Promise<number>;
}

/** @param otherPort of a second service, which has all below `/other` */
export async function startSidecar(upstreamPort: number, otherPort = upstreamPort): Promise<Sidecar> {
  const directory = scratchDirectory();
  const port = await freePort();
  const adminPort = await freePort();
  const dynamicFile = join(directory, "routes.yaml");
  const configure = (mark: number): void => {
    writeFileSync(`${dynamicFile}.new`, `routes:
  - name: other
    match: { path: /other }
    variants: [{ name: v1, endpoints: ["http://127.0.0.1:${otherPort}"] }]
  - name: soak
    cohort: { key: [header:x-user] }
    timeouts: { idle: 1h, total: 0 }
    variants:
      - name: v1
        endpoints: ["http://127.0.0.1:${upstreamPort}"]
        headers: { x-mark: "${mark}" }
`);
    renameSync(`${dynamicFile}.new`, dynamicFile);
  };
  configure(0);
  const file = join(directory, "ebbgate.yaml");
  writeFileSync(file, `listeners:
  - address: 127.0.0.1:${port}
admin: { address: "127.0.0.1:${adminPort}" }
store: { type: memory }
log: { level: warn }
dynamic: routes.yaml
`);
  const running = start(process.execPath, [entry, "run", "--config", file], { cwd: directory });
  const untilAbove = async (revision: number): Promise<number> => {
    const deadline = performance.now() + readyTimeoutMs;
    while (performance.now() < deadline && running.child.exitCode === null) {
      const served = await servedRevision(adminPort);
      if (served > revision) return served;
      await delay(10);
    }
    throw new Error(`the sidecar does not serve a revision above ${revision}: ${running.output().trim()}`);
  };
  await untilAbove(0);
  return { port, process: running, configure, untilAbove };
}

/** The lowest revision that a proxy thread has acknowledged; 0 while there is none. */
async function servedRevision(adminPort: number): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/status`);
    const status = (await response.json()) as { ready: boolean; threads: { revision: number }[] };
    return status.ready ? Math.min(...status.threads.map(({ revision }) => revision)) : 0;
  } catch {
    return 0;
  }
}
