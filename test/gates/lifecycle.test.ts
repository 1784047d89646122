import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { compileDynamic } from "../../src/config/compile-dynamic.ts";
import { dynamicSchema } from "../../src/config/dynamic-schema.ts";
import { factsKey, noUsage, parseFacts, type GateFacts, type GateUsage } from "../../src/gates/facts.ts";
import { changeKill } from "../../src/gates/kills.ts";
import { GateLifecycle } from "../../src/gates/lifecycle.ts";
import { staleOf } from "../../src/gates/stale.ts";
import { exposureOf, type GateExposure } from "../../src/gates/state.ts";
import { initialState } from "../../src/rollout/decide.ts";
import type { RolloutState } from "../../src/rollout/types.ts";
import { systemClock } from "../../src/core/clock.ts";
import { FileStore } from "../../src/store/file-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { RedisStore } from "../../src/store/redis/redis-store.ts";
import type { Store } from "../../src/store/store.ts";
import { hasRedis, RedisServer, redisSettings } from "../support/redis.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 27);

function documentWith(parts: { readonly rollout?: object; readonly weight?: number; readonly others?: number } = {}) {
  const { rollout, weight, others } = parts;
  const variants = [
    { name: "v1", endpoints: ["http://127.0.0.1:3001"] }, { name: "v2", ...(weight === undefined ? {} : { weight }) },
    ...(others === undefined ? [] : [{ name: "v3", weight: others }]),
  ];
  const gate = { name: "new-checkout", route: "shop", variant: "v2", owner: "o", description: "d", ticket: "t", created: "2026-11-01", sunset: "2027-02-01", criteria: "c" };
  return compileDynamic(dynamicSchema.parse({ routes: [{ name: "shop", cohort: { key: ["header:x"] }, variants, ...(rollout === undefined ? {} : { rollout: { candidate: "v2", steps: [10, 100], ...rollout } }) }], gates: [gate] }));
}

describe("how far a gate is open follows the weight", () => {
  const of = (dynamic: ReturnType<typeof documentWith>, changes: Partial<RolloutState> = {}, killed = false): GateExposure => {
    const plan = dynamic.routes[0]!.rollout;
    return exposureOf(dynamic.gates[0]!, dynamic, plan === null ? undefined : { ...initialState(plan, 0), ...changes }, killed);
  };
  const at = (step: number, weight: number, changes: Partial<RolloutState> = {}): Partial<RolloutState> => ({ phase: "progressing", step, weight, ...changes });
  const plain = documentWith({ rollout: {} });
  test.each<[string, GateExposure, GateExposure["state"], GateExposure["closed"]]>([
    ["no weight", of(documentWith()), "hidden", null],
    ["a fixed weight", of(documentWith({ weight: 10 })), "partial", null],
    ["all of it", of(documentWith({ weight: 100 })), "full", null],
    ["all that another candidate leaves", of(documentWith({ weight: 80, others: 20 })), "full", null],
    ["a rollout that has not begun", of(plain), "hidden", null],
    ["its first step", of(plain, at(0, 10)), "partial", null],
    ["its last step, baking", of(plain, { ...at(1, 100), phase: "baking", bakeSinceMs: 0 }), "full", null],
    ["a paused one keeps its users", of(plain, { ...at(0, 10), phase: "paused", paused: { by: "command", phase: "progressing", waiting: null } }), "partial", null],
    ["a tripped breaker", of(plain, at(0, 0, { phase: "waiting", waiting: "probe", probe: "cooling" })), "hidden", "tripped"],
    ["its probe", of(plain, at(0, 1, { phase: "waiting", waiting: "probe", probe: "probing" })), "partial", null],
    ["rolling back", of(plain, at(0, 0, { phase: "rollingBack" })), "hidden", "rolledBack"],
    ["rolled back", of(plain, at(0, 0, { phase: "rolledBack", quarantined: ["x"] })), "hidden", "rolledBack"],
    ["another revision after that", of(plain, at(0, 50, { revision: "an older one" })), "hidden", null],
    ["killed at 100%", of(documentWith({ weight: 100 }), {}, true), "hidden", "killed"],
    ["a region that a limit has left, at 100% elsewhere", of(plain, at(1, 100, { regionsOut: ["us"] })), "partial", null],
    ["a region that a cap keeps lower", of(documentWith({ rollout: { regions: { us: 20 } } }), at(1, 100)), "partial", null],
    ["a cap above the weight", of(documentWith({ rollout: { regions: { us: 20 } } }), at(0, 10)), "partial", null],
  ])("%s", (_what, exposure, state, closed) => {
    expect([exposure.state, exposure.closed]).toEqual([state, closed]);
  });

  it("names the regions that get less", () => {
    expect(of(documentWith({ rollout: { regions: { us: 20, eu: 100 } } }), at(1, 100, { regionsOut: ["asia"] })).regionsBelow).toEqual(["asia", "us"]);
  });
});

