/**
 * Calls to others: notifications, playbooks, external gates. They follow what is decided and delay none of it: all of it is on the control thread's
 * idle time, and what is sent comes from the audit log.
 */
import type { WebhookTarget } from "../config/webhook-settings.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { GateQuestion } from "../rollout/questions.ts";
import type { GateAnswer } from "../rollout/types.ts";
import { AddressPolicy } from "./address-policy.ts";
import { AuditTail } from "./audit-tail.ts";
import { Caller } from "./caller.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import { ExternalGates } from "./external-gates.ts";
import { Follower, type Following } from "./follower.ts";
import { messageFor, Notifier, notifierKey, type NotifierPorts } from "./notifier.ts";
import { PlaybookFollower, playbookKey } from "./playbook-follower.ts";
import { defaultPace, type HookPorts, type Pace } from "./ports.ts";
import { Tally, type TargetTally } from "./tally.ts";

export interface TargetStatus extends TargetTally {
  readonly target: string;
  readonly notified: boolean;
  /** Audit records that it was not told of yet; null where another sidecar tells it. */
  readonly behind: number | null;
  /** The last audit record that it is done with; null as above. */
  readonly seq: number | null;
  /** Null: not counted yet. */
  readonly deadLetters: number | null;
}

type Routes = readonly { readonly name: string; readonly rollouts: readonly RolloutPlan[] }[];

export interface Replayed {
  readonly id: string;
  readonly taken: boolean;
  readonly detail: string;
}

export interface Replay {
  readonly sent: readonly Replayed[];
  /** Dead letters of those that were asked for that still are. */
  readonly left: number;
}

/** Of the audit log. */
export interface ReplayRecord {
  readonly kind: "webhook";
  readonly action: "replayed";
  readonly target: string;
  readonly who: string;
  readonly taken: number;
  readonly notTaken: number;
}

/** Dead letters that one call sends. */
const replayedMax = 100;
/** Another sidecar may have sent some again. */
const recountMs = 15_000;

export class Hooks {
  private readonly ports: HookPorts;
  private readonly pace: Pace;
  private readonly caller: Caller;
  private readonly tail: AuditTail;
  private readonly letters: DeadLetters;
  private readonly tally: Tally;
  /** Of everybody who calls. */
  private readonly calling: NotifierPorts & { targetOf(name: string): WebhookTarget | undefined };
  private readonly gates: ExternalGates;
  /** By the key of its place. */
  private readonly followers = new Map<string, Follower>();
  private routes: Routes = [];
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | null = null;
  private refreshing = false;
  private countedMs = Number.NEGATIVE_INFINITY;
  private started = false;
  private failing = false;

  constructor(ports: HookPorts) {
    this.ports = ports;
    const { store, clock, random, log, settings } = ports;
    this.pace = ports.pace ?? defaultPace;
    this.caller = new Caller(new AddressPolicy(settings.allow, () => ports.own()), clock, ports.version);
    this.tail = new AuditTail(store);
    this.letters = new DeadLetters(store);
    this.tally = new Tally(settings.targets.map(({ name }) => name));
    this.calling = {
      clock, random, log, caller: this.caller, pace: this.pace, source: settings.source, letters: this.letters, fence: () => ports.fence(),
      targetOf: (name) => settings.targets.find((target) => target.name === name),
      attempted: (target, { outcome, detail }) => this.tally.attempted(target, outcome === "taken", detail),
      gaveUp: (target) => this.tally.gaveUp(target),
    };
    this.gates = new ExternalGates(this.calling);
    for (const target of settings.targets) if (target.notify !== null) this.add(new Notifier(this.calling, target));
  }

  /** What is recorded from now on is told. Never rejects: a store that is away is tried again. */
  async start(routes: Routes): Promise<void> {
    this.follow(routes, []);
    await this.begin();
    this.timer = setInterval(() => void this.tick(), this.pace.pollMs).unref();
  }

  /** What runs, and what there is to ask. Often; cheap where nothing has changed. */
  follow(routes: Routes, questions: readonly GateQuestion[]): void {
    this.gates.follow(this.ended.signal.aborted ? [] : questions);
    if (routes === this.routes) return;
    this.routes = routes;
    const wanted = new Set(routes.flatMap(({ name, rollouts }) => (rollouts.some(({ playbook = [] }) => playbook.length > 0) ? [name] : [])));
    for (const route of wanted) if (!this.followers.has(playbookKey(route))) this.add(new PlaybookFollower({ ...this.calling, store: this.ports.store }, route));
    for (const [key, follower] of this.followers) {
      if (!key.startsWith(playbookKey("")) || wanted.has(key.slice(playbookKey("").length))) continue;
      this.followers.delete(key);
      void follower.stop();
    }
  }

