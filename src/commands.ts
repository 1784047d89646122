/** The command line's table. */
import type { Command, CommandModule } from "./cli/args.ts";
import type { Verb } from "./cli/verbs/table.ts";
import { version } from "./version.ts";

const verb = (name: Verb) => (): Promise<CommandModule> => import("./cli/verbs.ts").then(({ verbCommand }) => verbCommand(name));

export const commands: readonly Command[] = [
  { name: "run", group: "Run", summary: "Run the sidecar.", load: () => import("./run.ts") },
  { name: "demo", group: "Run", summary: "Show a release that goes wrong, and is taken back.", load: () => import("./cli/demo.ts") },
  { name: "status", group: "See", summary: "Show what a sidecar runs, and how a rollout fares.", load: () => import("./cli/status.ts") },
  { name: "watch", group: "See", summary: "Watch rollouts live.", load: () => import("./cli/watch.ts") },
  { name: "webhooks", group: "See", summary: "How targets of notifications fare; list and replay dead letters.", load: () => import("./cli/webhooks.ts") },
  { name: "promote", group: "Decide", summary: "Enter a rollout's next step now.", load: verb("promote") },
  { name: "pause", group: "Decide", summary: "Keep a rollout where it is.", load: verb("pause") },
  { name: "resume", group: "Decide", summary: "Let it go on.", load: verb("resume") },
  { name: "rollback", group: "Decide", summary: "Take a candidate's users away, and all that belongs to it back.", load: verb("rollback") },
  { name: "approve", group: "Decide", summary: "Allow the step that asks for it.", load: verb("approve") },
  { name: "override", group: "Decide", summary: "Break the glass, with a reason.", load: verb("override") },
  { name: "drill", group: "Decide", summary: "Rehearse a rollback.", load: verb("drill") },
  { name: "validate", group: "Configure", summary: "Check configuration files.", load: () => import("./cli/validate.ts") },
  { name: "apply", group: "Configure", summary: "Publish a dynamic document to a fleet, through Redis.", load: () => import("./cli/apply.ts") },
  { name: "rollback-config", group: "Configure", summary: "Publish an earlier dynamic document again.", load: () => import("./cli/rollback-config.ts") },
  { name: "schema", group: "Configure", summary: "Print the JSON Schema of a configuration document.", load: () => import("./cli/schema.ts") },
  { name: "gates", group: "Feature gates", summary: "List feature gates, explain what a request is given, kill one at once.", load: () => import("./cli/gates.ts") },
  { name: "token", group: "Trust", summary: "Make, list and revoke tokens of the admin API.", load: () => import("./cli/token.ts") },
  { name: "audit", group: "Look back", summary: "List, verify or export the audit log.", load: () => import("./cli/audit.ts") },
  { name: "report", group: "Look back", summary: "Write the report on a rollout that went back, or on any other.", load: () => import("./cli/report.ts") },
  { name: "simulate", group: "Look back", summary: "Measure the judge over simulated traffic.", load: () => import("./cli/simulate.ts") },
  { name: "replay", group: "Look back", summary: "Recompute recorded decisions, or try another configuration on them.", load: () => import("./cli/replay.ts") },
  { name: "completion", group: "Help", summary: "Print what makes a shell complete commands and options.", load: () => import("./cli/completion.ts").then(({ spec, run }) => ({ spec, run: (argv, io) => run(argv, io, commands, version) })) },
];
