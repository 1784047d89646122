import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as plainRequest } from "node:http";
import { request, type RequestOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Gatekeeper } from "../../../src/admin/access/gatekeeper.ts";
import { openListener } from "../../../src/admin/access/listener.ts";
import { mintToken, SecretHash } from "../../../src/admin/access/token.ts";
import { formatToken } from "../../../src/admin/access/token-lines.ts";
import { AdminServer } from "../../../src/admin/server.ts";
import type { AdminSettings } from "../../../src/config/settings.ts";
import { Authority, type Certificate } from "../../support/certificates.ts";
import { world } from "../world.ts";

const log = pino({ level: "silent" });
let ours: Authority;
let theirs: Authority;
let server: Certificate;
let other: Certificate;
beforeAll(() => {
  ours = new Authority();
  theirs = new Authority();
  server = ours.sign("/CN=gate");
  other = ours.sign("/CN=gate renewed");
});
afterAll(() => {
  ours.clear();
  theirs.clear();
});

let directory: string;
let files: Certificate;
const running: AdminServer[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ebbgate-tls-"));
  files = { certificate: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  place(server);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close(0)));
  rmSync(directory, { recursive: true });
});
function place({ certificate, key }: Certificate): void {
  copyFileSync(certificate, files.certificate);
  copyFileSync(key, files.key);
}

async function start(settings: Partial<AdminSettings>): Promise<AddressInfo> {
  const all: AdminSettings = { host: "127.0.0.1", port: 0, allowRemoteWithoutTls: false, hostNames: [], ...settings };
  const w = world();
  const one = new AdminServer(all, w.ports, new Gatekeeper(all, { clock: w.ports.clock, log, append: () => Promise.resolve() }), log);
  running.push(one);
  return one.listen();
}

/** @returns status and body of an answer over TLS */
function ask({ port }: AddressInfo, path: string, options: RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, ca: ours.pem, agent: false, ...options }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode!, body }));
    })
      .on("error", reject)
      .end();
  });
}
const as = ({ certificate, key }: Certificate): RequestOptions => ({ cert: readFileSync(certificate), key: readFileSync(key) });

describe("the admin server with TLS", () => {
  it("answers with its certificate, and nothing over plain HTTP or old TLS", async () => {
    const at = await start({ tls: { ...files, clientCa: null, clientRoles: [] } });
    expect((await ask(at, "/healthz")).status).toBe(200);
    const failed = await new Promise<NodeJS.ErrnoException>((resolve) => plainRequest({ port: at.port, host: "127.0.0.1", path: "/healthz" }).on("error", resolve).end());
    expect(failed.code).toMatch(/ECONNRESET|HPE_INVALID/);
    const old = connect({ port: at.port, host: "127.0.0.1", ca: ours.pem, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" });
    const [error] = (await once(old, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toMatch(/^ERR_SSL|ECONNRESET/);
    expect((await ask(at, "/healthz")).status).toBe(200);
  });

  it("says which file cannot be used", async () => {
    const tls = { ...files, clientCa: null, clientRoles: [] };
    await expect(start({ tls: { ...tls, key: join(directory, "nowhere.pem") } })).rejects.toThrow("admin.tls.key: ");
    await expect(start({ tls: { ...tls, key: other.key } })).rejects.toThrow("the key is the certificate's");
    writeFileSync(files.certificate, "not PEM");
    await expect(start({ tls })).rejects.toThrow("cannot be used");
  });

  it("takes a renewed certificate without a restart, and keeps the old one while the new files do not fit", async () => {
    const listener = openListener({ ...files, clientCa: null, clientRoles: [] }, {}, (_request, response) => void response.end(), log);
    listener.server.listen(0, "127.0.0.1");
    await once(listener.server, "listening");
    const { port } = listener.server.address() as AddressInfo;
    const served = async (): Promise<string> => {
      const socket = connect({ port, host: "127.0.0.1", ca: ours.pem });
      await once(socket, "secureConnect");
      const { subject } = socket.getPeerX509Certificate()!;
      socket.destroy();
      return subject;
    };
    expect(await served()).toBe("CN=gate");
    copyFileSync(other.certificate, files.certificate);
    expect(listener.look()).toBe(false);
    expect(await served()).toBe("CN=gate");
    copyFileSync(other.key, files.key);
    expect(listener.look()).toBe(true);
    expect(await served()).toBe("CN=gate renewed");
    listener.close();
    listener.server.close();
  });

  it("knows clients by certificates of clientCa that have a role, and no others", async () => {
    const [alice, bob, carol] = [ours.sign("/O=Shop, Inc./CN=alice"), ours.sign("/O=Shop/CN=bob"), ours.sign("/CN=carol")];
    const forged = theirs.sign("/O=Shop, Inc./CN=alice");
    const fingerprint = (await import("node:crypto").then(({ X509Certificate }) => new X509Certificate(readFileSync(bob.certificate)))).fingerprint256.replaceAll(":", "");
    const at = await start({
      tls: {
        ...files, clientCa: ours.certificate,
        clientRoles: [{ name: "alice", role: "operator", fingerprint: null, subject: String.raw`CN=alice,O=Shop\, Inc.` }, { name: "bob", role: "viewer", fingerprint, subject: null }],
      },
    });
    expect((await ask(at, "/api/v1/status", as(alice))).status).toBe(200);
    expect((await ask(at, "/api/v1/status", as(bob))).status).toBe(200);
    expect((await ask(at, "/api/v1/rollouts/shop/pause", { ...as(alice), method: "POST", headers: { "content-type": "application/json", "transfer-encoding": "chunked" } })).status).toBe(400);
    const denied = await ask(at, "/api/v1/rollouts/shop/pause", { ...as(bob), method: "POST", headers: { "content-type": "application/json" } });
    expect(denied).toMatchObject({ status: 403, body: expect.stringContaining("bob is a viewer") as string });
    for (const options of [as(carol), as(forged), {}]) expect((await ask(at, "/api/v1/status", options)).status).toBe(401);
    // Probes show nothing.
    for (const path of ["/healthz", "/readyz"]) expect((await ask(at, path)).status).toBe(200);
  });

  it("lets metrics and the API's description out only to who may read, where strangers reach it", async () => {
    const { id, text } = mintToken();
    writeFileSync(join(directory, "tokens"), `${formatToken({ id, name: "prometheus", role: "viewer", hash: (await SecretHash.of(text)).toString(), created: "2026-01-01T00:00:00Z", expires: null, by: "test" })}\n`, { mode: 0o600 });
    const tls = { ...files, clientCa: null, clientRoles: [] };
    const tokens = join(directory, "tokens");
    const headers = { authorization: `Bearer ${text}` };
    const exposed = await start({ host: "0.0.0.0", tls, tokens });
    for (const path of ["/metrics", "/openapi.json", "/api/v1/status", "/api/v1/config"]) {
      expect((await ask(exposed, path)).status, path).toBe(401);
      expect((await ask(exposed, path, { headers })).status, path).toBe(200);
    }
    for (const path of ["/healthz", "/readyz"]) expect((await ask(exposed, path)).status, path).toBe(200);
    const local = await start({ tls, tokens });
    for (const path of ["/metrics", "/openapi.json"]) expect((await ask(local, path)).status, path).toBe(200);
    expect((await ask(local, "/api/v1/status")).status).toBe(401);
    const flags = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await ask(local, "/ofrep/v1/evaluate/flags", flags)).status).toBe(401);
    expect((await ask(local, "/ofrep/v1/evaluate/flags", { ...flags, headers: { ...flags.headers, "x-api-key": text } })).status).not.toBe(401);
  });
});
