import { describe, expect, it } from "vitest";
import { KillKeeper, type KeeperOptions } from "../../src/gates/keeper.ts";
import { changeKill, forgetKills, killsKey, parseKills } from "../../src/gates/kills.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { StoreError, type Store } from "../../src/store/store.ts";

const at = "2026-11-27T12:00:00.000Z";
const kill = (gate: string) => ({ gate, action: "kill", who: "ada@host", reason: "orders are lost" }) as const;
const revive = (gate: string) => ({ gate, action: "revive", who: "ada@host", reason: "fixed" }) as const;
const killedIn = async (store: Store): Promise<string[]> => Object.keys(parseKills((await store.get(killsKey))?.value));
const recordsOf = async (store: Store): Promise<object[]> => (await store.audit(1, 100)).map(({ record }) => record);
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe("the kill switch", () => {
  it("is in the audit log, once for each change that was one", async () => {
    const store = new MemoryStore();
    expect(await changeKill(store, kill("a"), at)).toBe("done");
    expect(await changeKill(store, kill("a"), at)).toBe("already");
    expect(await changeKill(store, revive("a"), at)).toBe("done");
    expect(await changeKill(store, revive("a"), at)).toBe("already");
    expect(await recordsOf(store)).toEqual([{ kind: "gate", ...kill("a") }, { kind: "gate", ...revive("a") }]);
  });

  it("loses no change where several people use it at once", async () => {
    const store = new MemoryStore();
    const gates = Array.from({ length: 12 }, (_, i) => `gate-${i}`);
    await Promise.all(gates.map((gate) => changeKill(store, kill(gate), at)));
    expect((await killedIn(store)).toSorted()).toEqual(gates.toSorted());
    await Promise.all(gates.slice(1).map((gate) => changeKill(store, revive(gate), at)));
    expect(await killedIn(store)).toEqual(["gate-0"]);
  });

  it("forgets gates that are gone, and then itself", async () => {
    const store = new MemoryStore();
    await changeKill(store, kill("a"), at);
    await changeKill(store, kill("b"), at);
    expect(await forgetKills(store, (gate) => gate === "a")).toEqual(["b"]);
    expect(await killedIn(store)).toEqual(["a"]);
    await forgetKills(store, () => false);
    expect(await store.keys("")).toEqual([]);
  });

  it("takes nothing for a kill that is none", () => {
    expect(parseKills({ a: { at, who: "x", reason: "y" }, b: { at }, c: null, d: 1 })).toEqual({ a: { at, who: "x", reason: "y" } });
    for (const wrong of [null, undefined, 1, "a", []]) expect(parseKills(wrong)).toEqual({});
  });
});

describe("a sidecar that keeps to it", () => {
  function keeperOf(store: Store): { readonly keeper: KillKeeper; readonly changed: () => Promise<void>; readonly clock: { nowMs: number } } {
    let wake: () => void = () => undefined;
    let pending = 0;
    const clock = { nowMs: 0 };
    const options: KeeperOptions = {
      store, log: silent, inbox: null, clock: { monotonicMs: () => clock.nowMs, wallMs: () => Date.parse(at) },
      changed: () => {
        pending++;
        wake();
      },
    };
    const changed = async (): Promise<void> => {
      if (pending === 0) await new Promise<void>((resolve) => (wake = resolve));
      pending--;
    };
    return { keeper: new KillKeeper(options), changed, clock };
  }

  it("knows what is killed when it starts, and hears of each change", async () => {
    const store = new MemoryStore();
    await changeKill(store, kill("a"), at);
    const { keeper, changed } = keeperOf(store);
    await keeper.start();
    expect([...keeper.killed]).toEqual(["a"]);
    await changed();
    await changeKill(store, kill("b"), at);
    await changed();
    expect([...keeper.killed].toSorted()).toEqual(["a", "b"]);
    await changeKill(store, revive("a"), at);
    await changed();
    expect([...keeper.killed]).toEqual(["b"]);
    await keeper.close();
  });

  it("holds on to what it knew while the store is away, and reads again when it is back", async () => {
    const store = new MemoryStore();
    await changeKill(store, kill("a"), at);
    let away = false;
    const flaky: Store = Object.assign(Object.create(store) as Store, {
      get: (key: string) => (away ? Promise.reject(new StoreError("unavailable", "away")) : store.get(key)),
      // Hints are lost as well.
      watch: () => () => undefined,
    });
    const { keeper, changed, clock } = keeperOf(flaky);
    await keeper.start();
    await changed();
    away = true;
    await changeKill(store, revive("a"), at);
    clock.nowMs += 10_000;
    keeper.tick();
    await keeper.close();
    expect([...keeper.killed]).toEqual(["a"]);

    const again = keeperOf(flaky);
    await again.keeper.start();
    expect([...again.keeper.killed]).toEqual([]);
    await changeKill(store, kill("b"), at);
    away = false;
    again.clock.nowMs += 10_000;
    again.keeper.tick();
    await again.changed();
    expect([...again.keeper.killed]).toEqual(["b"]);
    await again.keeper.close();
  });
});
