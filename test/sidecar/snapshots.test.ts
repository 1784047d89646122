import { expect, it } from "vitest";
import { parseShared } from "../../src/config/shared.ts";
import { Slab } from "../../src/observe/slab.ts";
import { Snapshots } from "../../src/snapshots.ts";
import { initial, reweigh } from "../../src/split/allocation.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";

const parsed = parseShared(JSON.stringify({ routes: [{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", endpoints: ["http://127.0.0.1:2"], weight: 20 }] }] }), "here", null);
if (!parsed.ok) throw new Error("the document of this test is not good");
const { dynamic } = parsed.value;

async function snapshots(leads: boolean, store = new MemoryStore()): Promise<Snapshots> {
  const made = new Snapshots(new Slab(1), store, () => 0, (error) => { throw error; }, () => (leads ? { lease: "leader", epoch: 1 } : null));
  await made.follow(dynamic);
  return made;
}

it("a sidecar that dealt its users as the leader then says needs no other snapshot; one that did not needs one", async () => {
  const store = new MemoryStore();
  await store.lease("leader", "a", 60_000);
  const leader = await snapshots(true, store);
  const given = leader.next([]).routes[0]!.allocation;
  await leader.flush();
  const stored = (await store.get("allocations/shop"))!;
  const follower = await snapshots(false);
  expect(follower.next([]).routes[0]!.allocation).toEqual(given);
  follower.adopt("shop", stored.value, stored.revision);
  expect(follower.due).toBe(false);
  expect(follower.next([]).routes[0]!.allocation).toEqual(given);
  const other = await snapshots(false);
  other.next([]);
  other.adopt("shop", { variants: ["v1", "v2"], ranges: reweigh(initial(), [60, 40]) }, 1);
  expect(other.due).toBe(true);
});
