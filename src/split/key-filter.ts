/** Whether a cohort key may be one of many, at the price of one read of memory: "no" is certain, "perhaps" is wrong for one key in sixteen. Keys are told by hashes that are there already. */
export class KeyFilter {
  private readonly hashes: number[] = [];
  private bits = new Uint32Array(1);

  /** @param hash of 32 bits */
  add(hash: number): void {
    this.hashes.push(hash);
    if (this.hashes.length * bitsPerKey <= this.bits.length * 32) this.mark(hash);
    else {
      this.bits = new Uint32Array(this.bits.length * 2);
      for (const one of this.hashes) this.mark(one);
    }
  }

  mayHave(hash: number): boolean {
    const bit = this.bitOf(hash);
    return (this.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  private mark(hash: number): void {
    const bit = this.bitOf(hash);
    this.bits[bit >>> 5] = this.bits[bit >>> 5]! | (1 << (bit & 31));
  }

  private bitOf(hash: number): number {
    return hash & (this.bits.length * 32 - 1);
  }
}

const bitsPerKey = 16;
