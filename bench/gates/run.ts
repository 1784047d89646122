/**
 * What a thousand routes with twenty rules each cost a request, beside one route with none: the proxy thread's own steps from the bytes of a head to the chosen variant, in this
 * process and without a socket. What comes after them (forward, relay, record) knows neither routes nor rules.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { DynamicConfiguration } from "../../src/config/definition.ts";
import { defaultProxyLimits } from "../../src/config/settings.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import { snapshotOf } from "../../src/cli/gates/snapshot.ts";
import { seededRandom } from "../../src/core/random.ts";
import { makeForwarding } from "../../src/http1/forward-head.ts";
import { parseRequestHead } from "../../src/http1/request-head.ts";
import { Slab } from "../../src/observe/slab.ts";
import { begin } from "../../src/proxy/begin.ts";
import { ProxyContext } from "../../src/proxy/context.ts";
import { EndpointBook } from "../../src/proxy/endpoint-book.ts";
import type { Downstream } from "../../src/proxy/exchange.ts";
import { Explainer } from "../../src/proxy/explain.ts";
import { compileRuntime, RecorderBook } from "../../src/proxy/runtime.ts";
import { wholeNumber } from "../cpu/options.ts";
import { median } from "../cpu/report.ts";
import { chosen, type Layout, layouts, many, one, requests, routeCount, routeOf, ruleCount, type Spread, spreads } from "./documents.ts";

const boundMicros = 2;
const region = "eu-west";
/** Of all heads in a round: a tenth of a second and more, since CPU time moves in steps of 4 ms on some kernels. */
const passes = 10;

interface Subject {
  readonly context: ProxyContext;
  readonly snapshot: Snapshot;
}

interface Result {
  readonly routesBy: Layout;
  readonly spread: Spread;
  /** Medians over the rounds. */
  readonly oneMicros: number;
  readonly manyMicros: number;
  /** The median of the rounds' differences, and all of them. */
  readonly moreMicros: number;
  readonly moreMicrosRounds: readonly number[];
}

