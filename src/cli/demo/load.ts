/**
 * An open-loop load: requests start when they are due, whether or not earlier ones have been answered, and latency
 * counts from when a request was due. A closed loop would stop asking while the service hangs, and so hide what users
 * feel (Tene's "coordinated omission").
 */
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import type { Tally } from "./tally.ts";

export interface LoadOptions {
  /** `http://host:port` of the sidecar's listener. */
  readonly origin: string;
  readonly requestsPerSecond: number;
  /** How many different users there are; each request comes from one of them. */
  readonly users: number;
  /** A user gives up after this long. */
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: Tally;
}

/** How often due requests are looked for; they start at most this late. */
const tickMs = 4;
/** Requests that may be under way at once: past it the load itself would be what fails. */
const inFlightMax = 8_192;
const productCount = 50;

interface Wish {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: string;
}

/** What a user does next: mostly looking, sometimes filling the cart, at times buying. */
export function nextWish(random: Random): Wish {
  const product = `p${1 + Math.floor(random() * productCount)}`;
  const what = random();
  if (what < 0.6) return { method: "GET", path: `/products/${product}` };
  if (what < 0.75) return { method: "GET", path: "/products" };
  if (what < 0.88) return { method: "GET", path: "/cart" };
  if (what < 0.94) return { method: "PUT", path: `/cart/items/${product}`, body: JSON.stringify({ quantity: 1 + Math.floor(random() * 3) }) };
  return { method: "POST", path: "/orders", body: JSON.stringify({ lines: [{ product, quantity: 1 }] }) };
}

export class OpenLoad {
  readonly #options: LoadOptions;
  readonly #agent: Agent;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #startedMs = 0;
  #sent = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#agent = new Agent({
      pipelining: 1,
      connections: inFlightMax,
      connectTimeout: options.patienceMs,
      headersTimeout: options.patienceMs,
      bodyTimeout: options.patienceMs,
    });
  }

  start(): void {
    this.#startedMs = this.#options.clock.monotonicMs();
    this.#timer = setInterval(() => this.#sendDue(), tickMs);
  }

  /** Sends no more. @returns when every answer is in, at the latest after the patience */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.race([Promise.all(this.#underWay), delay(this.#options.patienceMs, undefined, { ref: false })]);
  }

  /** Ends at once. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#agent.destroy();
  }

  #sendDue(): void {
    const { clock, requestsPerSecond, tally } = this.#options;
    const due = Math.floor(((clock.monotonicMs() - this.#startedMs) * requestsPerSecond) / 1000);
    for (; this.#sent < due; this.#sent++) {
      const dueMs = this.#startedMs + (this.#sent * 1000) / requestsPerSecond;
      const sending = this.#send(dueMs).finally(() => {
        this.#underWay.delete(sending);
        tally.inFlight = this.#underWay.size;
      });
      this.#underWay.add(sending);
      tally.inFlight = this.#underWay.size;
    }
  }

  async #send(dueMs: number): Promise<void> {
    const { clock, random, origin, users, tally } = this.#options;
    const { stage } = tally;
    const { method, path, body } = nextWish(random);
    const headers: Record<string, string> = { "x-user": `user-${Math.floor(random() * users)}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    let status = 0;
    let version: string | null = null;
    try {
      if (this.#underWay.size >= inFlightMax) throw new Error("too much is under way");
      const response = await this.#agent.request({ origin, method, path, headers, body });
      const told = response.headers["shop-version"];
      // The body counts: an answer that ends too early is none.
      await response.body.dump({ limit: 1_048_576 });
      status = response.statusCode;
      version = typeof told === "string" ? told : null;
    } catch {
      status = 0;
    }
    tally.add({ stage, safe: method === "GET", status, version, latencyMs: clock.monotonicMs() - dueMs });
  }
}
