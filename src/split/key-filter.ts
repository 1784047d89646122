/** Whether a cohort key may be one of many, at the price of one read of memory: "no" is certain, "perhaps" is wrong for one key in sixteen. Keys are told by hashes that are there already. */
export class KeyFilter {
  private readonly bits: Uint32Array;
  private readonly mask: number;

  constructor(hashes: readonly number[]) {
    const size = Math.max(32, 2 ** Math.ceil(Math.log2(Math.max(1, hashes.length) * 16)));
    this.bits = new Uint32Array(size / 32);
    this.mask = size - 1;
    for (const hash of hashes) {
      const bit = hash & this.mask;
      this.bits[bit >>> 5] = this.bits[bit >>> 5]! | (1 << (bit & 31));
    }
  }

  mayHave(hash: number): boolean {
    const bit = hash & this.mask;
    return (this.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }
}
