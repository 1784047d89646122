/**
 * Who is in the fleet and what each of them runs, as the leader hears it. Pure: the node tells the time. A commit has converged when every sidecar
 * that is heard of has acknowledged it, which is when all its proxy threads run it.
 */

/** Reports come once a second at least. */
const silentMs = 5_000;
/** From here on, who has not acknowledged is a straggler. */
const lateMs = 1_000;
const samplesMax = 256;

export interface RosterEntry {
  readonly instance: string;
  readonly region: string | null;
  /** Since it was last heard. */
  readonly silentMs: number;
  /** Routes whose newest commit it does not run, though it had the time. */
  readonly behind: readonly string[];
}

interface Heard {
  readonly instance: string;
  readonly region: string | null;
  heardMs: number;
  readonly acknowledged: Map<string, number>;
}

interface Commit {
  readonly revision: number;
  readonly atMs: number;
  convergedMs: number | null;
  /** Of those that were heard when it was committed: who does not run it yet, silent or not. */
  readonly missing: Set<string>;
  /** When there was nobody missing any more. */
  completeAtMs: number | null;
}

export class Roster {
  private readonly heard = new Map<string, Heard>();
  private readonly commits = new Map<string, Commit>();
  /** In milliseconds, newest last. */
  private readonly samples: number[] = [];

  report(instance: string, run: string, region: string | null, acknowledged: Readonly<Record<string, number>>, nowMs: number): void {
    let entry = this.heard.get(instance);
    // Another run of the same sidecar begins with nothing.
    if (entry === undefined || !entry.acknowledged.has(runKey(run))) {
      entry = { instance, region, heardMs: nowMs, acknowledged: new Map([[runKey(run), 0]]) };
      this.heard.set(instance, entry);
    }
    entry.heardMs = nowMs;
    for (const [route, revision] of Object.entries(acknowledged)) {
      if (revision <= (entry.acknowledged.get(route) ?? -1)) continue;
      entry.acknowledged.set(route, revision);
      this.look(route, nowMs);
      const commit = this.commits.get(route);
      if (commit !== undefined && revision >= commit.revision && commit.missing.delete(instance) && commit.missing.size === 0) commit.completeAtMs = nowMs;
    }
  }

  committed(route: string, revision: number, nowMs: number): void {
    if ((this.commits.get(route)?.revision ?? -1) >= revision) return;
    const missing = new Set(this.live(nowMs).flatMap(({ instance, acknowledged }) => ((acknowledged.get(route) ?? -1) < revision ? [instance] : [])));
    this.commits.set(route, { revision, atMs: nowMs, convergedMs: null, missing, completeAtMs: missing.size === 0 ? nowMs : null });
    this.look(route, nowMs);
  }

  /**
   * When all that were heard at a commit ran it, also those that have fallen silent since; null: some are not known to. Of another leader's commit: those
   * that are heard, from when that is asked.
   */
  acknowledgedAtMs(route: string, revision: number, nowMs: number): number | null {
    const commit = this.commits.get(route);
    if (commit?.revision === revision) return commit.completeAtMs;
    const live = this.live(nowMs);
    return live.length > 0 && live.every(({ acknowledged }) => (acknowledged.get(route) ?? -1) >= revision) ? nowMs : null;
  }

  /** Those that are heard. */
  size(nowMs: number): number {
    return this.live(nowMs).length;
  }

  list(nowMs: number): RosterEntry[] {
    return this.live(nowMs).map((entry) => ({ instance: entry.instance, region: entry.region, silentMs: nowMs - entry.heardMs, behind: this.behind(entry, nowMs) }))
      .toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
  }

  /** How long commits took until the last sidecar ran them, newest last. */
  get convergenceMs(): readonly number[] {
    return this.samples;
  }

  private behind({ acknowledged }: Heard, nowMs: number): string[] {
    return [...this.commits].filter(([route, commit]) => nowMs - commit.atMs > lateMs && (acknowledged.get(route) ?? -1) < commit.revision).map(([route]) => route);
  }

  private look(route: string, nowMs: number): void {
    const commit = this.commits.get(route);
    if (commit === undefined || commit.convergedMs !== null) return;
    if (!this.live(nowMs).every(({ acknowledged }) => (acknowledged.get(route) ?? -1) >= commit.revision)) return;
    commit.convergedMs = nowMs - commit.atMs;
    this.samples.push(commit.convergedMs);
    if (this.samples.length > samplesMax) this.samples.shift();
  }

  private live(nowMs: number): Heard[] {
    for (const [instance, { heardMs }] of this.heard) if (nowMs - heardMs > silentMs) this.heard.delete(instance);
    return [...this.heard.values()];
  }
}

/** A route's name has no space. */
const runKey = (run: string): string => `run ${run}`;
