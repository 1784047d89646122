import type { FleetMember } from "../support/fleet-processes.ts";

interface Sample {
  /** The candidate's, in percent: what the sidecar's snapshot gives. */
  readonly weight: number;
}

const everyMs = 50;

/** Looks at what each sidecar gives the candidate, all the time. */
export class Watch {
  private readonly samples = new Map<FleetMember, Sample[]>();
  private readonly watching: Promise<void>;
  private waiting: (() => void)[] = [];
  private rounds = 0;
  private ended = false;

  constructor(members: readonly FleetMember[]) {
    for (const member of members) this.samples.set(member, []);
    this.watching = this.look();
  }

  of(member: FleetMember): readonly Sample[] {
    return this.samples.get(member)!;
  }

  /** Resolves when all were looked at once more, from now on. @returns how many samples each has */
  async next(): Promise<number> {
    const from = this.rounds;
    while (this.rounds < from + 2) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.rounds;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.watching;
  }

  private async look(): Promise<void> {
    while (!this.ended) {
      await Promise.all([...this.samples].map(async ([member, samples]) => void samples.push({ weight: await member.weight })));
      this.rounds++;
      for (const wake of this.waiting.splice(0)) wake();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}
