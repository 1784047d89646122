import { chmodSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { idOf, mintToken, SecretHash } from "../../../src/admin/access/token.ts";
import { TokenFile } from "../../../src/admin/access/token-file.ts";
import { formatToken, parseTokens, standingOf, type TokenRecord, type Tokens, withChanged, withToken } from "../../../src/admin/access/token-lines.ts";
import { adminRoles } from "../../../src/config/settings.ts";

const moment = fc.date({ min: new Date("2000-01-01"), max: new Date("2199-12-31"), noInvalidDate: true }).map((date) => date.toISOString());
const base64 = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((some) => Buffer.from(some).toString("base64").replaceAll("=", ""));
const hash = fc.tuple(base64(16), base64(32)).map(([salt, digest]) => `$scrypt$ln=14,r=8,p=1$${salt}$${digest}`);
const record = fc.record(
  {
    id: fc.stringMatching(/^[a-z0-9]{4,32}$/), name: fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,20}[A-Za-z0-9])?$/), role: fc.constantFrom(...adminRoles), hash, created: moment,
    expires: fc.option(moment, { nil: null }), by: fc.string({ maxLength: 50 }), revoked: fc.record({ at: moment, by: fc.string({ maxLength: 50 }), reason: fc.string({ maxLength: 50 }) }),
  },
  { requiredKeys: ["id", "name", "role", "hash", "created", "expires", "by"] },
) as fc.Arbitrary<TokenRecord>;
const records = fc.uniqueArray(record, { selector: ({ id }) => id, minLength: 1, maxLength: 4 });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("a token", () => {
  it("is its form exactly: any other text has no id", () => {
    const { id, text } = mintToken();
    expect(text).toMatch(/^ebbgate_[a-z0-9]{10}_[A-Za-z0-9_-]{43}$/);
    expect(idOf(text)).toBe(id);
    for (const wrong of ["", text.slice(0, -1), `${text}A`, ` ${text}`, `${text}\n`, text.toUpperCase(), text.replace("ebbgate_", ""), text.replace(id, ""), text.replace(id, "__proto__")]) expect(idOf(wrong), JSON.stringify(wrong)).toBeNull();
    expect(new Set(Array.from({ length: 100 }, () => mintToken().text)).size).toBe(100);
  });

  it("is kept as a salted scrypt hash that matches nothing else", async () => {
    const { text } = mintToken();
    const [one, other] = [await SecretHash.of(text), await SecretHash.of(text)];
    expect(one.toString()).not.toBe(other.toString());
    expect(one.toString()).not.toContain(text.slice(-43));
    const parsed = SecretHash.parse(one.toString())!;
    expect(await parsed.matches(text)).toBe(true);
    expect(await parsed.matches(mintToken().text)).toBe(false);
  });

  it("asks for no check that costs more than it may, whatever a file says", () => {
    const good = "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    expect(SecretHash.parse(good)).not.toBeNull();
    for (const [from, to] of [["ln=14", "ln=20"], ["ln=14", "ln=9"], ["r=8", "r=99"], ["p=1", "p=9"], ["p=1", "p=0"], ["$scrypt", "$argon2id"], ["AAAAA$", "AAAAB$"], ["AAAA$", "$"]] as const) {
      expect(SecretHash.parse(good.replace(from, to)), to).toBeNull();
    }
  });
});

