#!/usr/bin/env node
/** The command line's entry, and with `run` the composition root. */
import { dispatch, type CliIo, type Command } from "./cli/args.ts";
import { version } from "./version.ts";

const commands: readonly Command[] = [
  { name: "run", summary: "Run the sidecar.", load: () => import("./run.ts") },
  { name: "demo", summary: "Show a release that goes wrong, and is taken back.", load: () => import("./cli/demo.ts") },
  { name: "validate", summary: "Check configuration files.", load: () => import("./cli/validate.ts") },
  { name: "apply", summary: "Publish a dynamic document to a fleet, through Redis.", load: () => import("./cli/apply.ts") },
  { name: "rollback-config", summary: "Publish an earlier dynamic document again.", load: () => import("./cli/rollback-config.ts") },
  { name: "gates", summary: "List feature gates, explain what a request is given, kill one at once.", load: () => import("./cli/gates.ts") },
  { name: "audit", summary: "List, verify or export the audit log.", load: () => import("./cli/audit.ts") },
  { name: "report", summary: "Write the report on a rollout that went back, or on any other.", load: () => import("./cli/report.ts") },
  { name: "simulate", summary: "Measure the judge over simulated traffic.", load: () => import("./cli/simulate.ts") },
  { name: "replay", summary: "Recompute recorded decisions, or try another configuration on them.", load: () => import("./cli/replay.ts") },
  { name: "schema", summary: "Print the JSON Schema of a configuration document.", load: () => import("./cli/schema.ts") },
];

const io: CliIo = { stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd() };
process.exitCode = await dispatch(commands, process.argv.slice(2), io, version);
