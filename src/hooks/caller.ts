/** One attempt at one call: checked, signed, sent, and its answer read as far as it is needed. What goes wrong is told without any secret. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { signingKeyRefusal, tokenRefusal, urlRefusal } from "../config/webhook-schema.ts";
import type { SecretSource, WebhookTarget } from "../config/webhook-settings.ts";
import type { Refusal } from "../config/scalars.ts";
import { RefusedAddress } from "../core/checked-lookup.ts";
import type { Clock } from "../core/clock.ts";
import type { AddressPolicy } from "./address-policy.ts";
import { signatureHeaders } from "./signature.ts";

export interface Message {
  /** The same for every attempt, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly contentType: string;
  readonly body: string;
}

/** `taken`: any 2xx. `refused`: never will be, as it is. `failed`: may be the next time. */
export interface CallResult {
  readonly outcome: "taken" | "refused" | "failed";
  /** Null: no answer came. */
  readonly status: number | null;
  /** For people; never holds a secret. */
  readonly detail: string;
  /** What the receiver asks to wait. */
  readonly retryAfterMs: number | null;
  /** Where it was asked for. */
  readonly answer: string;
}

const answerBytesMax = 16_384;
const connectMsMax = 10_000;
const keepAliveMs = 4_000;
const retryAfterMsMax = 3_600_000;
const secretBytesMax = 8_192;
/** What a receiver says of the message itself: it will not say otherwise the next time. */
const refusals = new Set([400, 413, 415, 422]);

export class Caller {
  private readonly clock: Clock;
  private readonly policy: AddressPolicy;
  private readonly version: string;
  private readonly agents = new Map<number, Agent>();

  constructor(policy: AddressPolicy, clock: Clock, version: string) {
    this.policy = policy;
    this.clock = clock;
    this.version = version;
  }

  /** Never rejects. @param make the message, as it is to be for this attempt @param wanted the answer's text is wanted @param signal ends it early */
  async call(target: WebhookTarget, make: () => Message | Promise<Message>, signal: AbortSignal, wanted = false): Promise<CallResult> {
    try {
      const url = new URL(await reveal(target.url, "url", urlRefusal));
      const host = url.hostname.replace(/^\[|\]$/g, "");
      const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
      const refusal = isIP(host) === 0 ? null : this.policy.refusal(host, port);
      if (refusal !== null) throw new RefusedAddress(`${host} ${refusal}`);
      const message = await make();
      const headers = await this.headers(target, message);
      const within = AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]);
      return await this.ask({ origin: url.origin, path: `${url.pathname}${url.search}`, method: "POST", headers, body: message.body, signal: within }, port, wanted);
    } catch (error) {
      return { outcome: "failed", status: null, detail: why(error, target.timeoutMs), retryAfterMs: null, answer: "" };
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
  }

  private async ask(request: Dispatcher.RequestOptions & { readonly origin: string; readonly signal: AbortSignal }, port: number, wanted: boolean): Promise<CallResult> {
    const { statusCode: status, headers, body } = await this.agent(port).request(request);
    const taken = status >= 200 && status < 300;
    let answer = "";
    if (wanted && taken) answer = await textOf(body);
    else await body.dump({ limit: answerBytesMax, signal: request.signal });
    const detail = status >= 300 && status < 400 ? `status ${status}: redirects are not followed` : `status ${status}`;
    const outcome = taken ? "taken" : refusals.has(status) ? "refused" : "failed";
    return { outcome, status, detail, retryAfterMs: retryAfter(headers["retry-after"], this.clock.wallMs()), answer };
  }

  private async headers(target: WebhookTarget, { id, contentType, body }: Message): Promise<Record<string, string>> {
    return {
      "content-type": contentType,
      "user-agent": `ebbgate/${this.version}`,
      ...(target.secret === null ? {} : signatureHeaders(await reveal(target.secret, "secret", signingKeyRefusal), id, body, this.clock.wallMs())),
      ...(target.bearer === null ? {} : { authorization: `Bearer ${await reveal(target.bearer, "bearer", tokenRefusal)}` }),
    };
  }

  /** A socket is told a name, but not which port it will be asked for: one agent for each. */
  private agent(port: number): Agent {
    let agent = this.agents.get(port);
    if (agent === undefined) {
      agent = new Agent({ connections: 8, pipelining: 1, keepAliveTimeout: keepAliveMs, connect: { timeout: connectMsMax, lookup: this.policy.lookupFor(port) } });
      this.agents.set(port, agent);
    }
    return agent;
  }
}

/** What a target's secret says now. @throws Error that names the key, and does not show its value */
export async function reveal(source: SecretSource, key: string, refusalOf: (written: string) => Refusal | null): Promise<string> {
  if (source.kind === "text") return source.text.reveal();
  let written: string;
  try {
    written = (await readFile(source.path, "utf8")).trim();
  } catch (error) {
    throw new SecretFileError(`the file of its ${key}, ${source.path}, cannot be read (${codeOf(error)})`);
  }
  const refusal = written.length > secretBytesMax ? { message: "is too long" } : refusalOf(written);
  if (refusal !== null) throw new SecretFileError(`what the file of its ${key}, ${source.path}, holds ${refusal.message}`);
  return written;
}

class SecretFileError extends Error {}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > answerBytesMax) throw new RefusedAnswer(`answered with more than ${answerBytesMax} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

class RefusedAnswer extends Error {}

/** RFC 9110 section 10.2.3. */
function retryAfter(header: string | string[] | undefined, wallMs: number): number | null {
  if (typeof header !== "string") return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - wallMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), retryAfterMsMax);
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : error instanceof Error ? error.name : "unknown");

/** Only our own words and the system's codes: a library's message may quote the URL. */
function why(error: unknown, timeoutMs: number): string {
  if (error instanceof RefusedAddress || error instanceof SecretFileError || error instanceof RefusedAnswer) return error.message;
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  if (error instanceof Error && error.name === "AbortError") return "ended before it was answered";
  return codeOf(error);
}
