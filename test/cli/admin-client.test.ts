import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { adminClient, type AdminChoice, withAdmin } from "../../src/cli/admin-access.ts";
import { capture } from "./capture.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
const place = mkdtempSync(join(tmpdir(), "ebbgate-client-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

async function listening(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const http = async (listener: RequestListener): Promise<string> => `http://${await listening(createServer(listener))}`;

/** Asks for one thing. @returns the exit code and the line */
async function ask(choice: AdminChoice, env: Record<string, string> = {}, once_ = false): Promise<{ readonly code: number; readonly err: string }> {
  const io = capture({ env, cwd: place });
  const code = await withAdmin("probe", choice, io, async (client) => {
    await client.ask("/api/v1/status", once_ ? { method: "POST", body: {}, once: true } : {});
    return 0;
  });
  return { code, err: io.err() };
}

const answering = (status: number, contentType: string, body: string): RequestListener => (_request, response) => void response.writeHead(status, { "content-type": contentType }).end(body);
const problem = (status: number, extra: object = {}): RequestListener => answering(status, "application/problem+json", JSON.stringify({ type: "about:blank", title: "T", status, detail: "So it is.", ...extra }));

test.each<[string, RequestListener, number, RegExp]>([
  ["a refusal is its sentence", problem(409), 1, /^ebbgate probe: So it is\n$/],
  ["all that is wrong with a request is told", problem(422, { errors: [{ in: "body", field: "a", detail: "x" }, { in: "body", field: "b", detail: "is y" }] }), 1, /^ebbgate probe: So it is; b is y\n$/],
  ["a missing token: where one is taken from", problem(401), 1, /^ebbgate probe: So it is; set EBBGATE_TOKEN, or give --token-file\n$/],
  ["a page instead of an answer", answering(200, "text/html", "<p>"), 3, /answers 200 without JSON: is this the admin port of Ebbgate\?\n$/],
  ["an answer that is cut", answering(200, "application/json", "{"), 3, /without JSON/],
  ["an answer that never comes", () => undefined, 3, /does not answer within 200ms/],
  ["an answer that never ends", (_request, response) => void response.setHeader("content-type", "application/json").write("{"), 3, /does not answer within 200ms/],
  ["control characters in an answer do not steer the terminal", problem(409, { detail: "a\u001b[2Jb\nc" }), 1, /^ebbgate probe: a \[2Jb c\n$/],
])("%s", async (_name, listener, code, line) => {
  const told = await ask({ admin: await http(listener), ...(line.source.includes("200ms") && { timeout: "200ms" }) });
  expect(told.code).toBe(code);
  expect(told.err).toMatch(line);
  expect(told.err.trimEnd().split("\n")).toHaveLength(1);
});

test("nobody there, a name that is none, and what is no HTTP end with code 3 and what to do", async () => {
  const gone = createServer();
  const address = await listening(gone);
  gone.close();
  expect(await ask({ admin: `http://${address}` })).toMatchObject({ code: 3, err: expect.stringContaining("refuses the connection: is a sidecar running there?") as string });
  expect(await ask({ admin: "http://nowhere.invalid:1" })).toMatchObject({ code: 3, err: expect.stringContaining("cannot be found") as string });
  const tcp = await listening(createTcpServer((socket) => socket.end("220 mail ready\r\n")));
  expect(await ask({ admin: `http://${tcp}` })).toMatchObject({ code: 3, err: expect.stringContaining("does not speak HTTP") as string });
  expect(await ask({ admin: `https://${tcp}` })).toMatchObject({ code: 3, err: expect.stringContaining("does not speak TLS") as string });
});

test.each<[AdminChoice, RegExp]>([
  [{ admin: "localhost:9901" }, /--admin is 'localhost:9901'; write http:\/\/host:port/],
  [{ admin: "http://me:secret@h" }, /has a password in it/],
  [{ timeout: "10" }, /--timeout is '10'; write a duration/],
  [{ "client-cert": "a.pem" }, /--client-cert and --client-key belong together/],
])("%j is wrong usage: code 2 and one line", async (choice, line) => {
  const told = await ask(choice);
  expect(told.code).toBe(2);
  expect(told.err).toMatch(line);
  expect(told.err).not.toContain("secret");
});

test("a token goes out from the environment or a file, with who asks, and never over plain HTTP to another machine", async () => {
  const seen: IncomingMessage["headers"][] = [];
  const admin = await http((request, response) => {
    seen.push(request.headers);
    response.setHeader("content-type", "application/json").end("{}");
  });
  writeFileSync(join(place, "token"), "from-a-file\n");
  expect((await ask({ admin }, { EBBGATE_TOKEN: "from-the-env", EBBGATE_USER: "ann" })).code).toBe(0);
  expect((await ask({ admin, "token-file": "token" }, { EBBGATE_TOKEN: "from-the-env" })).code).toBe(0);
  expect(seen.map(({ authorization }) => authorization)).toEqual(["Bearer from-the-env", "Bearer from-a-file"]);
  expect(seen[0]!["ebbgate-user"]).toMatch(/^ann@/);
  const told = await ask({ admin: "http://edge.example:9901" }, { EBBGATE_TOKEN: "hidden" });
  expect(told).toMatchObject({ code: 2, err: expect.stringContaining("use https://, or --plain-http") as string });
  expect(told.err).not.toContain("hidden");
  expect(await ask({ admin, "token-file": "nothing" })).toMatchObject({ code: 1, err: expect.stringContaining("--token-file nothing cannot be read (ENOENT)") as string });
  const broken = await ask({ admin }, { EBBGATE_TOKEN: "two words" });
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining("EBBGATE_TOKEN holds no token") as string });
  expect(broken.err).not.toContain("two words");
});

test("a connection that breaks under a request that counts once: it is sent again, with the same key; any other is not", async () => {
  const keys: (string | undefined)[] = [];
  const admin = await http((request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    if (keys.length % 2 === 1) request.socket.destroy();
    else response.setHeader("content-type", "application/json").end("{}");
  });
  expect((await ask({ admin }, {}, true)).code).toBe(0);
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBe(keys[1]);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect((await ask({ admin })).code).toBe(3);
  expect(keys).toHaveLength(3);
});

test.skipIf(spawnSync("openssl", ["version"]).status !== 0)("TLS: a stranger's certificate is refused, --ca names who is trusted, --client-cert and --client-key show who asks", async () => {
  const [key, certificate] = [join(place, "key.pem"), join(place, "cert.pem")];
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]);
  expect(made.status).toBe(0);
  const pem = { key: readFileSync(key), cert: readFileSync(certificate) };
  const admin = `https://${await listening(createTlsServer({ ...pem, ca: pem.cert, requestCert: true, rejectUnauthorized: true }, (_request, response) => void response.setHeader("content-type", "application/json").end("{}")))}`;
  expect(await ask({ admin })).toMatchObject({ code: 3, err: expect.stringContaining("has a certificate that is not trusted") as string });
  expect(await ask({ admin, ca: certificate })).toMatchObject({ code: 3 });
  expect(await ask({ admin, ca: certificate, "client-cert": certificate, "client-key": key })).toEqual({ code: 0, err: "" });
});

test("without a word about it, the admin API of this machine is asked", async () => {
  const client = await adminClient({}, capture());
  expect(client.url).toBe("http://127.0.0.1:9901");
  expect((await adminClient({}, capture({ env: { EBBGATE_ADMIN: "https://edge:1/x/" } }))).url).toBe("https://edge:1/x");
});
