/** Who may use the admin API of a running sidecar, with the commands that people use. */
import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../src/cli/args.ts";
import { commands } from "../../src/commands.ts";
import { capture } from "../cli/capture.ts";
import { entry } from "../support/entry.ts";
import { type SidecarProcess, Workplace } from "../support/sidecar.ts";

let place: Workplace;
let sidecar: SidecarProcess | null;
beforeEach(() => {
  place = new Workplace();
  sidecar = null;
  place.write([{ name: "shop", variants: [{ name: "v1", endpoints: ["http://127.0.0.1:1"] }, { name: "v2", endpoints: ["http://127.0.0.1:2"] }], rollout: { candidate: "v2", steps: [{ weight: 10 }, { weight: 100 }] } }], { admin: { address: "127.0.0.1:0", tokens: "tokens" } });
});
afterEach(async () => {
  await sidecar?.stop("SIGKILL");
  place.clear();
});

const env = { EBBGATE_USER: "tester" };
/** `ebbgate ...`, in this process. */
async function ebbgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = capture({ cwd: place.directory, env });
  const exit = await dispatch(commands, args, io, "test");
  return { code: exit, out: io.out(), err: io.err() };
}
const create = async (name: string, role: string, ...more: string[]): Promise<string> => (await ebbgate("token", "create", "-c", "ebbgate.json", "--name", name, "--role", role, ...more)).out.trim();
const ask = (path: string, token?: string, init: RequestInit = {}): Promise<Response> => fetch(`${sidecar!.admin}${path}`, { ...init, headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(init.headers as Record<string, string>) } });
const code = async (path: string, token?: string, init: RequestInit = {}): Promise<number> => (await ask(path, token, init)).status;
const verb = (name: string): RequestInit => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ reason: name }) });

describe("a sidecar with tokens", () => {
  it("admits whom a token was made for from then on, in its role; and no more from the moment that it is revoked", async () => {
    sidecar = await place.start();
    expect(await code("/api/v1/status")).toBe(401);
    expect(await code("/healthz")).toBe(200);
    expect(await code("/metrics")).toBe(200);
    const [alice, bob] = [await create("alice", "operator"), await create("bob", "viewer", "--expires", "1h")];
    expect(alice).toMatch(/^ebbgate_[a-z0-9]{10}_[A-Za-z0-9_-]{43}$/);
    expect(statSync(join(place.directory, "tokens")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(place.directory, "tokens"), "utf8")).not.toContain(alice.slice(-43));
    expect(await code("/api/v1/status", alice)).toBe(200);
    expect(await code("/api/v1/rollouts/shop/pause", alice, verb("pause"))).toBe(200);
    expect(await code("/api/v1/status", bob)).toBe(200);
    expect(await code("/api/v1/rollouts/shop/pause", bob, verb("pause"))).toBe(403);
    expect(await code("/api/v1/rollouts/shop/override", alice, verb("override"))).toBe(403);
    const id = alice.split("_")[1]!;
    expect(await ebbgate("token", "revoke", "-c", "ebbgate.json", id, "--reason", "laptop lost")).toMatchObject({ code: 0, out: `token ${id} of alice (operator) is revoked\n` });
    expect(await code("/api/v1/status", alice)).toBe(401);
    expect(await code("/api/v1/status", bob)).toBe(200);
    // All of it is in the audit log, and reads like sentences.
    await sidecar.stop();
    const { out } = await ebbgate("audit", "list", "-c", "ebbgate.json");
    expect(out).toMatch(/denied: GET \/api\/v1\/status \(401\) to a stranger at 127\.0\.0\.1: nothing was shown/);
    expect(out).toMatch(/denied: POST \/api\/v1\/rollouts\/shop\/pause \(403\) to bob at 127\.0\.0\.1: it needs the permission 'lower', and a viewer has it not/);
    expect(out).toMatch(/denied: POST \/api\/v1\/rollouts\/shop\/override \(403\) to alice at/);
    expect(out).toMatch(new RegExp(`token ${id} of alice \\(operator\\): revoked by tester@.*: laptop lost`));
    expect(out).toMatch(/token [a-z0-9]{10} of bob \(viewer\): created by tester@/);
    expect(out).toContain("by alice");
    expect(out).not.toContain("ebbgate_");
    sidecar = null;
  });
});

