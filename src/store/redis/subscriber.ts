/** The subscribing connection: what is heard on it are hints and messages; that it was away is always said. */
import type { Redis } from "ioredis";
import type { Random } from "../../core/random.ts";
import { backoffMs } from "./backoff.ts";

const heartbeatMs = 1_000;

interface Subscription {
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  readonly onGap: () => void;
}

export interface SubscriberOptions {
  /** A new client, not connected yet. @param attempt 0, 1, 2, ... */
  readonly make: (attempt: number) => Redis;
  readonly random: Random;
  readonly commandTimeoutMs: number;
  /** From dialling to the first answer. */
  readonly readyTimeoutMs: number;
}

export class Subscriber {
  private readonly options: SubscriberOptions;
  private readonly subscriptions = new Set<Subscription>();
  private client: Redis | null = null;
  private live = false;
  private attempt = 0;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(options: SubscriberOptions) {
    this.options = options;
    this.connect();
  }

  add(channel: string, onMessage: (message: string) => void, onGap: () => void): () => void {
    const subscription: Subscription = { channel, onMessage, onGap };
    this.subscriptions.add(subscription);
    if (this.live) void this.listen([subscription]);
    return () => {
      this.subscriptions.delete(subscription);
      if (this.live && ![...this.subscriptions].some((other) => other.channel === channel)) this.client!.unsubscribe(channel).catch(() => undefined);
    };
  }

  /** As if the connection had been lost: whoever listens reads again. */
  gap(): void {
    if (this.live) for (const subscription of this.subscriptions) subscription.onGap();
  }

  close(): void {
    this.closed = true;
    this.subscriptions.clear();
    this.end();
  }

  private connect(): void {
    const client = this.options.make(this.attempt);
    this.client = client;
    client.on("error", () => undefined);
    client.on("message", (channel: string, message: string) => {
      for (const one of this.subscriptions) if (one.channel === channel) one.onMessage(message);
    });
    client.on("end", () => this.lost(client));
    client.on("ready", () => {
      if (this.client !== client) return;
      this.live = true;
      void this.listen([...this.subscriptions]).then(() => this.beatLater(client));
    });
    // A server that is stopped accepts connections and says nothing on them.
    this.timer = setTimeout(() => this.lost(client), this.options.readyTimeoutMs);
    client.connect().catch(() => this.lost(client));
  }

  private async listen(subscriptions: readonly Subscription[]): Promise<void> {
    const { client } = this;
    if (client === null) return;
    try {
      const channels = [...new Set(subscriptions.map(({ channel }) => channel))];
      if (channels.length > 0) await client.subscribe(...channels);
      if (this.client !== client) return;
      this.attempt = 0;
      for (const one of subscriptions) if (this.subscriptions.has(one)) one.onGap();
    } catch {
      this.lost(client);
    }
  }

  private beatLater(client: Redis): void {
    if (this.client !== client || !this.live) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // A half-open connection gives no sign but this one.
      client.ping().then(() => this.beatLater(client), () => this.lost(client));
    }, heartbeatMs);
    this.timer.unref();
  }

  private lost(client: Redis): void {
    if (this.client !== client) return;
    this.end();
    if (this.closed) return;
    this.attempt++;
    this.timer = setTimeout(() => this.connect(), backoffMs(this.attempt, this.options.random));
    this.timer.unref();
  }

  private end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const { client } = this;
    this.client = null;
    this.live = false;
    client?.disconnect();
  }
}
