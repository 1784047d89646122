/** `ebbgate audit list` by a sidecar's admin API: page by page, newest first, and printed in order. */
import type { AdminClient } from "./admin-client.ts";

export interface AuditQuery {
  readonly route: string | undefined;
  /** Any of them; empty: all. */
  readonly reasons: readonly string[];
  /** Wall time. */
  readonly sinceMs: number;
  readonly untilMs: number | null;
  readonly limit: number;
}

interface Item {
  readonly seq: number;
  readonly time: string;
  readonly record: Readonly<Record<string, unknown>>;
}

const pageMax = 200;

/** @returns oldest first @throws AdminError */
export async function auditOverApi(client: AdminClient, { route, reasons, sinceMs, untilMs, limit }: AuditQuery): Promise<readonly Item[]> {
  const found: Item[] = [];
  const at = (ms: number): string => new Date(ms).toISOString();
  for (let cursor: string | null = null; ; ) {
    const query = new URLSearchParams({
      limit: String(Math.min(pageMax, reasons.length > 1 ? pageMax : limit)), ...(route !== undefined && { route }), ...(reasons.length === 1 && { reason: reasons[0]! }),
      ...(sinceMs > 0 && { since: at(sinceMs) }), ...(untilMs !== null && { until: at(untilMs) }), ...(cursor !== null && { cursor }),
    });
    const { body }: { body: { readonly items: readonly Item[]; readonly next: string | null } } = await client.ask(`/api/v1/audit?${query.toString()}`);
    found.push(...body.items.filter(({ record }) => reasons.length === 0 || reasons.includes(String(record["reason"]))));
    cursor = body.next;
    if (cursor === null || found.length >= limit) return found.slice(0, limit === Number.POSITIVE_INFINITY ? undefined : limit).toReversed();
  }
}