describe("ebbgate token", () => {
  it("as a process: the token on stdout, what to know about it on stderr, and nothing of it in the process's title", async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [entry, "token", "create", "-f", "tokens", "--name", "alice", "--role", "operator"], { cwd: place.directory, env: { ...process.env, ...env } });
    expect(stdout).toMatch(/^ebbgate_[a-z0-9]{10}_[A-Za-z0-9_-]{43}\n$/);
    expect(stderr).toMatch(/^Token [a-z0-9]{10} of alice, operator\. It is good until \d{4}-.*Z\. It is shown this once: only its hash is kept, in .*tokens\.\n$/);
  });

  it("lists who has one, without anything that could be used; and says what is wrong in a line", async () => {
    expect(await ebbgate("token", "list", "-f", "tokens")).toMatchObject({ code: 0, out: `${join(place.directory, "tokens")}: no tokens yet\n` });
    const made = JSON.parse((await ebbgate("token", "create", "-f", "tokens", "--name", "ci@shop", "--role", "operator", "--expires", "never", "--json")).out) as { token: string; id: string; expires: null };
    expect(made).toMatchObject({ name: "ci@shop", role: "operator", expires: null, state: "live" });
    await ebbgate("token", "create", "-f", "tokens", "--name", "alice", "--role", "admin");
    const listed = await ebbgate("token", "list", "-f", "tokens");
    expect(listed.out).toMatch(/^ID +NAME +ROLE +STATE +CREATED +EXPIRES +BY\n[a-z0-9]{10} +ci@shop +operator +live +\d{4}-\d\d-\d\d +never +tester@.*\n[a-z0-9]{10} +alice +admin +live/);
    expect(JSON.stringify(await ebbgate("token", "list", "-f", "tokens", "--json"))).not.toMatch(/scrypt|ebbgate_/);
    // A token that somebody found is enough to revoke it.
    expect((await ebbgate("token", "revoke", "-f", "tokens", made.token)).out).toBe(`token ${made.id} of ci@shop (operator) is revoked\n`);
    expect((await ebbgate("token", "revoke", "-f", "tokens", made.id)).out).toContain("revoked before");
    expect((await ebbgate("token", "revoke", "-f", "tokens", "--name", "alice")).out).toMatch(/^token [a-z0-9]{10} of alice \(admin\) is revoked\n$/);
    expect((await ebbgate("token", "list", "-f", "tokens")).out).toContain("no live tokens");
    expect((await ebbgate("token", "list", "-f", "tokens", "--all")).out.split("\n")).toHaveLength(4);
    for (const [args, exit, says] of [
      [["create", "-f", "tokens", "--name", "alice"], 2, "create needs --name and --role"],
      [["create", "-f", "tokens", "--name", "a b", "--role", "viewer"], 2, "as alice or ci@shop.example"],
      [["create", "-f", "tokens", "--name", "alice", "--role", "amdin"], 2, "did you mean admin?"],
      [["create", "-f", "tokens", "--name", "alice", "--role", "admin", "--expires", "2020-01-01"], 2, "is in the past"],
      [["create", "-f", "tokens", "--name", "alice", "--role", "admin", "--expires", "soon"], 2, "--expires is a date"],
      [["create", "-f", ".", "--name", "alice", "--role", "admin"], 1, "the tokens file cannot be used"],
      [["revoke", "-f", "tokens"], 2, "the ID of a token, or --name"],
      [["revoke", "-f", "tokens", "nobody"], 1, "there is no token 'nobody'"],
      [["revok"], 2, "revoke"],
      [["list"], 1, "ebbgate.yaml"],
    ] as const) {
      const ended = await ebbgate("token", ...args);
      expect(ended, args.join(" ")).toMatchObject({ code: exit, out: "", err: expect.stringContaining(says) as string });
      expect(ended.err.trimEnd().split("\n").length, ended.err).toBeLessThanOrEqual(2);
    }
  });

  it("loses none of several that are made at the same moment", async () => {
    await Promise.all(["a", "b", "c", "d"].map((name) => ebbgate("token", "create", "-f", "tokens", "--name", name, "--role", "viewer")));
    const { tokens } = JSON.parse((await ebbgate("token", "list", "-f", "tokens", "--json")).out) as { tokens: { name: string }[] };
    expect(tokens.map(({ name }) => name).toSorted()).toEqual(["a", "b", "c", "d"]);
  });
});
