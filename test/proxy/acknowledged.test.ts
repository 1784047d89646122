import { expect, it } from "vitest";
import { snapshotOf, startProxy } from "../support/proxy.ts";

it("a revision is said to run when the last proxy thread runs it", async () => {
  const routes = [{ variants: { v1: { endpoints: ["http://127.0.0.1:9"] } } }];
  const proxy = await startProxy(routes, { threads: 3 });
  const { threads, slab } = proxy;
  try {
    await threads.runs(1);
    const seen: number[][] = [];
    const third = threads.runs(3).then(() => seen.push([...threads.acknowledged]));
    threads.publish(snapshotOf(2, routes, slab));
    await threads.runs(2);
    expect(seen).toEqual([]);
    threads.publish(snapshotOf(3, routes, slab));
    await third;
    expect(seen).toEqual([[3, 3, 3]]);
  } finally {
    await proxy.stop();
  }
});
