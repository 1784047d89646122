import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileStore } from "../../src/store/file-store.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";

test("a lease runs out at its time and not before; whoever held it may hold on while nobody took it", async () => {
  let now = 0;
  const store = new MemoryStore({ wallMs: () => 0, monotonicMs: () => now });
  const { epoch } = (await store.lease("leader", "x", 1_000))!;
  await store.setEphemeral("instances", "x", 1, 1_000);
  now = 999;
  expect(await store.lease("leader", "y", 1_000)).toBeUndefined();
  expect(await store.leaseOf("leader")).toEqual({ holder: "x", epoch, remainingMs: 1 });
  expect((await store.ephemeral("instances")).size).toBe(1);
  now = 1_000;
  expect(await store.leaseOf("leader")).toBeUndefined();
  expect((await store.ephemeral("instances")).size).toBe(0);
  expect(await store.renew("leader", epoch, 1_000)).toBe(true);
  now = 2_000;
  const next = (await store.lease("leader", "y", 1_000))!;
  expect(next.epoch).toBeGreaterThan(epoch);
  expect(await store.renew("leader", epoch, 1_000)).toBe(false);
});

test("epochs go on after a restart of a file store, and nobody holds the lease then", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ebbgate-local-store-"));
  const epochs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const store = await FileStore.open({ directory });
    epochs.push((await store.lease("leader", "x", 60_000))!.epoch);
    await store.close();
  }
  await rm(directory, { recursive: true, force: true });
  expect(epochs).toEqual([1, 2, 3]);
});