interface Life {
  readonly lifecycle: GateLifecycle;
  readonly world: { nowMs: number; exposures: Map<string, GateExposure>; usage: Map<string, { gate: GateUsage; route: number }>; leads: boolean };
}

function lifeOf(store: Store, alone = true): Life {
  const world: Life["world"] = { nowMs: 0, exposures: new Map(), usage: new Map(), leads: true };
  const lifecycle = new GateLifecycle({
    store, alone, random: () => 0.5, clock: { monotonicMs: () => world.nowMs, wallMs: () => startMs + world.nowMs },
    failed: (error) => {
      throw error;
    },
    leads: () => world.leads, exposures: () => world.exposures, usage: () => world.usage,
  });
  return { lifecycle, world };
}

const exposure = (state: GateExposure["state"], weight: number): GateExposure => ({ state, weight, closed: null, regionsBelow: [] });
const factsIn = async (store: Store): Promise<GateFacts | undefined> => parseFacts((await store.get(factsKey))?.value).get("new-checkout");
const recordsOf = async (store: Store): Promise<object[]> => (await store.audit(1, 100)).map(({ record }) => record);

async function fileStore(): Promise<FileStore> {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-gates-"));
  const store = await FileStore.open({ directory });
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  return store;
}

async function redisStore(): Promise<RedisStore> {
  const server = await RedisServer.start();
  const store = await RedisStore.open({ settings: redisSettings(server.port), clock: systemClock });
  onTestFinished(async () => {
    await store.close();
    await server.stop();
  });
  return store;
}

