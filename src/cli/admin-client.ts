/** The admin API as a command sees it: where it is, who asks, and what it means when it does not answer, or answers no. */
import { randomUUID } from "node:crypto";
import type { Agent as HttpAgent, IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { nearest } from "../config/nearest.ts";
import { formatDuration } from "../core/duration.ts";
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
  /** A text goes as it is, under its own type; anything else as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** What a good answer is (default JSON). */
  readonly answer?: "json" | "text";
  readonly ifMatch?: string | undefined;
  /** The same request may arrive twice and counts once: it is sent again where the connection breaks. */
  readonly once?: boolean;
}

/** An answer that is longer is none of ours. */
const bodyBytesMax = 32 * 1_048_576;

export class AdminClient {
  private readonly access: AdminAccess;
  private agent: HttpAgent | null = null;

  constructor(access: AdminAccess) {
    this.access = access;
  }

  get url(): string {
    return this.access.url.href.replace(/\/$/, "");
  }

  /** @param path from `/api/v1/...` on @returns an answer below 400, parsed @throws AdminError */
  async ask<T>(path: string, { method = "GET", body, contentType = "application/json", answer = "json", ifMatch, once = false }: Ask = {}): Promise<Reply<T>> {
    const headers: Record<string, string> = {
      accept: answer === "json" ? "application/json, application/problem+json" : "*/*", "ebbgate-user": this.access.user,
      ...(this.access.token !== null && { authorization: `Bearer ${this.access.token}` }),
      ...(body !== undefined && { "content-type": contentType }),
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
      ...(once && { "idempotency-key": randomUUID() }),
    };
    const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
    const send = (): Promise<Reply<unknown>> => this.send(method, path, headers, text, answer);
    const reply = await send().catch((error: unknown) => (once && isBroken(error) ? send() : Promise.reject(error as Error))).catch((error: unknown) => Promise.reject(this.unreachable(error)));
    if (reply.status >= 400) throw this.refused(reply);
    return reply as Reply<T>;
  }

  close(): void {
    this.agent?.destroy();
  }

  private async send(method: string, path: string, headers: Record<string, string>, body: string | null, as: "json" | "text"): Promise<Reply<unknown>> {
    const { tls, timeoutMs, url } = this.access;
    // undici would be most of a command's start (decision 095).
    const { request, Agent } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
    this.agent ??= new Agent({ keepAlive: true, ...tls });
    const answer = Promise.withResolvers<IncomingMessage>();
    const asked = request(`${this.url}${path}`, { method, headers: { ...headers, ...(body !== null && { "content-length": Buffer.byteLength(body) }) }, agent: this.agent });
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      asked.destroy();
    }, timeoutMs);
    try {
      asked.on("response", answer.resolve).on("error", answer.reject).end(body ?? undefined);
      const response = await answer.promise;
      const text = await this.read(response);
      const { etag, "content-type": contentType = "" } = response.headers;
      const status = response.statusCode!;
      return { status, etag: etag ?? null, body: as === "text" && status < 400 ? text : this.parsed(status, contentType, text) };
    } catch (error) {
      throw isLate ? new LateError() : error;
    } finally {
      clearTimeout(late);
    }
  }

  private async read(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      if ((bytes += (chunk as Buffer).length) > bodyBytesMax) throw new AdminError(`${this.url} answers with more than ${bodyBytesMax} bytes: is this the admin port of Ebbgate?`, exitCodes.unreachable);
    }
    return Buffer.concat(chunks).toString("utf8");
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
    const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
    const why = ((): string => {
      if (error instanceof LateError || /TIMEDOUT/.test(code)) return `does not answer within ${formatDuration(timeoutMs)}: is it alive? --timeout gives it longer`;
      if (code === "ECONNREFUSED") return "refuses the connection: is a sidecar running there? --admin or EBBGATE_ADMIN says where";
      if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "cannot be found: is the name right? --admin or EBBGATE_ADMIN says where";
      if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") return "does not speak TLS: is it http://?";
      if (/CERT|SELF_SIGNED|ALTNAME|SIGNATURE/.test(code)) return `has a certificate that is not trusted (${code}): name its authority with --ca FILE`;
      if (/^ERR_SSL|ALERT/.test(code)) return `refuses the TLS connection (${code}): does it want a client certificate? --client-cert and --client-key give one`;
      if (code.startsWith("HPE_")) return "does not speak HTTP: is it https://?";
      if (code === "ECONNRESET" || code === "EPIPE") return "ends the connection without an answer: is it https://, or draining?";
      return `cannot be asked (${code || "no code"}${message === "" ? "" : `: ${oneLine(message)}`})`;
    })();
    return new AdminError(`${this.url} ${why}`, exitCodes.unreachable);
  }
}

class LateError extends Error {}

/** The connection, after it was there: nobody knows whether the request arrived. */
const isBroken = (error: unknown): boolean => ["ECONNRESET", "EPIPE"].includes(String((error as { code?: unknown } | null)?.code));

/** Of what others wrote: nothing in it steers the terminal. */
export const oneLine = (text: string): string => printable(text).replace(/\s+/g, " ").trim();

/** What a name that is not there was probably meant to be. @param none why there may be none at all */
export function noSuch(what: string, name: string, names: readonly string[], none: string): AdminError {
  const near = nearest(name, names);
  const there = names.length === 0 ? none : near === undefined ? `there is ${names.slice(0, 10).join(", ")}` : `did you mean ${near}?`;
  return new AdminError(`there is no ${what} '${name}'; ${there}`, exitCodes.failed, 404);
}

export const noSuchRollout = (name: string, names: readonly string[]): AdminError => noSuch("rollout", name, names, "the configuration has no rollout");

export const isLoopback = (host: string): boolean => host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
