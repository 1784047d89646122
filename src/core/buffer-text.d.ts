// Node's own fast path of `toString("latin1", start, end)`, missing from @types/node; it has been there since Node 0.x.
declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string;
  }
}
export {};