  /** What external gates have said. */
  gateAnswers(question: GateQuestion): readonly GateAnswer[] {
    return this.gates.answers(question);
  }

  /** Tells what waits, as far as that is possible in a moment; the rest is told after the next start. */
  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.gates.close();
    const untilMs = this.ports.clock.monotonicMs() + this.pace.closeMs;
    while (this.ports.clock.monotonicMs() < untilMs) {
      await this.tick();
      // Who does not answer now is told after the next start.
      const waiting = this.ports.settings.targets.filter(({ name }) => this.tally.of(name).lastFailure === null).map(({ name }) => this.followers.get(notifierKey(name)));
      if (waiting.every((one) => one?.idle !== false) || this.failing || this.ports.fence() === null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.ended.abort();
    await Promise.all([...this.followers.values()].map((one) => one.stop()));
    await this.caller.close();
  }

  status(): TargetStatus[] {
    return this.ports.settings.targets.map(({ name, notify }) => {
      const follower = this.followers.get(notifierKey(name));
      return { target: name, notified: notify !== null, behind: follower?.behind ?? null, seq: follower?.seq ?? null, deadLetters: this.letters.known(name), ...this.tally.of(name) };
    });
  }

  /** Of a target, oldest first. @param after the id of an event: only those that come after it @throws StoreError */
  deadLetters(target: string, after: string | null = null, limit?: number): Promise<DeadLetter[]> {
    return this.letters.list(target, after, limit);
  }

  /**
   * Sends a target's dead letters again, once each and in order; those that are taken are dead no more. It ends at the first that fails, because the next
   * would fail as well, and after `replayedMax`. That is recorded.
   *
   * @param id only this event @param who for the audit log @throws StoreError
   */
  async replay(target: string, who: string, id?: string): Promise<Replay> {
    const { store, settings } = this.ports;
    const to = this.calling.targetOf(target);
    const letters = to === undefined ? [] : (await this.deadLetters(target)).filter(({ event }) => id === undefined || event.id === id);
    const sent: Replayed[] = [];
    for (const letter of letters.slice(0, replayedMax)) {
      const result = await this.caller.call(to!, () => messageFor(to!, letter.event, settings.source), this.ended.signal);
      this.calling.attempted(target, result);
      if (result.outcome === "taken") await this.letters.remove(letter);
      sent.push({ id: letter.event.id, taken: result.outcome === "taken", detail: result.detail });
      if (result.outcome === "failed") break;
    }
    const taken = sent.filter((one) => one.taken).length;
    const record: ReplayRecord = { kind: "webhook", action: "replayed", target, who, taken, notTaken: sent.length - taken };
    if (sent.length > 0) await store.append(record);
    return { sent, left: letters.length - taken };
  }

  private add(following: Following): void {
    const { store, clock, random, log } = this.ports;
    // One that comes later begins at what the log's end is then.
    const from = this.started ? this.tail.end : null;
    this.followers.set(following.key, new Follower({ store, clock, random, log, tail: this.tail, start: () => from ?? this.tail.start }, following));
  }

  private async begin(): Promise<void> {
    if (this.followers.size === 0) return;
    try {
      await this.tail.begin();
      const fence = this.ports.fence();
      if (fence !== null) for (const follower of this.followers.values()) await follower.prepare(fence);
      await this.recount();
      this.started = true;
    } catch (error) {
      this.complain(error);
    }
  }

  private async tick(): Promise<void> {
    if (this.refreshing || this.followers.size === 0) return;
    this.refreshing = true;
    try {
      if (!this.started) await this.begin();
      const fence = this.ports.fence();
      if (this.started && fence !== null) await this.tail.refresh();
      for (const follower of this.followers.values()) follower.pump(fence);
      if (this.started && this.ports.clock.monotonicMs() - this.countedMs >= recountMs) await this.recount();
      this.failing = !this.started;
    } catch (error) {
      this.complain(error);
    } finally {
      this.refreshing = false;
    }
  }

  private async recount(): Promise<void> {
    this.countedMs = this.ports.clock.monotonicMs();
    for (const { name } of this.ports.settings.targets) await this.letters.count(name);
  }

  /** Said once: the store itself says when it is back. */
  private complain(error: unknown): void {
    if (!this.failing) this.ports.log.warn({ err: error }, "The audit log cannot be read: nobody is told of decisions until it can.");
    this.failing = true;
  }
}
