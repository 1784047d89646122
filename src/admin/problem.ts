/** Errors of the admin API as RFC 9457 problems. */
import { STATUS_CODES } from "node:http";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Beside the ones that every answer has; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param detail one sentence that says what was wrong and what to do */
export function problem(status: number, detail: string, headers?: Readonly<Record<string, string>>): Answer {
  // "about:blank": the status says all that a program needs, and the title is its phrase (RFC 9457 section 4.2.1).
  const body = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail };
  return { status, contentType: "application/problem+json", body: `${JSON.stringify(body)}\n`, ...(headers && { headers }) };
}

export const json = (status: number, value: unknown): Answer => ({ status, contentType: "application/json", body: `${JSON.stringify(value)}\n` });
