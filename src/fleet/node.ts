/**
 * This sidecar as one of a fleet (DESIGN 7): follows what the leader committed, reports what it saw, acknowledges what its proxy threads run, and leads
 * when the lease is its own. Effects only; what is decided, summed and merged is decided elsewhere in this room, without a clock.
 */
import type { Clock } from "../core/clock.ts";
import type { FleetPorts, FleetTie } from "../rollout/ports.ts";
import { stateKey } from "../rollout/stored-state.ts";
import type { Command } from "../rollout/types.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { Beacons, type Beacon } from "./beacon.ts";
import { ownShare } from "./budget.ts";
import { Documents } from "./documents.ts";
import { Leadership, leaseName } from "./leadership.ts";
import { parseView, type View } from "./cached-view.ts";
import type { Allocations, Cache, FleetLog, FleetStore } from "./ports.ts";
import { Post } from "./post.ts";
import type { Report } from "./report.ts";
import { Roster } from "./roster.ts";
import { statusOf, type FleetStatus } from "./status.ts";
import { RolloutTie } from "./tie.ts";

const instanceEveryMs = 5_000;
const instanceTtlMs = 15_000;

export interface FleetNodeOptions {
  readonly store: FleetStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly instance: string;
  readonly region: string | null;
  readonly version: string;
  readonly allocations: Allocations;
  readonly cache: Cache;
  readonly log: FleetLog;
  /** Weights may have changed: publish them now. */
  readonly follow: () => void;
  /** As the leader: a command that another sidecar handed over. */
  readonly command: (route: string, command: Command) => void;
  /** The revision of the snapshot that was last posted to the proxy threads, and the one that all of them run. */
  readonly posted: () => number;
  readonly running: () => number;
}

export class FleetNode implements FleetPorts {
  private readonly options: FleetNodeOptions;
  private readonly run: string;
  private readonly leadership: Leadership;
  private readonly beacons: Beacons;
  private readonly post: Post;
  private readonly documents: Documents;
  private readonly roster = new Roster();
  private readonly ties = new Map<string, RolloutTie>();
  private cached: Promise<Readonly<Record<string, View>>> | null = null;
  /** The epoch that this sidecar decides with: of the lease, once all that is stored was read. */
  private decides: number | null = null;
  private commits = 0;
  private reportedMs = Number.NEGATIVE_INFINITY;
  private announcedMs = Number.NEGATIVE_INFINITY;
  private readonly ends: (() => void)[] = [];
  private readonly acknowledgements = new Acknowledgements();
  private following = false;
  private readonly originMs: number;
  /** How far this machine's clock is ahead of the last leader's. */
  private skewMs = 0;
  private closed = false;

  constructor(options: FleetNodeOptions) {
    this.options = options;
    const { store, clock, random, instance } = options;
    this.run = Math.floor(random() * 2 ** 48).toString(36);
    this.originMs = clock.wallMs() - clock.monotonicMs();
    this.leadership = new Leadership(store, clock, instance, random, (epoch) => this.leads(epoch));
    this.beacons = new Beacons(store, instance);
    this.documents = new Documents({ store, clock, allocations: options.allocations, log: options.log, ties: this.ties, changed: () => this.followSoon(), closed: () => this.closed });
    this.post = new Post({
      store, instance, run: this.run, region: options.region, leading: () => this.leading, report: (report) => this.take(report),
      command: ({ route, command }) => options.command(route, command),
    });
  }

  start(): void {
    this.ends.push(this.documents.watch());
    this.ends.push(this.beacons.listen((beacon) => this.heardBeacon(beacon), () => this.options.clock.monotonicMs()));
  }

