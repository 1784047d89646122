import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { counters } from "../../src/observe/layout.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";
import { Windows, windowSecondsMax } from "../../src/observe/window.ts";

function bench() {
  const slab = new Slab(1);
  const slot = slab.slotOf("shop", "v1");
  const recorder = new SeriesRecorder(slab.pages[0]!, slot, 0);
  let nowMs = 5_000_000;
  const clock: Clock = { wallMs: () => 0, monotonicMs: () => nowMs };
  const windows = new Windows(slab, clock);
  const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
  return {
    windows,
    window: () => windows.of(slot),
    slot,
    pass(ms: number) {
      slab.refresh();
      nowMs += ms;
      windows.tick();
    },
    answer(count: number, micros: number, status: number) {
      for (let i = 0; i < count; i++) {
        recorder.dispatched(sample, 1, 0, false);
        recorder.firstByte(sample, micros, status);
        recorder.ended();
      }
    },
    addBytes: (bytes: number) => recorder.add(counters.responseBodyBytes, bytes),
  };
}

describe("the window of what was observed lately", () => {
  it("gives the rate over the time it has really seen while it is younger than ten seconds", () => {
    const b = bench();
    b.window();
    expect(b.window().rate(counters.requests)).toBe(0);
    b.answer(50, 1000, 200);
    b.pass(1000);
    b.answer(50, 1000, 200);
    b.pass(1000);
    expect(b.window().seconds).toBe(2);
    expect(b.window().rate(counters.requests)).toBe(50);
  });

  it("forgets what is older than ten seconds", () => {
    const b = bench();
    b.window();
    b.answer(1000, 900_000, 500);
    for (let i = 0; i < 3; i++) b.pass(1000);
    for (let i = 0; i < windowSecondsMax; i++) {
      b.answer(20, 1000, 200);
      b.pass(1000);
    }
    expect(b.window().count(counters.requests)).toBe(200);
    expect(b.window().rate(counters.requests)).toBe(20);
    expect(b.window().errorRate()).toBe(0);
    expect(b.window().firstByteQuantiles([0.99])[0]).toBeLessThan(1100);
  });

  it("keeps its length however often it is ticked", () => {
    const b = bench();
    b.window();
    for (let i = 0; i < 300; i++) {
      b.answer(1, 1000, 200);
      b.pass(100);
    }
    expect(b.window().seconds).toBeGreaterThanOrEqual(windowSecondsMax - 1);
    expect(b.window().seconds).toBeLessThanOrEqual(windowSecondsMax + 1);
    expect(b.window().rate(counters.requests)).toBeCloseTo(10, 6);
  });

  it("says nothing, rather than something good, where nothing was observed", () => {
    const b = bench();
    b.window();
    b.pass(1000);
    expect(b.window().errorRate()).toBeNull();
    expect(b.window().firstByteQuantiles([0.5])[0]).toBeNull();
  });

  it("reads the window's error rate and quantiles, each within a histogram bucket", () => {
    const b = bench();
    b.window();
    b.answer(90, 10_000, 200);
    b.answer(10, 200_000, 503);
    b.pass(1000);
    expect(b.window().errorRate()).toBeCloseTo(0.1, 10);
    expect(b.window().error("status_5xx")).toBe(10);
    expect(b.window().firstByteQuantiles([0.5])[0]! / 10_000).toBeCloseTo(1, 1);
    expect(b.window().firstByteQuantiles([0.99])[0]! / 200_000).toBeCloseTo(1, 1);
  });

  it("counts bytes beyond 2^32 within one window", () => {
    const b = bench();
    b.window();
    for (let i = 0; i < 3; i++) {
      b.addBytes(4_000_000_000);
      b.pass(500);
    }
    expect(b.window().count(counters.responseBodyBytes)).toBe(12_000_000_000);
  });

  it("gives the memory of a series back when it is not followed any more", () => {
    const b = bench();
    const before = b.window();
    b.windows.follow([b.slot]);
    expect(b.window()).toBe(before);
    b.windows.follow([]);
    expect(b.window()).not.toBe(before);
  });
});
