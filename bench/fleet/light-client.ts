/**
 * A sidecar as Redis and the leader see it, without proxy or judge: the same two connections, hints, reads, reports, acknowledgements and
 * announcements, through the same code that encodes them. It reports invented counts of one rollout, and can be told to fail.
 */
import { Acknowledgements } from "../../src/fleet/acknowledgements.ts";
import { Beacons } from "../../src/fleet/beacon.ts";
import { breakerOf, eraOf, stepOf, verifyOf } from "../../src/fleet/marks.ts";
import type { Report } from "../../src/fleet/report.ts";
import { encodeReport } from "../../src/fleet/report-wire.ts";
import { parseStored, type StoredRollout } from "../../src/fleet/stored-rollout.ts";
import { OneAtATime } from "../../src/fleet/one-at-a-time.ts";
import type { MemberStratum } from "../../src/judge/fleet-trial.ts";
import { emptyStratum } from "../../src/judge/counts.ts";
import { independent } from "../../src/judge/dispersion.ts";
import type { VariantWindow } from "../../src/rollout/types.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { RedisSettings } from "../../src/config/definition.ts";

const announceEveryMs = 5_000;
const strataEveryMs = 1_000;
/** Of each client: together they are a large service. */
export const requestsPerSecond = 50;
const none = { excess: 0, events: 0, information: 0 };

export class LightClient {
  readonly name: string;
  /** The candidate fails on it. */
  failing = false;
  /** When the committed weight became 0 here. */
  zeroAtMs: number | null = null;
  bytesSent = 0;
  private readonly store: RedisStore;
  private readonly beacons: Beacons;
  private readonly acknowledgements = new Acknowledgements();
  private readonly reads: OneAtATime;
  private committed: StoredRollout | null = null;
  private seq = 0;
  private reportedMs: number;
  private announcedMs: number;
  private stratumMs = 0;
  private stepAtMs = 0;
  private ends: (() => void)[] = [];
  private readonly sums = { bad: 0, ok: 0, candidate: 0, baseline: 0 };

  private constructor(name: string, store: RedisStore) {
    this.name = name;
    this.store = store;
    this.beacons = new Beacons(store, name);
    // Spread over the interval, as sidecars that were started at any time are.
    this.reportedMs = performance.now() - Math.random() * 1_000;
    this.announcedMs = performance.now() - Math.random() * announceEveryMs;
    this.reads = new OneAtATime(() => this.read());
  }

  static async start(name: string, settings: RedisSettings): Promise<LightClient> {
    const client = new LightClient(name, await RedisStore.open({ settings }));
    client.ends = [client.store.watch("rollouts/", () => client.reads.ask("shop")), client.beacons.listen(() => undefined, () => performance.now())];
    return client;
  }

