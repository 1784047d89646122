/** The command connection: bounded in time, and always known to be there or not. */
import { setTimeout as delay } from "node:timers/promises";
import type { RedisSettings } from "../../config/definition.ts";
import type { Random } from "../../core/random.ts";
import { closedError, StoreError } from "../store-error.ts";
import type { StoreWarning } from "../store.ts";
import { backoffMs } from "./backoff.ts";
import { commandClient, type RedisClient } from "./client.ts";
import type { Script } from "./scripts.ts";

/** A connection that has been silent for so long is asked whether it is alive. */
const heartbeatMs = 1_000;
/** A connection whose heartbeats stay unanswered for so long is given up and made anew. */
const deadAfterMs = 5_000;

export class RedisConnection {
  readonly client: RedisClient;
  private readonly timeoutMs: number;
  private readonly heartbeatKey: string;
  private readonly random: Random;
  private readonly warn: StoreWarning;
  private readonly listeners = new Set<(reachable: boolean) => void>();
  private readonly asked = new Set<Promise<void>>();
  private readonly heartbeat: NodeJS.Timeout;
  /** Times in a row that the client gave up. */
  private ends = 0;
  private answeredMs = performance.now();
  private beating = false;
  private isReachable = false;
  private closed = false;
  private lastWarning = "";

  constructor(settings: RedisSettings, random: Random, warn: StoreWarning) {
    this.timeoutMs = settings.commandTimeoutMs;
    this.heartbeatKey = `ebbgate:{${settings.namespace}}:heartbeat`;
    this.random = random;
    this.warn = warn;
    this.client = commandClient(settings, random);
    // Without a listener an error event would end the process.
    this.client.on("error", (error: Error) => this.complain(error));
    this.client.on("ready", () => void this.beat());
    this.client.on("close", () => this.setReachable(false));
    this.client.on("end", () => this.connectAgain());
    this.heartbeat = setInterval(() => void this.beat(), heartbeatMs);
    this.heartbeat.unref();
    this.client.connect().catch(() => undefined);
  }

  get reachable(): boolean {
    return this.isReachable;
  }

  onReachable(listener: (reachable: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Resolves when Redis has answered, or after so many milliseconds. */
  async settle(timeoutMs: number): Promise<void> {
    if (this.isReachable) return;
    const ended = new AbortController();
    const answered = new Promise<void>((resolve) => {
      const end = this.onReachable((reachable) => {
        if (!reachable) return;
        end();
        resolve();
      });
    });
    await Promise.race([answered, delay(timeoutMs, undefined, { signal: ended.signal }).catch(() => undefined)]);
    ended.abort();
  }

  /** Runs a script, which Redis may have forgotten since it was last run. @throws StoreError `unavailable` */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.ask(async (client) => {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return client.eval(script.text, keys.length, ...keys, ...args);
      }
    });
  }

  /** Asks something, and waits for `commandTimeoutMs` at most, whatever the client does. @throws StoreError `unavailable` or `closed` */
  async ask<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.closed) throw closedError();
    const answer = this.bounded(command);
    const settled = answer.then(() => undefined, () => undefined);
    this.asked.add(settled);
    void settled.then(() => this.asked.delete(settled));
    return answer;
  }

  private async bounded<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${this.timeoutMs} ms`)), this.timeoutMs);
    });
    try {
      const answer = await Promise.race([command(this.client), late]);
      this.answered();
      return answer;
    } catch (error) {
      throw this.failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for answers under way. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.heartbeat);
    await Promise.all(this.asked);
    this.client.disconnect();
    this.listeners.clear();
  }

  /** The client reconnects by itself, but not where a failover is announced while it asks the Sentinels for the master: then it ends. */
  private connectAgain(): void {
    if (this.closed) return;
    const timer = setTimeout(() => {
      if (!this.closed && this.client.status === "end") this.client.connect().catch(() => undefined);
    }, backoffMs(++this.ends, this.random));
    timer.unref();
  }

  private async beat(): Promise<void> {
    if (this.beating || this.closed) return;
    this.beating = true;
    try {
      await this.ask((client) => client.get(this.heartbeatKey));
    } catch {
      // `failed` has noted it. A dead connection looks like a slow one: after a while another is made.
      if (performance.now() - this.answeredMs > deadAfterMs && this.client.status === "ready") {
        this.answeredMs = performance.now();
        if ("nodes" in this.client) for (const node of this.client.nodes("all")) node.disconnect(true);
        else this.client.disconnect(true);
      }
    } finally {
      this.beating = false;
    }
  }

  private answered(): void {
    this.answeredMs = performance.now();
    this.lastWarning = "";
    this.ends = 0;
    this.setReachable(true);
  }

  private failed(error: unknown): StoreError {
    if (error instanceof StoreError) return error;
    const message = error instanceof Error ? error.message : String(error);
    // A refusal of one command is an answer: Redis is there.
    const refused = /^(ERR|WRONGTYPE|NOPERM)/.test(message);
    if (!refused) this.setReachable(false);
    return new StoreError("unavailable", `Redis ${refused ? "refused" : "failed"}: ${explain(message)}`);
  }

  private setReachable(reachable: boolean): void {
    if (this.isReachable === reachable || this.closed) return;
    this.isReachable = reachable;
    for (const listener of this.listeners) listener(reachable);
  }

  private complain(error: Error): void {
    const message = `Redis: ${explain(error.message)}`;
    if (this.closed || message === this.lastWarning) return;
    this.lastWarning = message;
    this.warn(message);
  }
}

/** What an operator does about it; the client's own words where they say enough. */
function explain(message: string): string {
  if (message.startsWith("Stream isn't writeable") || message.startsWith("Cluster isn't ready") || message.startsWith("Connection is closed")) return "there is no connection";
  if (message.startsWith("WRONGPASS")) return "it does not take the username and password: check store.username and store.password";
  if (message.startsWith("NOAUTH")) return "it wants a password: set store.password";
  if (message.startsWith("NOPERM") || message.includes("can't run this command")) return `${message}. The rights that the user needs are in docs/operations.md`;
  if (message.startsWith("READONLY")) return "it is a replica, and takes no writes";
  if (message.startsWith("MISCONF") || message.startsWith("OOM")) return `it takes no writes: ${message}`;
  return message;
}
