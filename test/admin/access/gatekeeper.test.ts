import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Admission, Credentials } from "../../../src/admin/access/access.ts";
import { Attempts } from "../../../src/admin/access/attempts.ts";
import type { AccessRecord } from "../../../src/admin/access/denials.ts";
import { Gatekeeper } from "../../../src/admin/access/gatekeeper.ts";
import { mintToken, SecretHash } from "../../../src/admin/access/token.ts";
import { formatToken, type TokenRecord } from "../../../src/admin/access/token-lines.ts";
import type { AdminRole, AdminSettings } from "../../../src/config/settings.ts";

const startMs = Date.parse("2026-06-01T00:00:00Z");
interface Made {
  readonly text: string;
  readonly record: TokenRecord;
}
let alice: Made;
let bob: Made;
async function make(name: string, role: AdminRole, expires: string | null = null): Promise<Made> {
  const { id, text } = mintToken();
  return { text, record: { id, name, role, hash: (await SecretHash.of(text)).toString(), created: "2026-01-01T00:00:00Z", expires, by: "test" } };
}
beforeAll(async () => {
  alice = await make("alice", "operator", "2026-06-02T00:00:00Z");
  bob = await make("bob", "approver");
});

let directory: string;
let nowMs: number;
let records: AccessRecord[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ebbgate-access-"));
  nowMs = 0;
  records = [];
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

const write = (...tokens: readonly TokenRecord[]): void => writeFileSync(join(directory, "tokens"), tokens.map((one) => `${formatToken(one)}\n`).join(""), { mode: 0o600 });
const gate = (settings: Partial<AdminSettings> = {}): Gatekeeper =>
  new Gatekeeper(
    { host: "127.0.0.1", tokens: join(directory, "tokens"), ...settings },
    { clock: { wallMs: () => startMs + nowMs, monotonicMs: () => nowMs }, log: pino({ level: "silent" }), append: (record) => Promise.resolve(void records.push(record)) },
  );
const shown = (text: string, peer = "10.0.0.1"): Credentials => ({ authorization: `Bearer ${text}`, apiKey: undefined, user: undefined, peer, certificate: null });
const nothing: Credentials = { authorization: undefined, apiKey: undefined, user: undefined, peer: "10.0.0.1", certificate: null };
const wrong = ({ record }: Made): string => mintToken().text.replace(/_[^_]+_/, `_${record.id}_`);
const status = (admission: Admission): number => ("answer" in admission ? admission.answer.status : 200);
const detail = (admission: Admission): string => ("answer" in admission ? (JSON.parse(admission.answer.body) as { detail: string }).detail : "");

describe("who is admitted", () => {
  it("by a token: its owner, in its role, however it is sent", async () => {
    write(alice.record, bob.record);
    const one = gate();
    expect(await one.admit(shown(alice.text))).toEqual({ principal: { name: "alice", role: "operator", verified: true } });
    expect(await one.admit({ ...nothing, authorization: `bearer  ${bob.text}` })).toEqual({ principal: { name: "bob", role: "approver", verified: true } });
    expect(await one.admit({ ...nothing, apiKey: bob.text })).toMatchObject({ principal: { name: "bob" } });
    // Who has a token is not who they say they are.
    expect(await one.admit({ ...shown(bob.text), user: "root@here" })).toMatchObject({ principal: { name: "bob" } });
  });

  it("nobody without one, or with another: 401 with a challenge", async () => {
    write(alice.record);
    const one = gate();
    const none = await one.admit(nothing);
    expect(none).toMatchObject({ answer: { status: 401, headers: { "www-authenticate": 'Bearer realm="ebbgate"' } }, why: "nothing was shown" });
    for (const text of [wrong(alice), bob.text, "secret", "ebbgate_"]) {
      const admission = await one.admit(shown(text));
      expect(admission, text).toMatchObject({ answer: { status: 401, headers: { "www-authenticate": 'Bearer realm="ebbgate", error="invalid_token"' } } });
      expect(JSON.stringify(admission)).not.toContain(text.length > 20 ? text : "secret\"");
    }
    expect(status(await one.admit({ ...nothing, authorization: "Basic YWxpY2U6c2VjcmV0" }))).toBe(401);
  });

  it("nobody by a token that has expired or was revoked, and only its owner is told so", async () => {
    const revoked = { at: "2026-05-01T00:00:00Z", by: "root", reason: "lost" };
    write(alice.record, { ...bob.record, revoked });
    const one = gate();
    expect(status(await one.admit(shown(alice.text)))).toBe(200);
    nowMs += 24 * 3_600_000 - 1;
    expect(status(await one.admit(shown(alice.text)))).toBe(200);
    nowMs += 1;
    expect(detail(await one.admit(shown(alice.text)))).toContain("expired on 2026-06-02");
    expect(detail(await one.admit(shown(bob.text)))).toContain("was revoked on 2026-05-01");
    expect(detail(await one.admit(shown(wrong(bob))))).toBe("The token is wrong, or is not known here.");
  });

  it("nobody any more, from the next request on, when the file says so", async () => {
    write(alice.record, bob.record);
    const one = gate();
    await one.start();
    expect(status(await one.admit(shown(alice.text)))).toBe(200);
    write({ ...alice.record, revoked: { at: "2026-06-01T00:00:00Z", by: "root", reason: "lost" } }, bob.record);
    expect(status(await one.admit(shown(alice.text)))).toBe(401);
    write(bob.record);
    expect(status(await one.admit(shown(alice.text)))).toBe(401);
    expect(records).toEqual([
      { kind: "access", event: "token", action: "revoked", token: alice.record.id, name: "alice", role: "operator", who: "root", reason: "lost" },
      { kind: "access", event: "token", action: "removed", token: alice.record.id, name: "alice", role: "operator", who: "by hand", reason: "" },
    ]);
  });

  it("without tokens: on loopback whoever is there, under the name that they give; elsewhere anybody, who may only look", async () => {
    const here = new Gatekeeper({ host: "127.0.0.1" }, { clock: { wallMs: () => 0, monotonicMs: () => 0 }, log: pino({ level: "silent" }), append: () => Promise.resolve() });
    expect(await here.admit({ ...nothing, user: "alice@laptop" })).toEqual({ principal: { name: "alice@laptop", role: "admin", verified: false } });
    for (const user of [undefined, "", "a\r\nb", "x".repeat(200), "<script>", "alice "]) expect(await here.admit({ ...nothing, user })).toMatchObject({ principal: { name: "local" } });
    const there = new Gatekeeper({ host: "10.0.0.5" }, { clock: { wallMs: () => 0, monotonicMs: () => 0 }, log: pino({ level: "silent" }), append: () => Promise.resolve() });
    expect(await there.admit({ ...nothing, user: "alice" })).toEqual({ principal: { name: "anybody", role: "viewer", verified: false } });
  });

  it("by a client's certificate that has a role; a token that is shown goes before it", async () => {
    write(alice.record);
    const clientRoles = [{ name: "deployer", role: "operator" as const, fingerprint: "AB".repeat(32), subject: null }, { name: "carol", role: "approver" as const, fingerprint: null, subject: "CN=carol,O=Shop" }];
    const one = gate({ tls: { certificate: "c", key: "k", clientCa: "ca", clientRoles } });
    const with_ = (fingerprint: string, subject: string): Credentials => ({ ...nothing, certificate: { fingerprint, subject } });
    expect(await one.admit(with_(Array(32).fill("ab").join(":"), "CN=x"))).toMatchObject({ principal: { name: "deployer", role: "operator", verified: true } });
    expect(await one.admit(with_("CD".repeat(32), "CN=carol,O=Shop"))).toMatchObject({ principal: { name: "carol", role: "approver" } });
    expect(status(await one.admit(with_("CD".repeat(32), "CN=carol,O=Other")))).toBe(401);
    expect(await one.admit({ ...with_("CD".repeat(32), "CN=carol,O=Shop"), authorization: `Bearer ${alice.text}` })).toMatchObject({ principal: { name: "alice" } });
    expect(status(await one.admit({ ...with_("CD".repeat(32), "CN=carol,O=Shop"), authorization: `Bearer ${wrong(alice)}` }))).toBe(401);
  });
});

describe("what a check costs", () => {
  it("the same for a token that is not there, one that is revoked and one whose secret is wrong: one hash", async () => {
    write(alice.record, { ...bob.record, revoked: { at: "2026-05-01T00:00:00Z", by: "root", reason: "" } });
    const one = gate();
    const hashes = vi.spyOn(SecretHash.prototype, "matches");
    for (const text of [wrong(alice), wrong(bob), mintToken().text]) {
      hashes.mockClear();
      expect(await one.admit(shown(text))).toMatchObject({ answer: { status: 401, body: expect.stringContaining("The token is wrong, or is not known here.") as string } });
      expect(hashes).toHaveBeenCalledTimes(1);
      expect(String(hashes.mock.contexts[0] as SecretHash).slice(0, 21)).toBe(alice.record.hash.slice(0, 21));
    }
  });

  it("once a minute for who is right, also for many requests at once; and again when the file has another hash", async () => {
    write(alice.record);
    const one = gate();
    const hashes = vi.spyOn(SecretHash.prototype, "matches");
    const many = (): Promise<Admission[]> => Promise.all(Array.from({ length: 50 }, () => one.admit(shown(alice.text))));
    expect((await many()).every((admission) => status(admission) === 200)).toBe(true);
    nowMs += 59_999;
    await many();
    expect(hashes).toHaveBeenCalledTimes(1);
    nowMs += 1;
    await many();
    expect(hashes).toHaveBeenCalledTimes(2);
    write({ ...alice.record, hash: bob.record.hash });
    expect((await many()).map(status).every((code) => code !== 200)).toBe(true);
  });
});

describe("failed logins", () => {
  it("are answered 429 with Retry-After after a few, and heard again when that is over", async () => {
    write(alice.record);
    const one = gate();
    quick();
    const text = wrong(alice);
    for (let i = 0; i < 5; i++) expect(status(await one.admit(shown(text)))).toBe(401);
    const limited = await one.admit(shown(text));
    expect(limited).toMatchObject({ answer: { status: 429, headers: { "retry-after": "10" } } });
    nowMs += 10_000;
    expect(status(await one.admit(shown(text)))).toBe(401);
    expect(status(await one.admit(shown(text)))).toBe(429);
  });

  it("of one address lock no other out; nor do those of another token at the same address", async () => {
    write(alice.record, bob.record);
    const one = gate();
    const text = wrong(alice);
    for (let i = 0; i < 7; i++) await one.admit(shown(text));
    expect(status(await one.admit(shown(alice.text)))).toBe(429);
    expect(status(await one.admit(shown(alice.text, "10.0.0.2")))).toBe(200);
    expect(status(await one.admit(shown(bob.text)))).toBe(200);
    // Alice's secret is known to be right by now: it needs no check, and so no leave.
    expect(status(await one.admit(shown(alice.text)))).toBe(200);
  });

  /** The hash's time is not what these are about. */
  const quick = (): void => void vi.spyOn(SecretHash.prototype, "matches").mockImplementation((text) => Promise.resolve(text === alice.text));

  it("of many addresses together slow those addresses down, and nobody who comes from elsewhere", async () => {
    quick();
    write(alice.record);
    const one = gate();
    const answers: number[] = [];
    for (let i = 0; i < 45; i++) answers.push(status(await one.admit(shown(mintToken().text, `10.1.0.${i % 10}`))));
    expect(answers.filter((code) => code === 429).length).toBeGreaterThan(0);
    expect(answers.filter((code) => code === 401).length).toBeLessThanOrEqual(41);
    expect(status(await one.admit(shown(alice.text, "10.2.0.1")))).toBe(200);
  });

  it("are remembered of a bounded number of addresses", () => {
    const attempts = new Attempts(() => nowMs);
    for (let i = 0; i < 20_000; i++) {
      attempts.begin(`10.${i >> 8}.${i & 255}.1`, "aaaa");
      attempts.begin(`2001:db8:${(i >> 12).toString(16)}:${(i & 4095).toString(16)}::1`, "aaaa");
    }
    expect(attempts.size).toBeLessThanOrEqual(2 * 4_096 + 1);
  });

  it("of one IPv6 network are of one address, however many it has; an IPv4 address in an IPv6 coat is itself", () => {
    let attempts = new Attempts(() => nowMs);
    const begun = (peer: string): boolean => typeof attempts.begin(peer, `id${Math.random()}`) !== "number";
    for (let i = 0; i < 20; i++) expect(begun(`2001:db8::${i.toString(16)}`)).toBe(true);
    expect(begun("2001:db8:0:0:ffff::1")).toBe(false);
    expect(begun("2001:db8:0:1::1")).toBe(true);
    attempts = new Attempts(() => nowMs);
    for (let i = 0; i < 20; i++) expect(begun(i % 2 === 0 ? "10.0.0.7" : "::ffff:10.0.0.7")).toBe(true);
    expect(begun("10.0.0.7")).toBe(false);
    expect(begun("::ffff:10.0.0.8")).toBe(true);
  });

  it("many at once are as many as one after the other", async () => {
    quick();
    write(alice.record);
    const one = gate();
    const answers = await Promise.all(Array.from({ length: 12 }, () => one.admit(shown(wrong(alice)))));
    expect(answers.map(status).filter((code) => code === 401)).toHaveLength(5);
  });
});

describe("denied attempts", () => {
  it("are written into the audit log one by one, and in a flood as a number", async () => {
    const one = gate();
    const attempt = { principal: null, peer: "10.0.0.9", method: "GET", path: `/api/v1/${"x".repeat(500)}`, status: 401 as const, why: "nothing was shown" };
    one.denied({ ...attempt, path: "/api/v1/status", principal: { name: "alice", role: "viewer", verified: true }, status: 403, why: "raise" });
    for (let i = 0; i < 100; i++) one.denied(attempt);
    expect(records).toHaveLength(30);
    expect(records[0]).toEqual({ kind: "access", event: "denied", who: "alice", peer: "10.0.0.9", method: "GET", path: "/api/v1/status", status: 403, why: "raise", more: 0 });
    expect(JSON.stringify(records[1]).length).toBeLessThan(500);
    await one.close();
    expect(records).toHaveLength(31);
    expect(records[30]).toMatchObject({ more: 70 });
    nowMs += 60_000;
    one.denied(attempt);
    expect(records[31]).toMatchObject({ more: 0 });
  });
});
