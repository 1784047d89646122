/** The tokens file: one JSON object a line, `#` before a comment. A line that is not whole and right admits nobody, and takes no other line with it. */
import { z } from "zod";
import { adminRoles } from "../../config/settings.ts";
import { personName } from "../../config/scalars.ts";
import { SecretHash } from "./token.ts";

/** Of the whole file: some thousand tokens. */
export const tokensBytesMax = 4 * 1024 * 1024;

const moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/).refine((text) => !Number.isNaN(Date.parse(text)));
const words = z.string().max(1_024);

const line = z.strictObject({
  id: z.string().regex(/^[a-z0-9]{4,32}$/),
  /** Whose it is: what history and audit log say. Several tokens may be the same person's. */
  name: personName,
  role: z.enum(adminRoles),
  hash: z.string().max(256).refine((text) => SecretHash.parse(text) !== null),
  created: moment,
  /** Null: never. */
  expires: moment.nullable(),
  /** Who made it. */
  by: words,
  revoked: z.strictObject({ at: moment, by: words, reason: words }).optional(),
});

export type TokenRecord = z.output<typeof line>;

export interface Tokens {
  readonly byId: ReadonlyMap<string, TokenRecord>;
  /** A sentence for each line that counts for nothing; what it holds is not in it. */
  readonly faults: readonly string[];
}

export const noTokens: Tokens = { byId: new Map(), faults: [] };

/** Total: whatever the text is. */
export function parseTokens(text: string): Tokens {
  if (text.length > tokensBytesMax) return { byId: new Map(), faults: [`it is longer than ${tokensBytesMax} bytes`] };
  const byId = new Map<string, TokenRecord>();
  const faults: string[] = [];
  const twice = new Set<string>();
  for (const [index, written] of text.split("\n").entries()) {
    if (written.trim() === "" || written.startsWith("#")) continue;
    const record = parseLine(written);
    if (record === null) faults.push(`line ${index + 1} is no token`);
    else if (byId.has(record.id)) twice.add(record.id);
    else byId.set(record.id, record);
  }
  for (const id of twice) {
    // One of them may be the revoked one.
    byId.delete(id);
    faults.push(`token ${id} is there twice, so neither counts`);
  }
  return { byId, faults };
}

function parseLine(written: string): TokenRecord | null {
  try {
    const parsed = line.safeParse(JSON.parse(written));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export const formatToken = (record: TokenRecord): string => JSON.stringify(record);

/** The text with one more token at its end. */
export const withToken = (text: string, record: TokenRecord): string => `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${formatToken(record)}\n`;

/** The text with this token's line replaced, and every other line as it was. */
export const withChanged = (text: string, record: TokenRecord): string =>
  text
    .split("\n")
    .map((written) => (parseLine(written)?.id === record.id ? formatToken(record) : written))
    .join("\n");

/** What a token may do now; `nowMs` is wall time. */
export function standingOf({ expires, revoked }: TokenRecord, nowMs: number): "live" | "expired" | "revoked" {
  if (revoked !== undefined) return "revoked";
  return expires !== null && Date.parse(expires) <= nowMs ? "expired" : "live";
}
