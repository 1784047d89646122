/** What docs/gates.md, docs/lanes.md, docs/openfeature.md and docs/rollouts.md show, run as written in a directory of its own; only the ports are others. */
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createService, type Server } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../support/redis.ts";
import type { Status } from "../support/sidecar.ts";

/** Real processes start in each test, on a machine that others use as well. */
vi.setConfig({ testTimeout: 90_000 });

const root = fileURLToPath(new URL("../../", import.meta.url));
const hasCurl = spawnSync("curl", ["--version"]).status === 0;
/** Where the documented ports are, from the first of a free row. */
const row: Readonly<Record<string, number>> = { 3000: 0, 3001: 1, 3002: 2, 3010: 10, 3011: 11, 3012: 12, 8080: 5, 8081: 6, 9901: 7, 9902: 8 };

async function freeRow(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 600) * 20;
    const servers = Object.values(row).map((at) => createServer().listen(first + at, "127.0.0.1"));
    const outcomes = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    await Promise.all(servers.map(async (server) => server.listening && (await new Promise((resolve) => server.close(resolve)))));
    if (outcomes.every(({ status }) => status === "fulfilled")) return first;
  }
}

let first = 0;
let directory = "";
let running: ChildProcess[] = [];
let services: Server[] = [];

const moved = (text: string): string => text.replace(/\b(3000|3001|3002|3010|3011|3012|8080|8081|9901|9902)\b/g, (port) => String(first + row[port]!));
const port = (documented: number): number => first + row[documented]!;
/** What `npm` would do, without waiting for it. */
const direct = (command: string): string => command.replace("npm start --", "node src/main.ts run").replace(/npm exec -c ('.*')/, "sh -c $1");
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"]}`, USER: "ada" });

beforeEach(async () => {
  first = await freeRow();
  directory = mkdtempSync(join(tmpdir(), "ebbgate-documented-"));
  for (const name of ["src", "node_modules", "package.json"]) symlinkSync(join(root, name), join(directory, name));
  for (const name of ["config", "examples"]) cpSync(join(root, name), join(directory, name), { recursive: true });
  for (const file of [...readdirSync(join(directory, "config")).filter((name) => name.endsWith(".yaml")).map((name) => `config/${name}`), "examples/lanes/services.ts"]) {
    const text = readFileSync(join(directory, file), "utf8");
    // The admin address that a sample leaves to its default moves as well.
    writeFileSync(join(directory, file), moved(file.endsWith(".ts") || /^admin:/m.test(text) ? text : `${text}\nadmin: { address: 127.0.0.1:9901 }\n`));
  }
});
afterEach(async () => {
  const ends = running.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, "exit") : Promise.resolve()));
  for (const child of running) if (child.pid !== undefined) end(child.pid);
  await Promise.all(ends);
  for (const server of services) {
    server.closeAllConnections();
    server.close();
  }
  [running, services] = [[], []];
  rmSync(directory, { recursive: true, force: true });
});

