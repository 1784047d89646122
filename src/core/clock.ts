/**
 * Time as a capability. Everything outside the proxy's hot path takes a Clock, so that a test, a replay and the
 * simulator can run it at any speed; the hot path reads `performance.now()` itself.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970-01-01T00:00:00Z. May jump: use it for dates people read, never for durations. */
  wallMs(): number;
  /** Monotonic milliseconds, comparable between threads of one process; the origin is arbitrary. */
  monotonicMs(): number;
}

/**
 * The machine's clock. `performance.now()` counts from each thread's own start, so the thread's origin is added:
 * two threads then read one time line, which the slab's strata need.
 */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.timeOrigin + performance.now(),
};
