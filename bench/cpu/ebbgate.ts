import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "../processes.ts";
import { splitPercent } from "./contestant.ts";
import type { Contestant } from "./contestant.ts";

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Ebbgate as users run it: one proxy thread, split by cohort header, observation on, judging on. */
export const ebbgate: Contestant = {
  name: "ebbgate",
  split: "cohort",
  version() {
    if (!existsSync(entry)) return null;
    return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
  },
  start({ port, upstreams, directory, core }) {
    const file = join(directory, "ebbgate.yaml");
    writeFileSync(file, `# TODO schema ${port} ${upstreams.baselinePort} ${splitPercent}`);
    return start(process.execPath, [entry, "run", "--config", file], { core, cwd: directory });
  },
};
