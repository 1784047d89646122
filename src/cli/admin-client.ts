/** The admin API as a command sees it: where it is, who asks, and what it means when it does not answer, or answers no. */
import { randomUUID } from "node:crypto";
import { isIP } from "node:net";
import type { Dispatcher } from "undici";
import { nearest } from "../config/nearest.ts";
import { formatDuration } from "../config/scalars.ts";
import { exitCodes } from "./args.ts";
import type { AdminAccess } from "./admin-access.ts";
import { printable } from "./watch/spans.ts";

/** Why a command cannot go on: one line for people, and the exit code. */
export class AdminError extends Error {
  readonly exit: number;
  /** Of the answer; null: there was none. */
  readonly status: number | null;

  constructor(message: string, exit: number, status: number | null = null) {
    super(message);
    this.exit = exit;
    this.status = status;
  }
}

export interface Reply<T> {
  readonly status: number;
  readonly etag: string | null;
  readonly body: T;
}

export interface Ask {
  readonly method?: "GET" | "POST" | "PUT";
  readonly body?: unknown;
  readonly ifMatch?: string | undefined;
  /** The same request may arrive twice and counts once: it is sent again where the connection breaks. */
  readonly once?: boolean;
}

/** An answer that is longer is none of ours. */
const bodyBytesMax = 32 * 1_048_576;

export class AdminClient {
  private readonly access: AdminAccess;
  private dispatcher: Promise<Dispatcher> | null = null;

  constructor(access: AdminAccess) {
    this.access = access;
  }

  get url(): string {
    return this.access.url.href.replace(/\/$/, "");
  }

  /** @param path from `/api/v1/...` on @returns an answer below 400, parsed @throws AdminError */
  async ask<T>(path: string, { method = "GET", body, ifMatch, once = false }: Ask = {}): Promise<Reply<T>> {
    const headers: Record<string, string> = {
      accept: "application/json, application/problem+json", "ebbgate-user": this.access.user,
      ...(this.access.token !== null && { authorization: `Bearer ${this.access.token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
      ...(once && { "idempotency-key": randomUUID() }),
    };
    const text = body === undefined ? null : JSON.stringify(body);
    const send = (): Promise<Reply<unknown>> => this.send(method, path, headers, text);
    const reply = await send().catch((error: unknown) => (once && isBroken(error) ? send() : Promise.reject(error as Error))).catch((error: unknown) => Promise.reject(this.unreachable(error)));
    if (reply.status >= 400) throw this.refused(reply);
    return reply as Reply<T>;
  }

  async close(): Promise<void> {
    await (await this.dispatcher)?.destroy();
  }

  private async send(method: Dispatcher.HttpMethod, path: string, headers: Record<string, string>, body: string | null): Promise<Reply<unknown>> {
    // Loaded only by those who ask: most of a command's start-up would be this.
    const { request, Agent } = await import("undici");
    const { tls, timeoutMs } = this.access;
    this.dispatcher ??= Promise.resolve(new Agent({ connect: { ...tls, timeout: timeoutMs }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: bodyBytesMax }));
    const answer = await request(new URL(`${this.url}${path}`), { method, headers, body, dispatcher: await this.dispatcher, signal: AbortSignal.timeout(timeoutMs) });
    const text = await answer.body.text();
    const etag = answer.headers["etag"];
    return { status: answer.statusCode, etag: typeof etag === "string" ? etag : null, body: this.parsed(answer.statusCode, String(answer.headers["content-type"] ?? ""), text) };
  }

  private parsed(status: number, contentType: string, text: string): unknown {
    try {
      if (/^application\/(?:problem\+)?json\b/.test(contentType)) return JSON.parse(text) as unknown;
    } catch {
      // Told below.
    }
    throw new AdminError(`${this.url} answers ${status} without JSON: is this the admin port of Ebbgate?`, exitCodes.unreachable, status);
  }

  private refused({ status, body }: Reply<unknown>): AdminError {
    const { detail, errors } = (body ?? {}) as { readonly detail?: unknown; readonly errors?: readonly { readonly field?: unknown; readonly detail?: unknown }[] };
    const said = typeof detail === "string" ? oneLine(detail) : `the admin API answers ${status}`;
    const further = (Array.isArray(errors) ? errors : []).slice(1).map((one) => oneLine(`${String(one.field)} ${String(one.detail)}`));
    const all = [said.replace(/\.$/, ""), ...further].join("; ");
    if (status === 401) return new AdminError(this.access.token === null ? `${all}; set EBBGATE_TOKEN, or give --token-file` : `${all}; look at EBBGATE_TOKEN or --token-file: the token is none that this sidecar takes now`, exitCodes.failed, status);
    return new AdminError(all, exitCodes.failed, status);
  }

  private unreachable(error: unknown): AdminError {
    if (error instanceof AdminError) return error;
    const { timeoutMs } = this.access;
    const { code = "", name = "", message = "" } = (error ?? {}) as { code?: string; name?: string; message?: string };
    const why = ((): string => {
      if (name === "TimeoutError" || /TIMEOUT/.test(code)) return `does not answer within ${formatDuration(timeoutMs)}: is it alive? --timeout gives it longer`;
      if (code === "ECONNREFUSED") return "refuses the connection: is a sidecar running there? --admin or EBBGATE_ADMIN says where";
      if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "cannot be found: is the name right? --admin or EBBGATE_ADMIN says where";
      if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") return "does not speak TLS: is it http://?";
      if (/CERT|SELF_SIGNED|ALTNAME|SIGNATURE/.test(code)) return `has a certificate that is not trusted (${code}): name its authority with --ca FILE`;
      if (/^ERR_SSL|ALERT/.test(code)) return `refuses the TLS connection (${code}): does it want a client certificate? --cert and --key give one`;
      if (code.startsWith("HPE_") || name === "HTTPParserError") return "does not speak HTTP: is it https://?";
      if (code === "UND_ERR_SOCKET" || code === "ECONNRESET") return "ends the connection without an answer: is it https://, or draining?";
      return `cannot be asked (${code || name}${message === "" ? "" : `: ${oneLine(message)}`})`;
    })();
    return new AdminError(`${this.url} ${why}`, exitCodes.unreachable);
  }
}

/** The connection, after it was there: nobody knows whether the request arrived. */
const isBroken = (error: unknown): boolean => ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(String((error as { code?: unknown } | null)?.code));

/** Of what others wrote: nothing in it steers the terminal. */
export const oneLine = (text: string): string => printable(text).replace(/\s+/g, " ").trim();

/** What a name that is not there was probably meant to be. */
export function noSuchRollout(name: string, names: readonly string[]): AdminError {
  const near = nearest(name, names);
  const there = names.length === 0 ? "the configuration has no rollout" : near === undefined ? `there is ${names.slice(0, 10).join(", ")}` : `did you mean ${near}?`;
  return new AdminError(`there is no rollout '${name}'; ${there}`, exitCodes.failed, 404);
}

export const isLoopback = (host: string): boolean => host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