  /** Every 50 ms or so. */
  tick(): void {
    const nowMs = performance.now();
    if (nowMs - this.reportedMs >= this.beacons.intervalMs) this.report(nowMs);
    if (nowMs - this.announcedMs >= announceEveryMs) {
      this.announcedMs = nowMs;
      void this.store.setEphemeral("instances", this.name, { instance: this.name, region: null, version: "light" }, 15_000).catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    for (const end of this.ends) end();
    await this.store.close();
  }

  private async read(): Promise<void> {
    const stored = await this.store.get("rollouts/shop").catch(() => undefined);
    const parsed = stored === undefined ? "" : parseStored(stored.value);
    if (typeof parsed === "string" || (this.committed !== null && parsed.revision <= this.committed.revision)) return;
    if (this.committed === null || stepOf(parsed.marks) !== stepOf(this.committed.marks)) {
      this.stepAtMs = performance.now();
      this.sums.candidate = this.sums.baseline = 0;
    }
    if (parsed.state.weight === 0 && (this.committed?.state.weight ?? 0) > 0) this.zeroAtMs = performance.now();
    this.committed = parsed;
    this.acknowledgements.takenOver("shop", parsed.revision, 0);
    this.acknowledgements.run(0);
    this.say([], false);
  }

  private report(nowMs: number): void {
    const elapsed = Math.min(1, (nowMs - this.reportedMs) / 1_000);
    this.reportedMs = nowMs;
    const { committed } = this;
    if (committed === null) return this.say([], true);
    const { marks, state } = committed;
    const weight = state.weight / 100;
    const rate = (share: number): number => Math.max(share > 0 ? 1 : 0, Math.round(requestsPerSecond * share));
    const candidate = rate(weight);
    const baseline = requestsPerSecond - candidate;
    if (this.failing && weight > 0) this.sums.bad += Math.ceil(candidate * elapsed);
    else this.sums.ok += Math.round(candidate * elapsed);
    this.sums.candidate += candidate * elapsed;
    this.sums.baseline += baseline * elapsed;
    const window = (n: number, failed: number): VariantWindow => ({ requests: 10 * n, settled: 10 * n, failed, errorRate: failed / Math.max(1, 10 * n), p50Ms: 5, p95Ms: 12, p99Ms: 20 });
    const strata: MemberStratum[] = [];
    if (weight > 0 && nowMs - this.stratumMs >= strataEveryMs) {
      this.stratumMs = nowMs;
      const errorsC = this.failing ? candidate : 0;
      strata.push({ from: Math.floor(nowMs / 1000), final: true, dispersion: independent, counts: { ...emptyStratum(), nC: candidate, nB: baseline, settledC: candidate, settledB: baseline, errorsC, errorsB: 0, latency: [this.latency(candidate, baseline)] } });
    }
    const shards = [0xffff, 0, 0, 0];
    this.say([{
      route: "shop", marks: { era: eraOf(marks), step: stepOf(marks), breaker: breakerOf(marks), verify: verifyOf(marks) },
      breaker: { bad: this.sums.bad, ok: this.sums.ok, spread: this.sums.bad, baselineBad: 0, baselineOk: 2 * baseline, badShards: this.failing ? shards : [0, 0, 0, 0], shards },
      windows: {
        candidate: window(candidate, 0), baseline: window(baseline, 0), sinceVerify: window(baseline, 0), earlier: window(baseline, 0), errorBound: 0.02,
        dispersion: { errors: { shards: none, endpoints: none }, location: { shards: none, endpoints: none }, tails: { shards: none, endpoints: none } },
        stepCandidateRequests: Math.round(this.sums.candidate), stepBaselineRequests: Math.round(this.sums.baseline), stepCandidateSettled: Math.round(this.sums.candidate),
        quietMs: weight > 0 ? 0 : nowMs - this.stepAtMs, bad: this.sums.bad,
      },
      model: this.seq % 5 === 0 ? this.model() : null, strata, trip: null,
    }], true);
  }

  private model() {
    return { generation: 1, classShares: Array.from({ length: 16 }, () => 0.0625), scores: Array.from({ length: 16 }, (_, i) => (i - 7.5) / 4.5), tailShares: [0.05, 0.01, 0.002, 0.004] };
  }

  private latency(nC: number, nB: number) {
    const location = (n: number): Float64Array => {
      const classes = new Float64Array(16);
      for (let i = 0; i < n; i++) classes[Math.floor(Math.random() * 16)]!++;
      return classes;
    };
    const tails = (n: number): Float64Array => Float64Array.from([0.05, 0.01, 0.002, 0.004], (share) => Array.from({ length: n }, () => (Math.random() < share ? 1 : 0)).reduce<number>((x, y) => x + y, 0));
    return { generation: 1, nC, nB, unsettledC: 0, unsettledB: 0, locationC: location(nC), locationB: location(nB), tailsC: tails(nC), tailsB: tails(nB) };
  }

  private say(rollouts: Report["rollouts"], whole: boolean): void {
    const text = encodeReport({ instance: this.name, run: "light", region: null, seq: ++this.seq, rollouts, acknowledged: this.acknowledgements.say(whole) });
    this.bytesSent += text.length;
    void this.store.publish("reports", text).catch(() => undefined);
  }
}
