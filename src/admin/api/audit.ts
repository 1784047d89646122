/** The audit log, newest first. */
import { z } from "zod";
import { redact } from "../../core/redact.ts";
import { eventOf } from "../../hooks/event.ts";
import type { AuditRecord, Store } from "../../store/store.ts";
import type { AdminPorts } from "../ports.ts";
import { json } from "../problem.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { page, pageLimit } from "./shapes.ts";

/** Records that one request looks at: a filter that nothing fits must not read a whole log in one go. */
const scannedMax = 2_000;
const chunk = 100;

const moment = z.iso.datetime({ offset: true, error: "is a time as RFC 3339 has it, as 2026-01-31T12:00:00Z" }).transform((text) => Date.parse(text));

const record = z
  .object({
    seq: z.int().min(1), time: z.string(), hash: z.string().describe("SHA-256 in hex; each record holds the hash of the one before."),
    sentence: z.string().nullable().describe("For people; null where the record says it itself."), record: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "AuditRecord" });

interface Filter {
  readonly route: string | undefined;
  readonly reason: string | undefined;
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
}

export function auditEndpoints({ audit }: Pick<AdminPorts, "audit">): readonly Endpoint[] {
  return [
    endpoint({
      method: "GET", path: "/api/v1/audit", id: "listAudit", tag: "audit", summary: "Who changed what, when and why; newest first.", permission: "read",
      more: "A page may be shorter than `limit` though `next` says that more follows: one request looks at so many records only. What a decision was computed from is left out unless `evidence=true`.",
      query: z.strictObject({
        limit: pageLimit, cursor: z.string().regex(/^\d{1,15}$/, "is what `next` gave").optional(), route: z.string().max(253).optional(), reason: z.string().max(100).optional(),
        since: moment.optional(), until: moment.optional(), evidence: z.boolean("is true or false").default(false),
      }),
      answers: { 200: { means: "A page of records.", schema: page(record, "AuditPage") } },
      async handle({ query: { limit, cursor, route, reason, since, until, evidence } }) {
        const { found, next } = await backwards(audit, cursor === undefined ? null : Number(cursor), limit, { route, reason, sinceMs: since, untilMs: until });
        return json(200, { items: found.map((one) => shown(one, evidence)), next: next === null ? null : String(next) });
      },
    }),
  ];
}

/** @param before a seq; null: the end @returns newest first, and where to go on; null: the beginning was reached */
async function backwards(audit: Pick<Store, "audit" | "auditEnd">, before: number | null, limit: number, filter: Filter): Promise<{ readonly found: readonly AuditRecord[]; readonly next: number | null }> {
  const found: AuditRecord[] = [];
  let to = Math.min(before ?? Number.POSITIVE_INFINITY, (await audit.auditEnd()) + 1);
  for (let scanned = 0; to > 1; ) {
    const from = Math.max(1, to - chunk);
    const records = (await audit.audit(from, to - from)).filter(({ seq }) => seq < to);
    for (const one of records.toReversed()) {
      if (filter.sinceMs !== undefined && Date.parse(one.time) < filter.sinceMs) return { found, next: null };
      to = one.seq;
      if (fits(one, filter)) found.push(one);
      if (found.length === limit) return { found, next: to > 1 ? to : null };
    }
    // What is older was archived.
    if (records.length === 0) return { found, next: null };
    scanned += records.length;
    if (scanned >= scannedMax) break;
  }
  return { found, next: to > 1 ? to : null };
}

function fits({ time, record: { route, reason } }: { readonly time: string; readonly record: { readonly route?: unknown; readonly reason?: unknown } }, filter: Filter): boolean {
  if (filter.untilMs !== undefined && Date.parse(time) >= filter.untilMs) return false;
  return (filter.route === undefined || route === filter.route) && (filter.reason === undefined || reason === filter.reason);
}

function shown(audit: AuditRecord, evidence: boolean): z.input<typeof record> {
  const { seq, time, hash } = audit;
  const { inputs, effects, after, ...rest } = audit.record as Record<string, unknown>;
  const whole = evidence ? { ...rest, ...(inputs !== undefined && { inputs }), ...(effects !== undefined && { effects }), ...(after !== undefined && { after }) } : rest;
  return { seq, time, hash, sentence: eventOf(audit)?.sentence ?? null, record: redact(whole) as Record<string, unknown> };
}
