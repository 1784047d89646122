import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { counters, histogramBuckets } from "../../src/observe/layout.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";

function bench(threads = 1) {
  const slab = new Slab(threads);
  const slot = slab.slotOf("shop", "v2");
  const recorders = Array.from({ length: threads }, (_, thread) => new SeriesRecorder(slab.pages[0]!, slot, thread));
  const classOfBucket = new Uint8Array(histogramBuckets).fill(3);
  classOfBucket.fill(15 | 16 | 32, histogramBuckets >> 1);
  for (const recorder of recorders) recorder.setEdges({ generation: 1, classOfBucket, lateMs: 0 });
  const send = (second: number, client: number, endpointShard: number, bad: boolean, slow = false, thread = 0): void => {
    const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0, client, endpointShard };
    recorders[thread]!.dispatched(sample, second, client & 127, true);
    recorders[thread]!.firstByte(sample, slow ? 60_000_000 : 5_000, bad ? 500 : 200);
    recorders[thread]!.ended();
  };
  return { slab, reader: slab.reader(slot), send };
}

describe("what the request path records for the judge", () => {
  test("a row has every error, each client's first, and those that are not one endpoint's alone", () => {
    const { reader, send } = bench();
    for (let i = 0; i < 40; i++) send(100, 1_000 + i, i % 4, false);
    for (let i = 0; i < 12; i++) send(100, 5_000 + (i >> 1), 1, true);
    expect(reader.stratum(100)).toMatchObject({ n: 52, errorsRaw: 12, errors: 6, errorsSpread: 1, settled: 52 });
  });

  test("a block sums its ten seconds by cohort shard and by endpoint, over all threads", () => {
    const { reader, send } = bench(2);
    for (let second = 100; second < 110; second++) {
      send(second, second * 128 + 5, -1, true, false, second % 2);
      send(second, second * 128 + 37, 2, false, true, second % 2);
    }
    const block = reader.block(10)!;
    expect(block.errors[5]).toBe(10);
    expect(block.classed[5]).toBe(20);
    expect(block.classSum[5]).toBe(10 * 3 + 10 * 15);
    expect(block.classSquares).toBe(10 * 9 + 10 * 225);
    expect(block.slow[5]).toBe(10);
    expect(Array.from(block.endpointClassed.subarray(0, 4))).toEqual([0, 0, 10, 0]);
    expect(block.endpointSlow[2]).toBe(10);
    expect(reader.block(9)).toBeUndefined();
  });

  test("an answer that comes after its block was overwritten is left out, and nothing else is touched", () => {
    const { slab, reader, send } = bench();
    const recorder = new SeriesRecorder(slab.pages[0]!, reader.slot, 0);
    const late: Sample = { row: -1, second: 0, counted: 0, shard: 0, client: 1, endpointShard: 0 };
    recorder.dispatched(late, 100, 1, true);
    send(130, 2, 0, false);
    recorder.failed(late, "reset", -1);
    expect(reader.block(10)).toBeUndefined();
    expect([...reader.block(13)!.errors].every((count) => count === 0)).toBe(true);
    expect(reader.stratum(100)).toMatchObject({ errorsRaw: 1, settled: 1 });
  });

  test("a fingerprint changes exactly when a settled row does, and is NaN before", () => {
    const { slab, reader } = bench();
    const recorder = new SeriesRecorder(slab.pages[0]!, reader.slot, 0);
    const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
    recorder.dispatched(sample, 100, 1, true);
    expect(reader.fingerprint(100)).toBeNaN();
    recorder.firstByte(sample, 1_000, 200);
    const settled = reader.fingerprint(100);
    expect(reader.fingerprint(100)).toBe(settled);
    recorder.failedLater(sample, "truncated");
    expect(reader.fingerprint(100)).not.toBe(settled);
  });

  test("a histogram has everything that was counted, whenever it is asked for and however often the slab was refreshed", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ answers: fc.nat(20), ask: fc.boolean() }), { maxLength: 30 }), (steps) => {
        const { slab, reader, send } = bench();
        let sent = 0;
        for (const { answers, ask } of steps) {
          for (let i = 0; i < answers; i++) send(100, i, 0, false);
          sent += answers;
          slab.refresh();
          expect(reader.counter(counters.requests)).toBe(sent);
          if (ask) expect(reader.histogram("firstByte").reduce((a, b) => a + b, 0)).toBe(sent);
        }
        expect(reader.histogram("firstByte").reduce((a, b) => a + b, 0)).toBe(sent);
      }),
      { numRuns: 20 },
    );
  });
});