describe("the tokens file", () => {
  it("is read as it was written, comments and empty lines aside", () => {
    fc.assert(
      fc.property(records, (all) => {
        const text = all.reduce(withToken, "# tokens of this sidecar\n\n");
        const parsed = parseTokens(text);
        expect(parsed.faults).toEqual([]);
        expect(plain([...parsed.byId.values()])).toEqual(plain(all));
      }),
    );
  });

  it("admits nobody by a damaged line, and takes nothing from the other lines for it", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(), fc.string({ unit: "binary", maxLength: 3 }), (all, which, where, junk) => {
        const lines = all.map(formatToken);
        const index = which % lines.length;
        const line = lines[index]!;
        lines[index] = `${line.slice(0, where % line.length)}${junk}${line.slice((where % line.length) + 1)}`;
        const { byId } = parseTokens(lines.join("\n"));
        for (const [i, other] of all.entries()) {
          const clash = byId.get(other.id);
          // A letter of an id or a name may have become another one; what was not touched is there.
          if (i !== index && clash !== undefined) expect(plain(clash)).toEqual(plain(other));
        }
        expect(byId.size).toBeGreaterThanOrEqual(all.length - 2);
        expect(byId.size).toBeLessThanOrEqual(all.length);
      }),
    );
  });

  it("never throws and never admits for a text that is no tokens file", () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.constantFrom("{}", "null", "[]", '{"id":"abcd"}', '{"__proto__":{"id":"abcd"}}')), (text) => {
      expect(parseTokens(text).byId.size).toBe(0);
    }));
  });

  it("lets neither of two lines with one id count: one of them may be the revoked one", () => {
    fc.assert(
      fc.property(record, record, (one, other) => {
        const { byId, faults } = parseTokens(`${formatToken(one)}\n${formatToken({ ...other, id: one.id })}\n${formatToken(one)}`);
        expect(byId.size).toBe(0);
        expect(faults).toEqual([`token ${one.id} is there twice, so neither counts`]);
      }),
    );
  });

  it("changes one token's line and leaves every other as it was", () => {
    fc.assert(
      fc.property(records, fc.nat(), (all, which) => {
        const one = all[which % all.length]!;
        const text = `# note\n${all.map(formatToken).join("\n")}\nnot a token`;
        const changed = withChanged(text, { ...one, revoked: { at: "2026-01-01T00:00:00Z", by: "bob", reason: "lost" } });
        expect(changed.split("\n").filter((line, i) => line !== text.split("\n")[i]).length).toBeLessThanOrEqual(1);
        expect(standingOf(parseTokens(changed).byId.get(one.id)!, 0)).toBe("revoked");
      }),
    );
  });
});

describe("the tokens file on disk", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ebbgate-tokens-"));
    path = join(directory, "tokens");
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const line = (id: string, name = "alice"): string => `${formatToken({ id, name, role: "viewer", hash: "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", created: "2026-01-01T00:00:00Z", expires: null, by: "x" })}\n`;
  const told = (): { faults: string[]; changes: number; listener: { changed: (now: Tokens) => void; faulty: (faults: readonly string[]) => void } } => {
    const one = { faults: [] as string[], changes: 0, listener: { changed: () => void one.changes++, faulty: (faults: readonly string[]) => void one.faults.push(...faults) } };
    return one;
  };

  it("is what it says now, at every look: written, changed in the same instant, taken away and put back", async () => {
    const { listener, faults } = told();
    const file = new TokenFile(path, listener);
    const ids = async (): Promise<string[]> => [...(await file.current()).byId.keys()];
    expect(await ids()).toEqual([]);
    expect(faults.at(-1)).toContain("does not exist");
    writeFileSync(path, line("aaaa"), { mode: 0o600 });
    expect(await ids()).toEqual(["aaaa"]);
    // As many bytes, within one tick of the file system's clock, in the same inode.
    writeFileSync(path, line("bbbb"));
    expect(await ids()).toEqual(["bbbb"]);
    unlinkSync(path);
    expect(await ids()).toEqual([]);
    writeFileSync(path, line("bbbb"), { mode: 0o600 });
    expect(await ids()).toEqual(["bbbb"]);
  });

  it("counts for nothing where others could have written it, and says so once", async () => {
    writeFileSync(path, line("aaaa"), { mode: 0o600 });
    chmodSync(path, 0o620);
    const { listener, faults } = told();
    const file = new TokenFile(path, listener);
    expect((await file.current()).byId.size).toBe(0);
    await file.current();
    expect(faults).toEqual([`${path} can be written by others than its owner, so nothing in it counts: chmod 600 ${path}`]);
    chmodSync(path, 0o600);
    expect((await file.current()).byId.size).toBe(1);
  });

  it("names a bad line by its number, and says nothing of what is in it", async () => {
    writeFileSync(path, `${line("aaaa")}${line("bbbb").slice(0, -20)}\n`, { mode: 0o600 });
    const { listener, faults } = told();
    expect((await new TokenFile(path, listener).current()).byId.size).toBe(1);
    expect(faults).toEqual([`${path}: line 2 is no token`]);
  });
});
