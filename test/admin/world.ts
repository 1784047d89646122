/** A process as the admin server sees it, with a real slab behind it, whose parts a test may change. */
import { bucketCount } from "../../src/core/buckets.ts";
import type { RouteSnapshot } from "../../src/config/snapshot.ts";
import type { DynamicConfiguration } from "../../src/config/definition.ts";
import { parseShared } from "../../src/config/shared.ts";
import { changeKill } from "../../src/gates/kills.ts";
import { DecisionTally } from "../../src/admin/decision-tally.ts";
import type { AdminPorts, ConfigurationStatus, ThreadStatus } from "../../src/admin/ports.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";
import { Windows } from "../../src/observe/window.ts";
import type { CommandResult, RolloutStatus } from "../../src/rollout/status.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type { Command, LimitEvidence, VariantWindow } from "../../src/rollout/types.ts";

const variantWindow: VariantWindow = { requests: 100, settled: 100, failed: 1, errorRate: 0.01, p50Ms: 2, p95Ms: 5, p99Ms: 9 };

const limit: LimitEvidence = {
  metric: "errorRate", quantile: null, action: "rollback", verdict: "inconclusive", bound: "relative", candidateValue: 0.01, baselineValue: 0.009, limitValue: 0.0104,
  margin: 0.0005, candidateN: 1000, baselineN: 9000, wealth: 0.8, groupWealth: 1.6, threshold: 200, share: 0.4, phi: 1, notWorse: 3,
};

export function rollout(over: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    name: "shop", route: "shop", baseline: "v1", candidate: "v2", revision: "2026-11-22", phase: "progressing", waiting: null, sinceMs: 1_795_000_000_000, step: 1,
    steps: [1, 10, 50, 100], weight: 10, quarantined: false, escalated: false, windows: { baseline: variantWindow, candidate: variantWindow },
    limits: [limit, { ...limit, metric: "latency", quantile: "p99", verdict: "breached", wealth: 170, groupWealth: 201, candidateValue: 40, baselineValue: 9, limitValue: 10 }],
    breaker: { tripped: false, wealth: 1, threshold: 1e6, bound: 0.2, bad: 0, ok: 100, clients: 0 }, badResponses: 4, exposureBudget: 500, edges: null, decisions: [], persisted: true,
    ...over,
  };
}

/** A document with a gate on the route. */
function dynamicOf(): DynamicConfiguration {
  const parsed = parseShared(JSON.stringify({
    routes: [{ name: "shop", cohort: { key: ["header:x-user"] }, variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", endpoints: ["http://127.0.0.1:2"], weight: 10 }] }],
    gates: [{ name: "checkout", route: "shop", variant: "v2", owner: "team-shop", description: "d", ticket: "T-1", created: "2026-11-01", sunset: "2026-12-01", criteria: "c", rules: [{ name: "beta", effect: "allow", when: { headers: [{ name: "x-beta" }] } }] }],
  }), "test", null);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.dynamic;
}

export interface World {
  readonly ports: AdminPorts;
  /** Whose audit log the ports read. */
  readonly store: MemoryStore;
  /** What was asked of rollouts. */
  readonly commands: (Command & { readonly name: string })[];
  readonly state: {
    nowMs: number;
    posted: ReturnType<AdminPorts["posted"]>;
    threads: ThreadStatus[];
    configuration: ConfigurationStatus;
    rollouts: RolloutStatus[];
    dynamic: DynamicConfiguration;
    /** What the next command is answered. */
    result: CommandResult;
    draining: boolean;
  };
  /** Requests that a variant (0 or 1) of the route answers. */
  answer(variant: number, requests: number, micros: number, status: number): void;
  recorder(variant: number): SeriesRecorder;
  /** What the control loop does. */
  tick(ms: number): void;
}

export function world(): World {
  const slab = new Slab(2);
  const [route, baseline, candidate] = ["shop", "v1", "v2"] as const;
  const variants = [baseline, candidate].map((name) => ({ name, endpoints: [], headers: [], slot: slab.slotOf(route, name) }));
  const routeSnapshot: RouteSnapshot = {
    name: route, match: { hosts: [], path: { kind: "prefix", value: "/" }, methods: [], headers: [] }, cohort: { mode: "key", sources: [], salt: "s", sticky: null }, variants,
    allocation: [{ from: 0, to: 10_000, variant: 1, order: 1 }, { from: 10_000, to: bucketCount, variant: 0, order: 0 }], fallback: true, judged: true, epoch: 1, seen: null, goals: [], number: null, health: null, lane: null, assets: null, mirror: null, gates: [],
    timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, pendingMs: 1, tunnelIdleMs: 1 },
    limits: { requestBodyBytesMax: 0, connectionsPerEndpointMax: 1, pendingPerEndpointMax: 1 },
  };
  const state: World["state"] = {
    nowMs: 1_000_000,
    posted: { snapshot: { revision: 3, routes: [routeSnapshot] }, atMs: 1_000_000 },
    threads: [0, 1].map((index) => ({ index, alive: true, revision: 3, listening: ["127.0.0.1:8080"] })),
    configuration: { source: "ebbgate.yaml", loadedMs: 1_795_000_000_000, lastLoadOk: true, refusals: 0, lastRefusal: null },
    rollouts: [rollout()],
    dynamic: dynamicOf(),
    result: { outcome: "refused", detail: "no step waits for an approval" },
    draining: false,
  };
  const store = new MemoryStore();
  const commands: World["commands"] = [];
  const clock = { wallMs: () => 1_794_000_000_000 + state.nowMs, monotonicMs: () => state.nowMs };
  const windows = new Windows(slab, clock);
  windows.follow([0, ...variants.map((variant) => variant.slot)]);
  const recorders = variants.map((variant) => new SeriesRecorder(slab.pages[0]!, variant.slot, 0));
  const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
  return {
    ports: {
      clock, slab, windows, decisions: new DecisionTally(),
      identity: { version: "0.1.0", instance: "test", region: "eu-1", zone: null, startedMs: 1_794_000_000_000 },
      posted: () => state.posted, threads: () => state.threads, configuration: () => state.configuration, rollouts: () => state.rollouts, audit: store, shared: null,
      gates: { dynamic: () => state.dynamic, get: (key) => store.get(key), change: (change) => changeKill(store, change, new Date(clock.wallMs()).toISOString()) },
      command(name, command) {
        if (!state.rollouts.some((one) => one.name === name)) return { outcome: "unknown" };
        commands.push({ name, ...command });
        return state.result;
      },
      mirrors: () => null, draining: () => state.draining,
    },
    store,
    commands,
    state,
    answer(variant, requests, micros, status) {
      for (let i = 0; i < requests; i++) {
        recorders[variant]!.dispatched(sample, 1, 0, false);
        recorders[variant]!.firstByte(sample, micros, status);
        recorders[variant]!.finished(micros);
        recorders[variant]!.ended();
      }
    },
    recorder: (variant) => recorders[variant]!,
    tick(ms) {
      slab.refresh();
      state.nowMs += ms;
      windows.tick();
    },
  };
}
