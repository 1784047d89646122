// Node's own fast paths of `toString("latin1", start, end)` and `write(text, offset, "latin1")`, missing from @types/node;
// they have been there since Node 0.x.
declare global {
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    latin1Write(text: string, offset: number): number;
  }
}
export {};
