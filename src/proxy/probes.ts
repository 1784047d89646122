/**
 * Declared probes, on the control thread: read-only questions that a rollout asks a variant which has no users to speak
 * of. They go to the service directly and are counted here alone, so nothing that users did is mixed with them.
 */
import type { Client } from "undici";
import type { ProbePlan } from "../config/rollout-plan.ts";
import type { EndpointAddress } from "../config/snapshot.ts";
import type { Random } from "../core/random.ts";
import { openClient } from "./upstream-client.ts";

/** Probes of many variants spread out instead of going together. */
const jitterShare = 0.1;
const bodyBytesMax = 65_536;

/** A variant with declared probes. */
export interface ProbedVariant {
  readonly route: string;
  readonly variant: string;
  /** Asked in turn; at least one. */
  readonly endpoints: readonly EndpointAddress[];
  readonly settings: ProbePlan;
  /** Whether it is asked now; its counts are kept meanwhile. */
  readonly active: boolean;
}

/** Since the variant was first declared. */
export interface ProbeCounts {
  readonly sent: number;
  readonly failed: number;
  readonly goodInRow: number;
  readonly failedInRow: number;
}

export class DeclaredProbes {
  private readonly random: Random;
  private readonly targets = new Map<string, Target>();

  constructor(random: Random) {
    this.random = random;
  }

  /** Asks exactly the active ones of these from now on. Cheap where nothing has changed. */
  follow(declared: readonly ProbedVariant[]): void {
    const wanted = new Map(declared.map((one) => [keyOf(one.route, one.variant), one]));
    for (const [key, target] of this.targets) {
      if (wanted.has(key)) continue;
      target.stop();
      this.targets.delete(key);
    }
    for (const [key, one] of wanted) {
      let target = this.targets.get(key);
      if (target === undefined) this.targets.set(key, (target = new Target(this.random)));
      target.follow(one);
    }
  }

  /** @returns null where the variant has no declared probes, or was never asked */
  counts(route: string, variant: string): ProbeCounts | null {
    const counts = this.targets.get(keyOf(route, variant))?.counts;
    return counts === undefined || counts.sent === 0 ? null : counts;
  }

  close(): void {
    for (const target of this.targets.values()) target.stop();
    this.targets.clear();
  }
}

const keyOf = (route: string, variant: string): string => JSON.stringify([route, variant]);

class Target {
  counts: ProbeCounts = { sent: 0, failed: 0, goodInRow: 0, failedInRow: 0 };
  private readonly random: Random;
  private asked: ProbedVariant | null = null;
  /** Of `asked` as it is now; another one has taken over where they differ. */
  private turn = 0;
  private next = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly clients = new Map<string, Client>();

  constructor(random: Random) {
    this.random = random;
  }

  follow(wanted: ProbedVariant): void {
    const { asked } = this;
    if (asked !== null && asked.active === wanted.active && asked.settings === wanted.settings && asked.endpoints === wanted.endpoints) return;
    const same = asked !== null && asked.active === wanted.active && JSON.stringify([asked.settings, asked.endpoints]) === JSON.stringify([wanted.settings, wanted.endpoints]);
    if (!same) this.stop();
    this.asked = wanted;
    if (!same && wanted.active) this.schedule(wanted, this.random() * wanted.settings.intervalMs);
  }

  stop(): void {
    this.turn++;
    clearTimeout(this.timer);
    for (const client of this.clients.values()) void client.destroy();
    this.clients.clear();
    this.asked = null;
  }

  private schedule(target: ProbedVariant, afterMs: number): void {
    const { turn } = this;
    this.timer = setTimeout(() => {
      void this.ask(target).then((good) => {
        if (turn !== this.turn) return;
        this.count(good);
        this.schedule(target, target.settings.intervalMs * (1 + (this.random() * 2 - 1) * jitterShare));
      });
    }, afterMs).unref();
  }

  private count(good: boolean): void {
    const { sent, failed, goodInRow, failedInRow } = this.counts;
    this.counts = { sent: sent + 1, failed: failed + (good ? 0 : 1), goodInRow: good ? goodInRow + 1 : 0, failedInRow: good ? 0 : failedInRow + 1 };
  }

  private async ask({ endpoints, settings }: ProbedVariant): Promise<boolean> {
    const { method, path, timeoutMs } = settings;
    const address = endpoints[this.next++ % endpoints.length]!;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const options = { method, path, signal, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, headers: { "user-agent": "ebbgate-probe" } };
      const { statusCode, body } = await this.clientOf(address, timeoutMs).request(options);
      await body.dump({ limit: bodyBytesMax, signal });
      return statusCode >= 200 && statusCode < 400;
    } catch {
      // Whatever went wrong, the question was not answered well.
      return false;
    }
  }

  private clientOf(address: EndpointAddress, timeoutMs: number): Client {
    let client = this.clients.get(address.id);
    if (client === undefined) this.clients.set(address.id, (client = openClient(address, timeoutMs)));
    return client;
  }
}
