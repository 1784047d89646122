/** `ebbgate status [NAME]`: what runs and how it fares, once. */
import type { Status } from "../admin/status.ts";
import { percent } from "../rollout/explain.ts";
import { adminOptions, withAdmin } from "./admin-access.ts";
import { noSuchRollout } from "./admin-client.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { columns } from "./columns.ts";
import { frame, millis, rate } from "./watch/frame.ts";
import { nextStep, span } from "./watch/next-step.ts";
import { plainText, printable } from "./watch/spans.ts";
import { ascii } from "./watch/sparkline.ts";

export const spec = {
  name: "status",
  summary: "Show what a sidecar runs: its rollouts and the versions of each route; with a name, all about one rollout.",
  positionals: { name: "NAME", min: 0, max: 1, completes: "rollout", help: "Only this rollout, with its limits, verdicts, what comes next and the last decisions." },
  options: {
    names: { type: "boolean", help: "Print only the names of the rollouts, one a line: for scripts and completion." },
    json: { type: "boolean", help: "Print it as JSON: what the admin API answers; with a name, the rollout and its versions." },
    ...adminOptions,
  },
  examples: [
    ["ebbgate status", "of the sidecar on this machine"],
    ["ebbgate status shop", "one rollout: limits, verdicts, next step, last decisions"],
    ["ebbgate status --admin https://edge-3.internal:9901 --json | jq '.rollouts[].phase'", "of another one, for a script"],
  ],
  exits: [
    [0, "shown"],
    [1, "there is no such rollout, or this may not be read"],
    [2, "wrong usage"],
    [3, "the sidecar could not be reached"],
  ],
} as const;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [only = null] } = args;
  return withAdmin("status", values, io, async (client) => {
    const { body: status } = await client.ask<Status>("/api/v1/status");
    const rollout = status.rollouts.find(({ name }) => name === only);
    if (only !== null && rollout === undefined) throw noSuchRollout(only, status.rollouts.map(({ name }) => name));
    if (values.names) io.stdout.write((rollout === undefined ? status.rollouts : [rollout]).map(({ name }) => `${name}\n`).join(""));
    else if (values.json) io.stdout.write(`${JSON.stringify(rollout === undefined ? status : { rollout, variants: status.routes.find(({ name }) => name === rollout.route)?.variants ?? [] })}\n`);
    else if (rollout !== undefined) io.stdout.write(plainText(frame({ url: client.url, status, fault: null, history: new Map(), only, signs: ascii }, { columns: 200, rows: Number.POSITIVE_INFINITY })));
    else io.stdout.write(overview(status, client.url));
    return exitCodes.ok;
  });
}

function overview(status: Status, url: string): string {
  const head = plainText(frame({ url, status: { ...status, rollouts: [] }, fault: null, history: new Map(), only: null, signs: ascii }, { columns: 200, rows: Number.POSITIVE_INFINITY }).slice(0, -2));
  const nowMs = Date.parse(status.time);
  const rollouts = status.rollouts.map((rollout) => [
    rollout.name, `${rollout.phase}${rollout.waiting === null ? "" : ` (${rollout.waiting})`}${rollout.escalated ? ", escalated" : ""}`, percent(rollout.weight),
    `${Math.max(0, rollout.step + 1)}/${rollout.steps.length}`, `${rollout.candidate}${rollout.revision === rollout.candidate ? "" : ` ${rollout.revision}`}`, span(nowMs - rollout.sinceMs), nextStep(rollout, nowMs),
  ].map(printable));
  const routes = status.routes.flatMap(({ name, variants }) => variants.map(({ name: variant, baseline, weight, recent, inFlight }) => [
    name, `${variant}${baseline ? " (baseline)" : ""}`, percent(weight), recent.requestsPerSecond.toFixed(1), rate(recent.errorRate), millis(recent.p50Ms), millis(recent.p99Ms), String(inFlight),
  ].map(printable)));
  return [
    head,
    rollouts.length === 0 ? "the configuration has no rollout\n" : columns([["ROLLOUT", "PHASE", "WEIGHT", "STEP", "CANDIDATE", "SINCE", "NEXT"], ...rollouts], [2]),
    ...(routes.length === 0 ? [] : [columns([["ROUTE", "VARIANT", "WEIGHT", "REQ/S", "ERRORS", "P50", "P99", "IN FLIGHT"], ...routes], [2, 3, 4, 5, 6, 7])]),
  ].join("\n");
}