describe("what is remembered of a gate", () => {
  it("is its state with the moment it changed, each change in the audit log, and its requests over restarts", async () => {
    const store = new MemoryStore();
    const { lifecycle, world } = lifeOf(store);
    world.exposures.set("new-checkout", exposure("hidden", 0));
    await lifecycle.flush();
    world.nowMs = 5_000;
    world.exposures.set("new-checkout", exposure("partial", 10));
    world.usage.set("new-checkout", { gate: { ...noUsage, allowed: 3, weighted: 10 }, route: 100 });
    await lifecycle.flush();
    world.nowMs = 9_000;
    world.usage.set("new-checkout", { gate: { ...noUsage, allowed: 4, weighted: 15 }, route: 120 });
    await lifecycle.flush();
    expect(await factsIn(store)).toEqual({
      state: "partial", first: new Date(startMs).toISOString(), since: new Date(startMs + 5_000).toISOString(), traffic: new Date(startMs + 9_000).toISOString(), requests: { ...noUsage, allowed: 4, weighted: 15 },
    });

    const next = lifeOf(store);
    next.world.exposures.set("new-checkout", exposure("partial", 10));
    next.world.usage.set("new-checkout", { gate: { ...noUsage, denied: 2, weighted: 1 }, route: 3 });
    await next.lifecycle.flush();
    expect((await factsIn(store))?.requests).toEqual({ ...noUsage, allowed: 4, weighted: 16, denied: 2 });
    expect(await recordsOf(store)).toEqual([
      { kind: "gate", gate: "new-checkout", action: "state", from: null, to: "hidden", reason: "weight 0%" },
      { kind: "gate", gate: "new-checkout", action: "state", from: "hidden", to: "partial", reason: "weight 10%" },
    ]);
  });

  it("adds up over sidecars, while only the one that decides says how far the gate is open", async () => {
    const store = new MemoryStore();
    const lives = [lifeOf(store, false), lifeOf(store, false), lifeOf(store, false)];
    for (const [i, { world }] of lives.entries()) {
      world.leads = i === 0;
      world.exposures.set("new-checkout", exposure(i === 0 ? "partial" : "hidden", 10));
    }
    await lives[0]!.lifecycle.flush();
    for (const { world } of lives) world.usage.set("new-checkout", { gate: { ...noUsage, targeted: 5 }, route: 10 });
    await Promise.all(lives.map(({ lifecycle }) => lifecycle.flush()));
    expect(await factsIn(store)).toMatchObject({ state: "partial", requests: { targeted: 15 } });
    expect(await recordsOf(store)).toHaveLength(1);
  });

  it.each([["file", fileStore] as const, ...(hasRedis ? [["Redis", redisStore] as const] : [])])("is nothing once it is retired: the %s store is as it was before", async (_kind, open) => {
    const store = await open();
    const before = await store.keys("");
    const { lifecycle, world } = lifeOf(store);
    world.exposures.set("new-checkout", exposure("full", 100));
    world.usage.set("new-checkout", { gate: { ...noUsage, weighted: 7 }, route: 7 });
    await lifecycle.flush();
    await changeKill(store, { gate: "new-checkout", action: "kill", who: "ada", reason: "r" }, new Date(startMs).toISOString());
    expect(await store.keys("")).toEqual(["gates", "kills"]);
    world.exposures.clear();
    await lifecycle.flush();
    expect(await store.keys("")).toEqual(before);
    expect((await recordsOf(store)).at(-1)).toMatchObject({ gate: "new-checkout", action: "state", from: "full", to: "retired" });
    // A new gate of that name begins anew.
    world.exposures.set("new-checkout", exposure("hidden", 0));
    await lifecycle.flush();
    expect(await factsIn(store)).toMatchObject({ state: "hidden", traffic: null, requests: noUsage });
  });

  it("is kept for a while in a fleet, where another sidecar may still have the gate", async () => {
    const store = new MemoryStore();
    const { lifecycle, world } = lifeOf(store, false);
    world.exposures.set("new-checkout", exposure("partial", 10));
    await lifecycle.flush();
    await changeKill(store, { gate: "new-checkout", action: "kill", who: "ada", reason: "r" }, new Date(startMs).toISOString());
    world.exposures.clear();
    await lifecycle.flush();
    expect(await store.keys("")).toEqual(["gates", "kills"]);
    world.nowMs += 600_000;
    await lifecycle.flush();
    expect(await store.keys("")).toEqual([]);
  });
});

describe("a gate is stale", () => {
  const { gates, policy } = documentWith();
  const gate = gates[0]!;
  const facts = (parts: Partial<GateFacts> = {}): GateFacts => ({ state: "partial", since: new Date(startMs).toISOString(), first: new Date(startMs).toISOString(), traffic: new Date(startMs).toISOString(), requests: noUsage, ...parts });
  const busy = (days: number): Partial<GateFacts> => ({ traffic: new Date(startMs + days * dayMs).toISOString() });
  const reasons = (known: GateFacts | undefined, days: number, of = gate): string[] => staleOf(of, known, policy, startMs + days * dayMs).map(({ reason, days: since }) => `${reason} ${since}`);
  test.each<[string, string[], string[]]>([
    ["full for 30 days", reasons(facts({ state: "full", ...busy(30) }), 30), ["fullFor 30"]],
    ["not a day earlier", reasons(facts({ state: "full", ...busy(29) }), 29.99), []],
    ["hidden for 30 days", reasons(facts({ state: "hidden", ...busy(30) }), 30), ["hiddenFor 30"]],
    ["partial for as long as it likes", reasons(facts({ ...busy(60) }), 60), []],
    ["its route without traffic for 14 days", reasons(facts(), 14), ["noTraffic 14"]],
    ["its route never had any", reasons(facts({ traffic: null }), 14), ["noTraffic 14"]],
    ["on its sunset", reasons(undefined, 66), ["pastSunset 0"]],
    ["the day before", reasons(undefined, 65.99), []],
    ["for several reasons at once", reasons(facts({ state: "full" }), 70), ["pastSunset 4", "fullFor 70", "noTraffic 70"]],
    ["never without a sunset, while nobody has seen it", reasons(undefined, 1_000, { ...gate, sunset: null }), []],
  ])("%s", (_what, found, expected) => {
    expect(found).toEqual(expected);
  });
});
