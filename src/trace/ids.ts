/**
 * Trace and span ids: random bytes of the operating system, taken in large portions, since a call for each request costs
 * more than all else here (docs/decisions/091-trace-context.md has the figures).
 */
import { randomFillSync } from "node:crypto";

const traceBytes = 16;
const spanBytes = 8;
const noSpan = "0".repeat(2 * spanBytes);
const noTrace = "0".repeat(2 * traceBytes);
/** Divisible by both. */
const poolBytes = 8_160;

export class TraceIds {
  private readonly pool = Buffer.allocUnsafe(poolBytes);
  private at = poolBytes;

  /** @returns 32 hex digits, not all 0 */
  trace(): string {
    return this.take(traceBytes, noTrace);
  }

  /** @returns 16 hex digits, not all 0 */
  span(): string {
    return this.take(spanBytes, noSpan);
  }

  private take(bytes: number, forbidden: string): string {
    for (;;) {
      if (this.at + bytes > poolBytes) {
        randomFillSync(this.pool);
        this.at = 0;
      }
      const id = this.pool.toString("hex", this.at, (this.at += bytes));
      if (id !== forbidden) return id;
    }
  }
}
