import fc from "fast-check";
import { expect, test } from "vitest";
import { initialState } from "../../src/rollout/decide.ts";
import { StateWriter } from "../../src/rollout/state-writer.ts";
import type { DecisionRecord, RolloutState } from "../../src/rollout/types.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import type { AppendOptions, WriteOptions } from "../../src/store/store.ts";
import { plan } from "./world.ts";

type Fault = "none" | "refused" | "answer lost";

/** A store whose writes fail before or after they happen, as the network likes. */
class Flaky extends MemoryStore {
  faults: Fault[] = [];
  override put(key: string, value: unknown, expected: number, options?: WriteOptions): Promise<number | undefined> {
    return this.through(() => super.put(key, value, expected, options));
  }
  override append(record: object, options?: AppendOptions): Promise<void> {
    return this.through(() => super.append(record, options));
  }
  private async through<T>(write: () => Promise<T>): Promise<T> {
    const fault = this.faults.shift() ?? "none";
    if (fault === "refused") throw new Error("refused");
    const answer = await write();
    if (fault === "answer lost") throw new Error("answer lost");
    return answer;
  }
}

const state = (n: number): RolloutState => ({ ...initialState(plan(), 0), badResponses: n });
const decision = (n: number): DecisionRecord => ({ atMs: n, reason: "started" }) as unknown as DecisionRecord;
const numbers = async (store: MemoryStore): Promise<number[]> => (await store.audit(1, 1_000)).map(({ record }) => (record as { atMs: number }).atMs);

test("a state and the decisions that led to it are one write", async () => {
  const store = new Flaky();
  const writer = new StateWriter(store, "rollouts/shop", { revision: 0, weight: 0 }, { failed: () => undefined, written: () => undefined });
  writer.put(state(1));
  writer.append(decision(1));
  writer.append(decision(2));
  store.faults = ["none", "refused"];
  expect(await writer.flush()).toBe(true);
  expect(await numbers(store)).toEqual([1, 2]);
});

test("whatever answers are lost, every decision is recorded once and in order, and the last state is the stored one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom<Fault>("none", "refused", "answer lost"), { maxLength: 40 }), fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 }), async (faults, turns) => {
      const store = new Flaky();
      store.faults = [...faults];
      const writer = new StateWriter(store, "rollouts/shop", { revision: 0, weight: 0 }, { failed: () => undefined, written: () => undefined });
      let n = 0;
      let last = 0;
      for (const decided of turns) {
        for (let i = 0; i < decided; i++) writer.append(decision(++n));
        writer.put(state((last = n + 1)));
        await writer.flush();
      }
      while (!(await writer.flush())) expect(writer.idle).toBe(false);
      expect(await numbers(store)).toEqual(Array.from({ length: n }, (_, index) => index + 1));
      expect((await store.get("rollouts/shop"))!.value).toMatchObject({ badResponses: last });
      expect(writer.idle).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("somebody else's write in between is overwritten, and no decision is recorded twice", async () => {
  const store = new Flaky();
  const writer = new StateWriter(store, "rollouts/shop", { revision: 0, weight: 0 }, { failed: () => undefined, written: () => undefined });
  writer.put(state(1));
  writer.append(decision(1));
  store.faults = ["answer lost"];
  expect(await writer.flush()).toBe(false);
  await store.put("rollouts/shop", { other: true }, 1);
  expect(await writer.flush()).toBe(true);
  expect(await numbers(store)).toEqual([1]);
  expect(await store.get("rollouts/shop")).toMatchObject({ value: { badResponses: 1 }, revision: 3 });
});
