/**
 * An open hash table that is asked by a hash alone, so that a walk along a text can ask for each of its beginnings without making a string of it. It has no keys: who is given a value
 * sees for himself whether it is the one.
 */
export class HashIndex<V> {
  /** Pairs of a hash and one more than an index in `values`; 0: free. A pair is in one line of memory. */
  private readonly cells: Int32Array;
  private readonly mask: number;
  private readonly values: readonly V[];

  constructor(values: ReadonlyMap<string, V>, hashOf: (key: string) => number) {
    // A quarter full at most: who is not there is mostly told by the first cell.
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, values.size) * 4));
    this.cells = new Int32Array(size * 2);
    this.mask = size - 1;
    this.values = [...values.values()];
    for (const [place, key] of [...values.keys()].entries()) {
      const hash = hashOf(key);
      let at = cellOf(hash, this.mask);
      while (this.cells[at * 2 + 1] !== 0) at = (at + 1) & this.mask;
      this.cells[at * 2] = hash;
      this.cells[at * 2 + 1] = place + 1;
    }
  }

  /** @returns a cell with that hash, or -1 */
  find(hash: number): number {
    return this.from(cellOf(hash, this.mask), hash);
  }

  /** Another one, after a cell that was found. */
  findNext(cell: number, hash: number): number {
    return this.from((cell + 1) & this.mask, hash);
  }

  value(cell: number): V {
    return this.values[this.cells[cell * 2 + 1]! - 1]!;
  }

  private from(start: number, hash: number): number {
    const { cells, mask } = this;
    for (let at = start; cells[at * 2 + 1] !== 0; at = (at + 1) & mask) if (cells[at * 2] === hash) return at;
    return -1;
  }
}

const cellOf = (hash: number, mask: number): number => (hash ^ (hash >>> 15)) & mask;

/** FNV-1a, a character at a time. */
export const hashBasis = 0x811c9dc5 | 0;
export const hashStep = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

export function forwards(text: string): number {
  let hash = hashBasis;
  for (let i = 0; i < text.length; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}

export function backwards(text: string): number {
  let hash = hashBasis;
  for (let i = text.length - 1; i >= 0; i--) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}