/** The shell's whole group: it was started as one. */
function end(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** The first block of a language behind a heading. */
function block(file: string, heading: string, language: string): string {
  const text = readFileSync(join(root, "docs", file), "utf8");
  const from = text.indexOf(heading);
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(text.slice(from));
  if (from < 0 || found === null) throw new Error(`docs/${file} has no ${language} block behind '${heading}'`);
  return moved(found[1]!);
}

async function inBackground(command: string): Promise<void> {
  const child = spawn("sh", ["-c", direct(command)], { cwd: directory, env: environment(), stdio: "ignore", detached: true });
  running.push(child);
  await once(child, "spawn");
}

const run = async (command: string): Promise<string> => (await promisify(execFile)("sh", ["-c", direct(command)], { cwd: directory, env: environment() })).stdout.trim();
const accepts = (at: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect(at, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
  socket.on("connect", () => socket.destroy());
});

interface Shown {
  readonly command: string;
  /** What the comment behind it says, up to its own remark. */
  readonly says: string;
  readonly printed: string;
}

/** Line by line: what ends in `&` is left running, and all of those are up before what follows. @param ports that they listen on */
async function follow(shell: string, ports: readonly number[]): Promise<readonly Shown[]> {
  const lines = shell.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#")).map((line) => line.split(/\s{2,}#\s*|\s# /));
  const shown: Shown[] = [];
  let up = false;
  for (const [command, comment = ""] of lines as [string, string?][]) {
    if (command.trim().endsWith("&")) {
      await inBackground(command.trim().slice(0, -1));
      continue;
    }
    if (!up) await until(async () => (await Promise.all(ports.map(accepts))).every(Boolean), 60_000);
    up = true;
    shown.push({ command, says: comment.split(/\s{2,}/)[0]!, printed: await run(command) });
  }
  return shown;
}

async function service(at: number, answer: (path: string) => { readonly body: string; readonly headers?: Record<string, string> }): Promise<{ readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createService((request, response) => {
    asked.push(`${request.method} ${request.url}${request.headers["ebbgate-mirror"] === undefined ? "" : " copy"}`);
    const { body, headers = {} } = answer(request.url!);
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
  });
  services.push(server);
  server.listen(at, "127.0.0.1");
  await once(server, "listening");
  return { asked };
}

const status = async (): Promise<Status> => (await (await fetch(`http://127.0.0.1:${port(9901)}/api/v1/status`)).json()) as Status;
const ready = (): Promise<void> => until(() => fetch(`http://127.0.0.1:${port(9901)}/readyz`).then((answer) => answer.ok, () => false), 60_000);

interface Limit {
  readonly metric: string;
  readonly name?: string;
  readonly baselineN: number;
  readonly baselineValue: number | null;
}

describe.runIf(hasCurl)("the documented example runs as written", () => {
  it("of gates: an allow list, a denied crawler, an explanation, the kill switch", async () => {
    const shown = await follow(block("gates.md", "## Try it", "sh"), [port(3001), port(8080)]);
    expect(shown.map(({ command }) => command.split(" ")[0])).toEqual(["curl", "curl", "npm", "npm", "curl", "npm", "npm"]);
    for (const { command, says, printed } of shown) if (command.startsWith("curl")) expect(printed).toBe(says);
    const [explained, killed, list, revived] = shown.filter(({ command }) => command.startsWith("npm")).map(({ printed }) => printed);
    expect(explained).toContain("reason   allowed: rule 'known-testers' of gate 'new-checkout' gives new-checkout");
    expect(killed).toContain("gate new-checkout is killed: nobody is given new-checkout on route shop; the sidecar has taken it");
    expect(list).toMatch(/^new-checkout +shop\/new-checkout +hidden \(killed by hand\)/m);
    expect(revived).toContain("gate new-checkout is revived");
  });

  it("of lanes, and of OpenFeature by hand and by its SDK", async () => {
    const shown = await follow(block("lanes.md", "## Try it", "sh"), [3001, 3002, 3011, 3012, 8080, 8081].map(port));
    const answers = shown[0]!.printed.split("\n");
    expect(answers).toHaveLength(8);
    expect([...new Set(answers)].toSorted()).toEqual(["shop 1 (ebbgate-variant=v1) > pricing 1", "shop 2 (ebbgate-variant=v2) > pricing 2"]);
    expect(shown[1]!.printed).toBe(answers[0]);

    const byHand = block("openfeature.md", "or by hand", "sh").split("\n");
    const one = await run(byHand[0]!);
    expect(`# ${one}`).toBe(byHand[1]);
    expect(JSON.parse(await run(byHand[2]!.split(/\s{2,}#/)[0]!))).toMatchObject({ flags: [JSON.parse(one)] });
    writeFileSync(join(directory, "application.ts"), `const user = { id: "user-1" };\n${block("openfeature.md", "# OpenFeature", "ts")}\nconsole.log(variant);\nprocess.exit();\n`);
    expect(await run("node application.ts")).toBe("v1");
  });

  it("of goals: users, their orders and the service's numbers are counted", async () => {
    for (const at of [3001, 3002]) await service(port(at), () => ({ body: "{}", headers: { "x-results": "12", "x-goal": "signed-up" } }));
    await inBackground("npm start -- --config config/goals.yaml");
    await ready();
    const limits = async (): Promise<readonly Limit[]> => ((await status()).rollouts[0] as unknown as { readonly limits: readonly Limit[] }).limits;
    let user = 0;
    // Counting begins with the first whole second after the step's weight is live; requests are the clock.
    await until(async () => {
      for (let i = 0; i < 20; i++, user++) {
        const headers = { cookie: `session=user-${user}` };
        await (await fetch(`http://127.0.0.1:${port(8080)}/`, { headers })).text();
        await (await fetch(`http://127.0.0.1:${port(8080)}/orders`, { method: "POST", headers })).text();
      }
      return (await limits()).filter(({ metric }) => metric === "conversion" || metric === "custom").every(({ baselineN, baselineValue }) => baselineN > 0 && (baselineValue ?? 0) > 0);
    }, 60_000);
    expect((await limits()).map(({ metric, name }) => name ?? metric)).toEqual(expect.arrayContaining(["errorRate", "latency", "order", "signup", "results"]));
  });

  it("of copies: a candidate that answers wrongly is found by them, and never has a user", async () => {
    const v1 = await service(port(3001), () => ({ body: JSON.stringify({ total: 12, updatedAt: performance.now() }) }));
    const v2 = await service(port(3002), () => ({ body: JSON.stringify({ total: 13, updatedAt: performance.now() }) }));
    await inBackground("npm start -- --config config/mirror.yaml");
    await ready();
    const answers = new Set<number>();
    let user = 0;
    await until(async () => {
      for (let i = 0; i < 30; i++) answers.add(((await (await fetch(`http://127.0.0.1:${port(8080)}/`, { headers: { "x-user": `u${user++}` } })).json()) as { total: number }).total);
      return (await status()).rollouts[0]!.quarantined;
    }, 60_000);
    expect([...answers]).toEqual([12]);
    expect(v1.asked).toHaveLength(user);
    expect(v2.asked.length).toBeGreaterThan(0);
    expect(new Set(v2.asked)).toEqual(new Set(["GET / copy"]));
  });
});
