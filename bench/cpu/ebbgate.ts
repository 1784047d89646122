import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { start } from "../processes.ts";
import { cohortHeader, splitPercent } from "./contestant.ts";
import type { Contestant } from "./contestant.ts";
import type { Upstreams } from "./upstreams.ts";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const readyTimeoutMs = 10_000;

/** Ebbgate as users run it: one proxy thread, split by cohort header, observation on, judging on. */
export const ebbgate: Contestant = {
  name: "ebbgate",
  split: "cohort",
  version() {
    if (!existsSync(entry)) return null;
    return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
  },
  start({ port, adminPort, upstreams, directory, core }) {
    const file = join(directory, "ebbgate.yaml");
    writeFileSync(file, configuration(port, adminPort, upstreams));
    return start(process.execPath, [entry, "run", "--config", file], { core, cwd: directory });
  },
  async ready({ adminPort }) {
    const deadline = performance.now() + readyTimeoutMs;
    let status = "";
    while (performance.now() < deadline) {
      status = await fetch(`http://127.0.0.1:${adminPort}/api/v1/status`).then((answer) => answer.text(), String);
      if (status.includes(`"phase":"progressing"`)) return;
      await delay(50);
    }
    throw new Error(`the rollout has not started after ${readyTimeoutMs} ms: ${status.slice(0, 300)}`);
  },
};

/** Endless at its first step: the rollout judges every window, and the split stays what it is. */
function configuration(port: number, adminPort: number, { baselinePort, candidatePort }: Upstreams): string {
  return `listeners:
  - address: 127.0.0.1:${port}
admin: { address: "127.0.0.1:${adminPort}" }
threads: 1
store: { type: memory }
log: { level: warn }
dynamic:
  routes:
    - name: bench
      cohort: { key: [header:${cohortHeader}] }
      variants:
        - { name: baseline, baseline: true, endpoints: ["http://127.0.0.1:${baselinePort}"] }
        - { name: candidate, revision: bench, endpoints: ["http://127.0.0.1:${candidatePort}"] }
      rollout:
        candidate: candidate
        steps: [{ weight: ${splitPercent}, dwell: 10d }, 100]
`;
}
