/**
 * Calls to others: notifications, playbooks, external gates. They follow what is decided and delay none of it: all of it is on the control thread's
 * idle time, and what is sent comes from the audit log.
 */
import type { WebhookTarget } from "../config/webhook-settings.ts";
import { AddressPolicy } from "./address-policy.ts";
import { AuditTail } from "./audit-tail.ts";
import { Caller } from "./caller.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import { Follower } from "./follower.ts";
import { messageFor, Notifier, type NotifierPorts } from "./notifier.ts";
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

export interface Replayed {
  readonly target: string;
  readonly id: string;
  readonly taken: boolean;
  readonly detail: string;
}

export class Hooks {
  private readonly ports: HookPorts;
  private readonly pace: Pace;
  private readonly caller: Caller;
  private readonly tail: AuditTail;
  private readonly letters: DeadLetters;
  private readonly tally: Tally;
  private readonly notifying: NotifierPorts;
  private readonly followers = new Map<string, Follower>();
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | null = null;
  private refreshing = false;
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
    this.notifying = {
      clock, random, log, caller: this.caller, pace: this.pace, source: settings.source, letters: this.letters, fence: () => ports.fence(),
      attempted: (target, { outcome, detail }) => this.tally.attempted(target, outcome === "taken", detail),
      gaveUp: (target) => this.tally.gaveUp(target),
    };
    for (const target of settings.targets) if (target.notify !== null) this.follow(new Notifier(this.notifying, target), target.name);
  }

  /** What is recorded from now on is told. Never rejects: a store that is away is tried again. */
  async start(): Promise<void> {
    await this.begin();
    this.timer = setInterval(() => void this.tick(), this.pace.pollMs).unref();
  }

  /** Tells what waits, as far as that is possible in a moment; the rest is told after the next start. */
  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    const untilMs = this.ports.clock.monotonicMs() + this.pace.closeMs;
    while (this.ports.clock.monotonicMs() < untilMs) {
      await this.tick();
      // Who does not answer now is told after the next start.
      if ([...this.followers].every(([name, one]) => one.idle || this.tally.of(name).lastFailure !== null) || this.failing || this.ports.fence() === null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.ended.abort();
    await Promise.all([...this.followers.values()].map((one) => one.stop()));
    await this.caller.close();
  }

  status(): TargetStatus[] {
    return this.ports.settings.targets.map(({ name, notify }) => ({
      target: name, notified: notify !== null, behind: this.followers.get(name)?.behind ?? null, seq: this.followers.get(name)?.seq ?? null, deadLetters: this.letters.known(name), ...this.tally.of(name),
    }));
  }

  /** Of all targets, or of one. @throws StoreError */
  async deadLetters(target?: string): Promise<DeadLetter[]> {
    const of = this.ports.settings.targets.filter(({ name }) => target === undefined || name === target);
    return (await Promise.all(of.map(({ name }) => this.letters.list(name)))).flat();
  }

  /** Sends dead letters again, once each; those that are taken are dead no more. @param id only this event @throws StoreError */
  async replay(target?: string, id?: string): Promise<Replayed[]> {
    const replayed: Replayed[] = [];
    for (const letter of await this.deadLetters(target)) {
      if (id !== undefined && letter.event.id !== id) continue;
      const { taken, detail } = await this.sendAgain(this.targetOf(letter.target)!, letter);
      if (taken) await this.letters.remove(letter);
      replayed.push({ target: letter.target, id: letter.event.id, taken, detail });
    }
    return replayed;
  }

  private async sendAgain(target: WebhookTarget, { event }: DeadLetter): Promise<{ readonly taken: boolean; readonly detail: string }> {
    const result = await this.caller.call(target, await messageFor(target, event, this.ports.settings.source), this.ended.signal);
    this.notifying.attempted(target.name, result);
    return { taken: result.outcome === "taken", detail: result.detail };
  }

  private targetOf(name: string): WebhookTarget | undefined {
    return this.ports.settings.targets.find((target) => target.name === name);
  }

  private follow(notifier: Notifier, name: string): void {
    const { store, clock, random, log } = this.ports;
    this.followers.set(name, new Follower({ store, clock, random, log, tail: this.tail, pace: this.pace, start: () => this.tail.start }, notifier));
  }

  private async begin(): Promise<void> {
    if (this.followers.size === 0) return;
    try {
      await this.tail.begin();
      const fence = this.ports.fence();
      if (fence !== null) for (const follower of this.followers.values()) await follower.prepare(fence);
      for (const { name } of this.ports.settings.targets) await this.letters.count(name);
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
      this.failing = !this.started;
    } catch (error) {
      this.complain(error);
    } finally {
      this.refreshing = false;
    }
  }

  /** Said once: the store itself says when it is back. */
  private complain(error: unknown): void {
    if (!this.failing) this.ports.log.warn({ err: error }, "The audit log cannot be read: nobody is told of decisions until it can.");
    this.failing = true;
  }
}
