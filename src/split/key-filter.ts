/** Whether a cohort key may be one of many, at the price of one read of memory: "no" is certain, "perhaps" is wrong for one key in sixteen. */
import { murmur3 } from "../core/murmur3.ts";

export class KeyFilter {
  private readonly bits: Uint32Array;
  private readonly mask: number;

  constructor(keys: ReadonlySet<string>) {
    const size = Math.max(32, 2 ** Math.ceil(Math.log2(Math.max(1, keys.size) * 16)));
    this.bits = new Uint32Array(size / 32);
    this.mask = size - 1;
    for (const key of keys) {
      const bit = murmur3(key) & this.mask;
      this.bits[bit >>> 5] = this.bits[bit >>> 5]! | (1 << (bit & 31));
    }
  }

  mayHave(key: string): boolean {
    const bit = murmur3(key) & this.mask;
    return (this.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }
}
