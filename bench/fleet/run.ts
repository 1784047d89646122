/** `npm run bench -- fleet`: a thousand sidecars on one Redis, twenty real ones, a Redis that is stopped, and what summed evidence is worth. */
import { cpus } from "node:os";
import { hasRedis, howToGetRedis } from "../../test/support/redis.ts";
import { detection, type Detection } from "./detection.ts";
import { many, type ManyResult } from "./many.ts";
import { real, type RealResult } from "./real.ts";
import { stopped, type StoppedResult } from "./stopped.ts";

const parts = ["many", "real", "stopped", "detection"] as const;
const bounds = { cpu: 0.5, convergenceP99Ms: 1_000, publishedP99Ms: 100, rollbackP99Ms: 250, detectionRatio: 1.2, stoppedRatio: 1.25 };
/** One look of the control loop: what is found in a few of them cannot be compared more finely. */
const lookSeconds = 0.2;

interface Results {
  readonly many?: ManyResult;
  readonly real?: RealResult;
  readonly stopped?: StoppedResult;
  readonly detection?: readonly Detection[];
}

/** @returns the process's exit status: 1 where a bound is not kept */
export async function run(argv: readonly string[]): Promise<number> {
  const option = (name: string, fallback: number): number => {
    const at = argv.indexOf(name);
    return at < 0 ? fallback : Number(argv[at + 1]);
  };
  const at = argv.indexOf("--only");
  const only = at < 0 ? parts : parts.filter((part) => argv[at + 1]!.split(",").includes(part));
  const json = argv.includes("--json");
  const told = (line: string): void => void process.stderr.write(`${line}\n`);
  if (!hasRedis && only.some((part) => part !== "detection")) {
    told(howToGetRedis);
    return 2;
  }
  const results: Results = {
    ...(only.includes("many") ? { many: await many(option("--clients", 1_000), option("--seconds", 15), told) } : {}),
    ...(only.includes("real") ? { real: await real(option("--sidecars", 20), option("--changes", 200), option("--rollbacks", 5), told) } : {}),
    ...(only.includes("stopped") ? { stopped: await stopped(option("--rounds", 5), option("--seconds", 4), told) } : {}),
    ...(only.includes("detection") ? { detection: await detection(option("--runs", 15), told) } : {}),
  };
  const failures = broken(results);
  if (json) process.stdout.write(`${JSON.stringify({ cores: cpus().length, node: process.versions.node, bounds, ...results, failures })}\n`);
  else process.stdout.write(`${text(results)}${failures.map((failure) => `NOT KEPT: ${failure}\n`).join("")}`);
  // Light clients may still be connecting anew.
  setImmediate(() => process.exit());
  return failures.length === 0 ? 0 : 1;
}

function broken({ many: m, real: r, stopped: s, detection: d }: Results): string[] {
  const failures: string[] = [];
  const hold = (what: string, value: number, bound: number): void => {
    if (!(value <= bound)) failures.push(`${what}: ${value.toFixed(2)}, bound ${bound}`);
  };
  if (m !== undefined) {
    hold("Redis, cores", m.redisCpu, bounds.cpu);
    hold("leader, cores", m.leaderCpu, bounds.cpu);
    hold("convergence p99, ms", m.convergenceMs.p99, bounds.convergenceP99Ms);
    if (m.rollback.reached < m.clients) failures.push(`the rollback reached ${m.rollback.reached} of ${m.clients}`);
  }
  if (r !== undefined) {
    hold("published change p99, ms", r.publishedMs.p99, bounds.publishedP99Ms);
    hold("rollback p99, ms", r.rollbackMs.p99, bounds.rollbackP99Ms);
  }
  if (s !== undefined) {
    hold("failed requests while Redis was stopped and not", s.failed, 0);
    hold("p99 with Redis stopped, to running", s.ratio, bounds.stoppedRatio);
  }
  for (const row of d ?? []) hold(`${row.name}: twenty to one`, Math.max(0, row.twentyMedian - lookSeconds) / row.oneMedian, bounds.detectionRatio);
  return failures;
}

function text({ many: m, real: r, stopped: s, detection: d }: Results): string {
  const lines: string[] = [];
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  if (m !== undefined) {
    const { sent, toRedis, fromRedis } = m.bytesPerSidecarAndSecond;
    lines.push(
      `${m.clients} sidecars on one Redis`,
      `  Redis                  ${m.redisCpu.toFixed(2)} cores, ${m.redisOpsPerSecond.toFixed(0)} operations a second`,
      `  leader                 ${m.leaderCpu.toFixed(2)} cores`,
      `  a sidecar, a second    ${sent.toFixed(0)} bytes of reports; ${toRedis.toFixed(0)} to Redis, ${fromRedis.toFixed(0)} from Redis`,
      `  decision to last ack   p50 ${ms(m.convergenceMs.p50)}, p99 ${ms(m.convergenceMs.p99)} (${m.convergenceMs.decisions} decisions)`,
      `  fault to rollback      first ${ms(m.rollback.firstMs)}, last ${ms(m.rollback.lastMs)}`,
    );
  }
  if (r !== undefined) {
    lines.push(
      `${r.sidecars} real sidecars on one Redis, until all proxy threads run it`,
      `  a published document   p50 ${ms(r.publishedMs.p50)}, p99 ${ms(r.publishedMs.p99)} (${r.publishedMs.changes})`,
      `  a decision             p50 ${ms(r.decisionMs.p50)}, p99 ${ms(r.decisionMs.p99)} (${r.decisionMs.decisions})`,
      `  a rollback             p50 ${ms(r.rollbackMs.p50)}, p99 ${ms(r.rollbackMs.p99)} (${r.rollbackMs.rollbacks})`,
    );
  }
  if (s !== undefined) {
    lines.push(`Redis stopped under load: p99 ${s.p99Ms.stopped.toFixed(1)} ms, running ${s.p99Ms.running.toFixed(1)} ms, ratio ${s.ratio.toFixed(2)}; ${s.failed} of ${s.requests} requests failed`);
  }
  for (const row of d ?? []) {
    lines.push(`${row.name.padEnd(18)} one sidecar ${row.oneMedian.toFixed(1)} s (p95 ${row.oneP95.toFixed(1)}), twenty with a twentieth each ${row.twentyMedian.toFixed(1)} s (p95 ${row.twentyP95.toFixed(1)})`);
  }
  return `${lines.join("\n")}\n`;
}
