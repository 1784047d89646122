/** A rollout's view of the copies that its candidate got: since its evidence last began anew. */
import type { MirrorLimit } from "../config/rollout-plan.ts";
import { mirrorWealth, type MirrorWealth } from "../judge/mirror.ts";

export interface MirrorTally {
  /** Copies whose outcome is known. */
  readonly compared: number;
  readonly differing: number;
}

export interface MirrorSeen extends MirrorTally, MirrorWealth {}

const nothing: MirrorTally = { compared: 0, differing: 0 };

export class MirrorWatch {
  private readonly read: () => MirrorTally | null;
  private readonly bound: number;
  private mark: MirrorTally;

  /** @param read what was counted of the candidate's revision; null: nothing is copied */
  constructor(limit: MirrorLimit, read: () => MirrorTally | null) {
    this.bound = limit.differing;
    this.read = read;
    this.mark = nothing;
  }

  /** What was seen so far has been acted on, or is about another candidate. */
  restart(): void {
    this.mark = this.read() ?? nothing;
  }

  get seen(): MirrorSeen {
    const now = this.read() ?? nothing;
    // Another revision is counted from nothing.
    if (now.compared < this.mark.compared) this.mark = nothing;
    const compared = now.compared - this.mark.compared;
    const differing = now.differing - this.mark.differing;
    return { compared, differing, ...mirrorWealth(compared, differing, this.bound) };
  }
}