  async load(route: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined> {
    const tie = this.tie(route);
    const known = (await (this.cached ??= this.options.cache.load().then(parseView)))[route];
    if (known !== undefined) tie.resume(known);
    try {
      const stored = await this.options.store.get(stateKey(route));
      if (stored !== undefined) tie.received(stored.value, stored.revision);
    } catch (error) {
      // Without the store, what was last known serves on; a sidecar that knows nothing gives the candidate nothing.
      if (tie.view.committed === null) throw error;
    }
    const { committed } = tie.view;
    return committed === null ? undefined : { value: committed.state, revision: committed.revision };
  }

  tie(route: string): RolloutTie & FleetTie {
    const known = this.ties.get(route);
    if (known !== undefined) return known;
    const tie = this.newTie(route);
    this.ties.set(route, tie);
    return tie;
  }

  /** Every 100 ms, after the controller's own tick. */
  tick(): void {
    if (this.closed) return;
    const nowMs = this.options.clock.monotonicMs();
    this.leadership.tick();
    this.acknowledge();
    if (nowMs - this.reportedMs >= this.beacons.intervalMs) this.report(nowMs);
    if (nowMs - this.announcedMs >= instanceEveryMs) this.announce(nowMs);
    if (this.decides !== null && this.beacons.due(nowMs)) this.beacons.send(nowMs, this.decides, this.roster.size(nowMs), this.stragglers(nowMs), this.lineMs());
    this.documents.tick(nowMs);
  }

  /** The proxy threads run another revision. */
  acknowledge(): void {
    if (this.acknowledgements.run(this.options.running())) this.post.say({ rollouts: [], acknowledged: this.acknowledgements.say(false) });
  }

  status(): FleetStatus {
    const nowMs = this.options.clock.monotonicMs();
    const lowered = [...this.ties].flatMap(([route, tie]) => (tie.lowered === null ? [] : [{ route, reason: tie.lowered.reason, weight: tie.lowered.weight }]));
    return statusOf(this.options.instance, this.decides, this.beacons.last(nowMs), this.roster, lowered, this.acknowledgements.all, nowMs);
  }

  /** No lease, or nobody heard: what is decided here might be lost. */
  get partitioned(): boolean {
    return this.decides === null;
  }

  get leading(): boolean {
    return this.epoch !== null;
  }

  /** That this sidecar decides with; null: it does not. */
  get epoch(): number | null {
    return this.decides !== null && this.leadership.epoch === this.decides ? this.decides : null;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.post.close();
    for (const end of this.ends) end();
    this.decides = null;
    await this.leadership.close();
  }

  private newTie(route: string): RolloutTie {
    const { options } = this;
    return new RolloutTie({
      store: options.store, allocations: options.allocations, route, key: stateKey(route), instance: options.instance, region: options.region,
      fenceOf: (epoch) => ({ lease: leaseName, epoch }),
      epoch: () => this.epoch,
      newId: () => `${options.instance}.${this.run}.${++this.commits}`,
      isOwn: (commit) => commit.startsWith(`${options.instance}.${this.run}.`),
      onFenced: () => this.leadership.lose(),
      failed: (error) => options.log.error({ err: error, route }, "A decision could not be committed; it stands where it lowers, and is tried again."),
      ownShare: () => ownShare(this.beacons.size),
      committed: (revision) => {
        this.roster.committed(route, revision, options.clock.monotonicMs());
        this.takenOver(route, revision);
      },
      acknowledgedAtMs: (revision, nowMs) => this.roster.acknowledgedAtMs(route, revision, nowMs),
      adopted: (revision) => this.takenOver(route, revision),
      lowered: (lowered) => {
        options.log.warn({ route, lowered }, "This sidecar takes its users away from the candidate by itself; the leader is told.");
        this.followSoon();
        this.reportedMs = Number.NEGATIVE_INFINITY;
      },
      changed: () => this.save(),
      forward: (command) => this.forward(route, command),
    });
  }

  /** Weights are published in the next microtask: one snapshot for all that came together. */
  private followSoon(): void {
    if (this.following) return;
    this.following = true;
    queueMicrotask(() => {
      this.following = false;
      if (!this.closed) this.options.follow();
      this.acknowledge();
    });
  }

  private takenOver(route: string, revision: number): void {
    this.followSoon();
    // After the weights were published: then it is known in which snapshot they are.
    queueMicrotask(() => {
      this.acknowledgements.takenOver(route, revision, this.options.posted());
      this.acknowledge();
    });
  }

  private leads(epoch: number | null): void {
    const { log } = this.options;
    this.decides = null;
    if (epoch === null) {
      this.post.close();
      for (const tie of this.ties.values()) tie.deposed();
      this.options.allocations.distrust();
      this.documents.hinted(undefined);
      this.followSoon();
      log.warn({}, "This sidecar leads the fleet no more.");
      return;
    }
    this.post.listen();
    void this.takeOver(epoch);
  }

  /** Reads what is stored before the first decision: it may be newer than what was heard. */
  private async takeOver(epoch: number): Promise<void> {
    const { allocations, log } = this.options;
    try {
      await this.documents.readAll();
      if (this.leadership.epoch !== epoch) return;
      for (const tie of this.ties.values()) tie.promoted(this.skewMs, this.lineMs());
      this.decides = epoch;
      allocations.distrust();
      this.followSoon();
      log.info({ epoch }, "This sidecar leads the fleet.");
      const nowMs = this.options.clock.monotonicMs();
      this.beacons.send(nowMs, epoch, this.roster.size(nowMs), [], this.lineMs());
    } catch (error) {
      log.warn({ err: error }, "The lease is ours, but what is stored cannot be read: it is given back.");
      this.leadership.lose();
    }
  }

  private report(nowMs: number): void {
    this.reportedMs = nowMs;
    const rollouts = [...this.ties.values()].flatMap((tie) => tie.report(nowMs) ?? []);
    this.post.say({ rollouts, acknowledged: this.acknowledgements.say(true) });
  }

  private take(report: Report): void {
    const nowMs = this.options.clock.monotonicMs();
    this.roster.report(report.instance, report.run, report.region, report.acknowledged, nowMs);
    for (const rollout of report.rollouts) this.ties.get(rollout.route)?.heard(report, rollout, nowMs);
  }

  private heardBeacon(beacon: Beacon): void {
    if (beacon.leader === this.options.instance) return;
    this.leadership.heard();
    this.skewMs = this.lineMs() - beacon.nowMs;
  }

  private stragglers(nowMs: number): string[] {
    return this.roster.list(nowMs).flatMap(({ instance, behind }) => (behind.length > 0 ? [instance] : []));
  }

  private forward(route: string, command: Command): string {
    const leader = this.beacons.last(this.options.clock.monotonicMs())?.leader;
    this.post.forward(route, command);
    return leader === undefined ? "no leader is heard: a rollback counts on this sidecar until one is; ask again for anything else" : `handed to ${leader}, which leads the fleet: the status shows what came of it`;
  }

  private announce(nowMs: number): void {
    this.announcedMs = nowMs;
    const { store, instance, region, version } = this.options;
    void store.setEphemeral("instances", instance, { instance, run: this.run, region, version, acknowledged: this.acknowledgements.all }, instanceTtlMs).catch(() => undefined);
  }

  /** The line of the states' times, as the controller has it. */
  private lineMs(): number {
    return this.originMs + this.options.clock.monotonicMs();
  }

  private save(): void {
    this.options.cache.save(Object.fromEntries([...this.ties].map(([route, { view }]) => [route, view])));
  }
}
