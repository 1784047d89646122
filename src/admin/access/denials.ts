/** Denied attempts in log and audit log: each of them, up to a rate that no stranger can fill a disk with; the others as a number. */
import type { Log } from "../../core/log.ts";
import { redactText } from "../../core/redact.ts";
import type { Attempt } from "./access.ts";

/** In the audit log. */
export type AccessRecord =
  | ({ readonly kind: "access"; readonly event: "denied"; readonly who: string | null; /** Denied since the record before, and only counted. */ readonly more: number } & Omit<Attempt, "principal">)
  | { readonly kind: "access"; readonly event: "token"; readonly action: "created" | "revoked" | "changed" | "removed"; readonly token: string; readonly name: string; readonly role: string; readonly who: string; readonly reason: string };

const perMinute = 30;
const textMax = 200;

export interface DenialPorts {
  readonly log: Pick<Log, "warn" | "error">;
  readonly append: (record: AccessRecord) => Promise<void>;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export class Denials {
  private readonly ports: DenialPorts;
  private minuteMs = Number.NEGATIVE_INFINITY;
  private written = 0;
  /** Since the last record. */
  private more = 0;
  private later: NodeJS.Timeout | null = null;
  private unwritten: Attempt | null = null;
  private readonly writing = new Set<Promise<void>>();

  constructor(ports: DenialPorts) {
    this.ports = ports;
  }

  denied(attempt: Attempt): void {
    const nowMs = this.ports.nowMs();
    if (nowMs - this.minuteMs >= 60_000) {
      this.minuteMs = nowMs;
      this.written = 0;
    }
    if (this.written < perMinute) return this.write(attempt);
    // The last one of a flood is written when its minute is over, with how many there were.
    if (this.unwritten !== null) this.more++;
    this.unwritten = attempt;
    this.later ??= setTimeout(() => this.flush(), this.minuteMs + 60_000 - nowMs).unref();
  }

  /** Writes what is only counted so far: before the process ends. */
  async close(): Promise<void> {
    this.flush();
    await Promise.all(this.writing);
  }

  private flush(): void {
    if (this.later !== null) clearTimeout(this.later);
    this.later = null;
    const { unwritten } = this;
    this.unwritten = null;
    if (unwritten !== null) this.write(unwritten);
  }

  private write({ principal, ...attempt }: Attempt): void {
    this.written++;
    const record: AccessRecord = { kind: "access", event: "denied", who: principal?.name ?? null, ...attempt, path: shown(attempt.path), why: shown(attempt.why), more: this.more };
    this.more = 0;
    this.ports.log.warn({ access: record }, `${record.method} ${record.path} was denied to ${record.who ?? "a stranger"} at ${record.peer}: ${record.why}.`);
    this.record(record);
  }

  /** Never rejects. */
  record(record: AccessRecord): void {
    const writing = this.ports.append(record).catch((error: unknown) => this.ports.log.error({ err: error }, "What happened at the admin API's door could not be written into the audit log."));
    this.writing.add(writing);
    void writing.then(() => this.writing.delete(writing));
  }
}

/** A stranger's own words: they may hold a secret that was put into the wrong place. */
const shown = (text: string): string => redactText(text).slice(0, textMax);

/** One line for people. */
export function describeAccess(record: AccessRecord): string {
  if (record.event === "token") return `token ${record.token} of ${record.name} (${record.role}): ${record.action} by ${record.who}${record.reason === "" ? "" : `: ${record.reason}`}`;
  const { method, path, status, who, peer, why, more } = record;
  return `denied: ${method} ${path} (${status}) to ${who ?? "a stranger"} at ${peer}: ${why}${more === 0 ? "" : `; ${more} more since the record before`}`;
}
