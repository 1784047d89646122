/**
 * Twenty sidecars with a twentieth of the traffic each, beside one with all of it: how long each takes to find the same regression, through the whole
 * of it (recorders, slabs, judges, reports, the leader's sum, `decide`), in simulated time.
 */
import { FleetWorld, plan, type Member } from "../../test/fleet/world.ts";

const total = 500;
const step = 10;
const warmSeconds = 60;
const secondsMax = 300;

interface Regression {
  readonly name: string;
  readonly make: (world: FleetWorld, member: Member) => void;
}

const usual = (world: FleetWorld): number => 10 * Math.exp(0.4 * world.normal());

export const regressions: readonly Regression[] = [
  { name: "errors 0.1 -> 1%", make: (_, { candidate }) => (candidate.errors = 0.01) },
  { name: "errors 0.1 -> 5%", make: (_, { candidate }) => (candidate.errors = 0.05) },
  { name: "all +30%", make: (world, { candidate }) => (candidate.latencyMs = () => 1.3 * usual(world)) },
  { name: "outage", make: (_, { candidate }) => (candidate.errors = 1) },
];

/** @returns seconds from the regression until every sidecar gives the candidate nothing */
export async function secondsToRollback(sidecars: number, regression: Regression, seed: number): Promise<number> {
  const world = new FleetWorld({ seed, requestsPerSecond: total / sidecars });
  // One step, which never ends by itself.
  world.plan = plan({ steps: [{ weight: step, dwellMs: 86_400_000, minRequests: 100, approval: false }] });
  for (let i = 0; i < sidecars; i++) await world.join(`s${i}`);
  await world.until(() => world.members.every(({ weight }) => weight === step), 30, "the step");
  await world.run(warmSeconds);
  for (const member of world.members) regression.make(world, member);
  return world.until(() => world.members.every(({ weight }) => weight === 0), secondsMax, regression.name).catch(() => Number.POSITIVE_INFINITY);
}

export const quantileOf = (values: readonly number[], q: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!;

export interface Detection {
  readonly name: string;
  readonly oneMedian: number;
  readonly twentyMedian: number;
  readonly ratio: number;
  readonly oneP95: number;
  readonly twentyP95: number;
}

export async function detection(runs: number, told: (line: string) => void): Promise<Detection[]> {
  const rows: Detection[] = [];
  for (const regression of regressions) {
    const [one, twenty]: [number[], number[]] = [[], []];
    for (let seed = 1; seed <= runs; seed++) {
      one.push(await secondsToRollback(1, regression, seed));
      twenty.push(await secondsToRollback(20, regression, seed));
    }
    const row = {
      name: regression.name, oneMedian: quantileOf(one, 0.5), twentyMedian: quantileOf(twenty, 0.5), ratio: quantileOf(twenty, 0.5) / quantileOf(one, 0.5),
      oneP95: quantileOf(one, 0.95), twentyP95: quantileOf(twenty, 0.95),
    };
    rows.push(row);
    told(`${row.name.padEnd(18)} one ${row.oneMedian.toFixed(1)} s (p95 ${row.oneP95.toFixed(1)}), twenty ${row.twentyMedian.toFixed(1)} s (p95 ${row.twentyP95.toFixed(1)}), ratio ${row.ratio.toFixed(2)}`);
  }
  return rows;
}
