/** Makes and revokes tokens in a file that sidecars may be reading: each change replaces the file whole, and one at a time. */
import { randomBytes } from "node:crypto";
import { chown, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readIfPresent, syncDirectory, systemCode } from "../../store/durable.ts";
import { mintToken, SecretHash } from "./token.ts";
import { parseTokens, type TokenRecord, withChanged, withToken } from "./token-lines.ts";

const heading = "# Tokens of Ebbgate's admin API, a line each: ebbgate token makes and revokes them. Only hashes are here.\n";
/** Another command's change takes milliseconds. */
const lockWaitMs = 2_000;
const lockLookMs = 25;

/** The file cannot be changed; the message is a sentence. */
export class TokenFileError extends Error {}

export interface Created {
  /** For its owner; it is kept nowhere. */
  readonly text: string;
  readonly record: TokenRecord;
}

/** @throws TokenFileError, or the system's error */
export async function createToken(path: string, wanted: Pick<TokenRecord, "name" | "role" | "by" | "expires">, nowMs: number): Promise<Created> {
  const { id, text } = mintToken();
  const hash = (await SecretHash.of(text)).toString();
  const record: TokenRecord = { id, name: wanted.name, role: wanted.role, hash, created: new Date(nowMs).toISOString(), expires: wanted.expires, by: wanted.by };
  await change(path, (before) => withToken(before ?? heading, record));
  return { text, record };
}

/**
 * @param which those that are to be revoked; what is revoked already is left as it is
 * @returns what was revoked now
 * @throws TokenFileError, or the system's error
 */
export async function revokeTokens(path: string, which: (record: TokenRecord) => boolean, by: string, reason: string, nowMs: number): Promise<readonly TokenRecord[]> {
  let revoked: readonly TokenRecord[] = [];
  await change(path, (before) => {
    const found = [...parseTokens(before ?? "").byId.values()].filter((record) => record.revoked === undefined && which(record));
    revoked = found.map((record) => ({ ...record, revoked: { at: new Date(nowMs).toISOString(), by, reason } }));
    return revoked.reduce(withChanged, before ?? heading);
  });
  return revoked;
}

async function change(written: string, edit: (before: string | undefined) => string): Promise<void> {
  // A link stays a link: what it leads to is replaced.
  const path = await realpath(written).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return written;
    throw error;
  });
  await mkdir(dirname(path), { recursive: true });
  const unlock = await lock(`${path}.lock`);
  try {
    const before = await readIfPresent(path);
    const after = edit(before);
    if (after !== before) await replace(path, after);
  } finally {
    await unlock();
  }
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.new`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await keepOwner(path, temporary);
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Made by root, it must still be readable to the sidecar's own user: whose file it was, or else whose directory it is. */
async function keepOwner(path: string, temporary: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(path).catch(() => stat(dirname(path)));
  await chown(temporary, uid, gid);
}

async function lock(path: string): Promise<() => Promise<void>> {
  const untilMs = performance.now() + lockWaitMs;
  for (;;) {
    try {
      await (await open(path, "wx", 0o600)).close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
      if (performance.now() > untilMs) throw new TokenFileError(`${path} is there: another command changes the tokens; if none does, remove that file`);
      await delay(lockLookMs);
    }
  }
}
