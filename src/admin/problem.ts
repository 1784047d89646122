/** What the admin API answers, and its errors as RFC 9457 problems. */
import { STATUS_CODES } from "node:http";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Beside the ones that every answer has; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes on after the head until it ends itself or the client goes away; then `body` is what it begins with. */
  readonly stream?: (sink: StreamSink) => void;
}

export interface StreamSink {
  /** Resolves when there is room for more; false: it has ended, or was cut because its reader does not read. */
  write(text: string): Promise<boolean>;
  end(): void;
  /** Once, whoever ended it. */
  onClose(listener: () => void): void;
}

/** One thing that is wrong with a request. */
export interface FieldError {
  readonly in: "body" | "query" | "path" | "header";
  /** `reason`, `routes[0].name`; empty: all of it. */
  readonly field: string;
  readonly detail: string;
}

/** @param detail one sentence that says what was wrong and what to do */
export function problem(status: number, detail: string, headers?: Readonly<Record<string, string>>, errors?: readonly FieldError[]): Answer {
  // "about:blank": the status says all that a program needs, and the title is its phrase (RFC 9457 section 4.2.1).
  const body = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail, ...(errors && { errors }) };
  return { status, contentType: "application/problem+json", body: `${JSON.stringify(body)}\n`, ...(headers && { headers }) };
}

/** @param names of those that there are @param none why there may be none */
export function noSuch(what: string, name: string, names: readonly string[], none: string): Answer {
  return problem(404, `There is no ${what} ${JSON.stringify(name)}. There ${names.length === 0 ? `is none: ${none}` : `is: ${names.slice(0, namedMax).join(", ")}`}.`);
}

/** Names in one sentence. */
const namedMax = 20;

export const json = (status: number, value: unknown, headers?: Readonly<Record<string, string>>): Answer => ({ status, contentType: "application/json", body: `${JSON.stringify(value)}\n`, ...(headers && { headers }) });
