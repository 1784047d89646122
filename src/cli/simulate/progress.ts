/** A bar on a terminal's stderr, redrawn in place; nothing elsewhere. */
import type { TextSink } from "../args.ts";

const width = 32;
const redrawMs = 200;

export class Progress {
  private readonly sink: TextSink;
  private readonly live: boolean;
  private readonly total: number;
  private readonly nowMs: () => number;
  private readonly startedMs: number;
  private done = 0;
  private drawnMs = Number.NEGATIVE_INFINITY;

  /** @param total in any unit of work, as `add` counts it */
  constructor(sink: TextSink, term: string | undefined, total: number, nowMs: () => number) {
    this.sink = sink;
    this.live = sink.isTTY === true && term !== "dumb";
    this.total = total;
    this.nowMs = nowMs;
    this.startedMs = nowMs();
  }

  add(amount: number, label: string): void {
    this.done += amount;
    const now = this.nowMs();
    if (!this.live || now - this.drawnMs < redrawMs) return;
    this.drawnMs = now;
    const share = Math.min(1, this.done / this.total);
    const full = Math.round(share * width);
    const left = (((now - this.startedMs) / 1000) * (1 - share)) / Math.max(1e-9, share);
    this.sink.write(`\r\x1b[2K[${"=".repeat(full)}${" ".repeat(width - full)}] ${(share * 100).toFixed(0)}%, ${left.toFixed(0)} s left, ${label}`);
  }

  end(): void {
    if (this.live) this.sink.write("\r\x1b[2K");
  }
}