/** `npm run bench -- gates`. @returns the exit status: 1 where an answer is wrong, or a scenario costs 2 us more or beyond */
export async function run(argv: readonly string[]): Promise<number> {
  let rounds: number;
  let json: boolean;
  try {
    const { values } = parseArgs({ args: [...argv], options: { json: { type: "boolean", default: false }, rounds: { type: "string", default: "15" } } });
    rounds = wholeNumber("rounds", values.rounds, 1_000);
    json = values.json;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  const results: Result[] = [];
  for (const layout of layouts) {
    const subjects = { one: await subjectOf(one()), many: await subjectOf(many(layout)) };
    const wrong = [...wrongAnswers(subjects.many, requests(layout, "even", true)), ...wrongAnswers(subjects.many, chosen(layout)), ...unchosen(subjects.many, chosen(layout))];
    if (wrong.length > 0) {
      process.stderr.write(`routes by ${layout}: ${wrong.length} answers are wrong; nothing is timed. The first: ${wrong[0]}\n`);
      return 1;
    }
    process.stderr.write(`routes by ${layout}: route, variant and reason are right for 5,096 requests\n`);
    for (const spread of spreads) results.push(compare(layout, spread, subjects, rounds));
  }
  const machine = { model: cpus()[0]?.model ?? "unknown", cores: availableParallelism(), node: process.version, load: Number(loadavg()[0]!.toFixed(1)), farMemoryNanos: farMemoryNanos() };
  if (json) process.stdout.write(`${JSON.stringify({ routes: routeCount, rules: ruleCount, rounds, boundMicros, machine, results })}\n`);
  else process.stdout.write(`${tableOf(results)}\n\n${machine.model}, ${machine.cores} cores at load ${machine.load}, ${machine.node}; memory that no near cache holds: ${machine.farMemoryNanos} ns\n`);
  return results.every(({ moreMicros }) => moreMicros < boundMicros) ? 0 : 1;
}

async function subjectOf(dynamic: DynamicConfiguration): Promise<Subject> {
  const told = await snapshotOf({ dynamic, get: () => Promise.resolve(undefined) }, region);
  const slab = new Slab(1);
  const snapshot: Snapshot = { ...told, routes: told.routes.map((route) => ({ ...route, variants: route.variants.map((variant) => ({ ...variant, slot: slab.slotOf(route.name, variant.name) })) })) };
  const context = new ProxyContext({ limits: defaultProxyLimits, viaName: "bench", accessLog: null, random: seededRandom(1), page: slab.pages[0]!, thread: 0 });
  const nothingIsSent = (): never => {
    throw new Error("nothing is sent");
  };
  context.runtime = compileRuntime(snapshot, slab.pages, new RecorderBook(0), new EndpointBook(context, nothingIsSent), region);
  return { context, snapshot };
}

const noDownstream = {} as Downstream;
const forwarding = makeForwarding("192.0.2.7", "http", () => false, "bench");

/** As a proxy thread does, up to the chosen variant. */
function routed(context: ProxyContext, text: string): string {
  const { requestHead: head } = context;
  if (parseRequestHead(head, text, defaultProxyLimits) !== null) throw new Error("a head of the bench is refused");
  const exchange = begin(context, noDownstream, head, forwarding, 0);
  if (typeof exchange === "string") return exchange;
  context.inFlight.remove(exchange);
  return `${exchange.route.name} ${exchange.variant.name} ${exchange.reason}`;
}

/** Held against the explainer, and against the route that the request was written for. */
function wrongAnswers({ context, snapshot }: Subject, heads: readonly string[]): string[] {
  const explainer = new Explainer(snapshot, region);
  return heads.flatMap((text, i) => {
    const got = routed(context, text);
    parseRequestHead(context.requestHead, text, defaultProxyLimits);
    const told = explainer.request(context.requestHead, { clientIp: "192.0.2.7", nowMs: Date.now() });
    const wanted = told === null ? "no_route" : `${told.route} ${told.variant} ${told.reason}`;
    const right = got === wanted && told?.route === `route-${routeOf(i, "even")}`;
    return right ? [] : [`${text.split("\r\n")[0]} is ${got}, and explained as ${wanted}`];
  });
}

const unchosen = ({ context }: Subject, heads: readonly string[]): string[] =>
  heads.flatMap((text, i) => (routed(context, text).endsWith(i % 2 === 0 ? "next allowed" : "current denied") ? [] : [`${text.split("\r\n")[0]} is not chosen by its rule`]));

/** Rounds take turns, so that a machine that grows slower or busier is as unkind to both. */
function compare(routesBy: Layout, spread: Spread, subjects: { readonly one: Subject; readonly many: Subject }, rounds: number): Result {
  const heads = requests(routesBy, spread);
  const found = { one: [] as number[], many: [] as number[] };
  for (let round = -3; round < rounds; round++) {
    for (const name of ["one", "many"] as const) {
      const micros = timed(subjects[name].context, heads);
      if (round >= 0) found[name].push(micros);
    }
  }
  const more = found.many.map((micros, i) => micros - found.one[i]!);
  const rounded = (micros: number): number => Number(micros.toFixed(3));
  return { routesBy, spread, oneMicros: rounded(median(found.one)), manyMicros: rounded(median(found.many)), moreMicros: rounded(median(more)), moreMicrosRounds: more.map(rounded) };
}

/** @returns microseconds of this thread's CPU time for each request: what else runs on the machine is not counted */
function timed(context: ProxyContext, heads: readonly string[]): number {
  const from = process.threadCpuUsage();
  for (let pass = 0; pass < passes; pass++) for (let i = 0; i < heads.length; i++) routed(context, heads[i]!);
  const { user, system } = process.threadCpuUsage(from);
  return (user + system) / (passes * heads.length);
}

/** What one read costs that misses the near caches: a route that was not asked for a while is some dozens of them, so the spread figures stand and fall with it. @returns nanoseconds, over 4 MiB */
function farMemoryNanos(): number {
  const cells = 1 << 20;
  const next = new Uint32Array(cells);
  // A full cycle in an order that no prefetcher knows (a linear congruential generator of full period).
  for (let i = 0; i < cells; i++) next[i] = (Math.imul(i, 1_664_525) + 1_013_904_223) & (cells - 1);
  const reads = 2_000_000;
  let at = 0;
  const from = process.threadCpuUsage();
  for (let i = 0; i < reads; i++) at = next[at]!;
  const { user, system } = process.threadCpuUsage(from);
  return at < 0 ? 0 : Math.round(((user + system) * 1_000) / reads);
}

function tableOf(results: readonly Result[]): string {
  const rows = results.map(({ routesBy, spread, oneMicros, manyMicros, moreMicros, moreMicrosRounds }) => [
    routesBy, spread, oneMicros.toFixed(2), manyMicros.toFixed(2), moreMicros.toFixed(2), `${Math.min(...moreMicrosRounds).toFixed(2)} to ${Math.max(...moreMicrosRounds).toFixed(2)}`,
  ]);
  const all = [["routes by", "spread", "one route", `${routeCount} x ${ruleCount} rules`, "more us", "(rounds)"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  return all.map((cells) => cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ")).join("\n");
}
