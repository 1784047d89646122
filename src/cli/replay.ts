/** `ebbgate replay FILE`: makes recorded decisions again from their recorded inputs, or asks what another plan had decided. */
import { resolve } from "node:path";
import { loadConfiguration, loadDynamic, readSource } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import { explain } from "../rollout/explain.ts";
import { decideInstead, replay, type Difference, type Replayed } from "../rollout/replay.ts";
import { nameOf } from "../rollout/decision-record.ts";
import type { Decision, DecisionRecord } from "../rollout/types.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { readRecords, UnreadableRecord } from "./replay-file.ts";

export const spec = {
  name: "replay",
  summary: "Recompute recorded decisions and compare, or see what another configuration would have decided.",
  positionals: { name: "FILE", min: 1, max: 1, completes: "file", help: "The store's audit.jsonl, or exported records." },
  options: {
    policy: { type: "string", value: "FILE", completes: "file", help: "A configuration: show where its rollout would have decided otherwise on the same evidence." },
    json: { type: "boolean", help: "Print one JSON object instead of lines." },
  },
  examples: [
    ["ebbgate replay .ebbgate/audit.jsonl", "every decision again, from its recorded inputs"],
    ["ebbgate replay audit.jsonl --policy stricter.yaml", "what stricter.yaml would have done"],
  ],
  exits: [
    [0, "every decision came out the same (with --policy: it was compared)"],
    [1, "a decision came out differently, or a file cannot be used"],
    [2, "wrong usage"],
  ],
} as const;

interface Other {
  readonly line: number;
  readonly recorded: Decision;
  readonly instead: Decision | null;
  readonly caveats: readonly string[];
}

interface Report {
  recomputed: number;
  skipped: number;
  different: { readonly line: number; readonly reason: string; readonly route: string; readonly difference: Difference } | null;
  readonly instead: Other[];
}

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { policy, json } = args.values;
  const fail = (why: string): number => {
    io.stderr.write(`ebbgate replay: ${why}\n`);
    return exitCodes.failed;
  };
  const plans = policy === undefined ? undefined : await policyOf(resolve(io.cwd, policy), io);
  if (typeof plans === "string") return fail(plans);
  const file = args.positionals[0]!;
  try {
    const report = await walk(resolve(io.cwd, file), plans);
    io.stdout.write(json ? `${JSON.stringify({ file, ...report })}\n` : text(file, policy, report));
    if (report.recomputed === 0) io.stderr.write(`ebbgate replay: ${file} holds no decision that can be recomputed\n`);
    return report.different === null && report.recomputed > 0 ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (error instanceof UnreadableRecord) return fail(`${file}: ${error.message}`);
    if (error instanceof Error && "code" in error) return fail(`${file} cannot be read (${String(error.code)})`);
    throw error;
  }
}

/** Stops at the first difference: what comes after it may only be its consequence. */
async function walk(path: string, plans: ReadonlyMap<string, RolloutPlan> | undefined): Promise<Report> {
  const report: Report = { recomputed: 0, skipped: 0, different: null, instead: [] };
  for await (const { line, record } of readRecords(path)) {
    const replayed = record === null ? null : again(line, record);
    if (record === null || replayed === null || replayed.outcome === "skipped") {
      report.skipped++;
      continue;
    }
    report.recomputed++;
    if (replayed.outcome === "different") {
      report.different = { line, reason: record.reason, route: record.route, difference: replayed.difference };
      break;
    }
    const other = plans?.get(nameOf(record));
    if (other !== undefined) compare(line, record, other, report);
  }
  return report;
}

function again(line: number, record: DecisionRecord): Replayed {
  try {
    return replay(record);
  } catch (error) {
    // `decide` is total on what it was given; what it was not given, somebody has taken out of the record.
    throw new UnreadableRecord(`line ${line} is not whole: its inputs cannot be decided on`, { cause: error });
  }
}

function compare(line: number, record: DecisionRecord, other: RolloutPlan, report: Report): void {
  const { inputs, effects: _effects, after: _after, ...recorded } = record;
  const { decision, caveats } = decideInstead(inputs!, record.atMs, other);
  const same = decision !== null && decision.reason === recorded.reason && decision.to === recorded.to && decision.weight === recorded.weight;
  if (!same || caveats.length > 0) report.instead.push({ line, recorded, instead: decision, caveats });
}

/** @returns the rollouts' plans by name, or why there are none */
async function policyOf(path: string, io: CliIo): Promise<ReadonlyMap<string, RolloutPlan> | string> {
  const read = await readSource(path, io.env);
  const data = read.ok ? read.source.data : undefined;
  const dynamic = typeof data === "object" && data !== null && "routes" in data && !("listeners" in data);
  const loaded = dynamic ? await loadDynamic(path, io.env) : await loadConfiguration(path, io.env);
  if (!loaded.ok) return loaded.problems.map(formatProblem).join("\n");
  const { routes } = "dynamic" in loaded.value ? loaded.value.dynamic : loaded.value;
  const plans = new Map(routes.flatMap(({ rollouts }) => rollouts.map((rollout) => [rollout.name, rollout] as const)));
  return plans.size === 0 ? `${path} has no rollout` : plans;
}

function text(file: string, policy: string | undefined, { recomputed, skipped, different, instead }: Report): string {
  const lines: string[] = [];
  for (const one of instead) {
    lines.push(`line ${one.line}: ${new Date(one.recorded.atMs).toISOString()} ${explain(one.recorded)}`);
    lines.push(`  ${policy}: ${one.instead === null ? "would have decided nothing then." : explain(one.instead)}`);
    for (const caveat of one.caveats) lines.push(`  not known: ${caveat}`);
  }
  if (different !== null) {
    const { path, recorded, replayed } = different.difference;
    lines.push(`line ${different.line}: ${different.reason} on ${different.route} comes out differently: ${path} was ${recorded}, and is ${replayed}`);
  }
  const ending = different === null ? "every one came out the same" : "the last one came out differently";
  lines.push(`${file}: ${recomputed} decisions recomputed, ${ending}; ${skipped} other records`);
  if (policy !== undefined && different === null) lines.push(`${policy}: ${instead.length} of them differ or cannot be told for certain`);
  return `${lines.join("\n")}\n`;
}
