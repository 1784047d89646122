/** "The whole way, once" of docs/operations.md, command by command as it is written there, in a real shell. Only its ports are others. */
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, hasRedis, until } from "../support/redis.ts";

const root = join(import.meta.dirname, "../..");
const written = ["8080", "9901", "6379", "3001", "3002", "3902"];

/** A shell that is given one command after the other, as at a terminal. */
class Shell {
  private readonly child: ChildProcess;
  private out = "";
  private marks = 0;

  constructor() {
    // A group of its own: what it started in the background ends with it.
    this.child = spawn("bash", ["--norc"], { cwd: root, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) stream.on("data", (bytes: Buffer) => (this.out += bytes.toString()));
  }

  /** @returns what it said, and its exit code */
  async run(command: string): Promise<{ readonly said: string; readonly code: number }> {
    const from = this.out.length;
    const mark = `__done_${++this.marks}`;
    this.child.stdin!.write(`${command}\necho "${mark} $?"\n`);
    await until(() => this.out.includes(`${mark} `, from) && this.out.endsWith("\n"), 60_000);
    const said = this.out.slice(from, this.out.indexOf(mark, from));
    return { said, code: Number(this.out.slice(this.out.indexOf(mark, from) + mark.length).trim().split("\n")[0]) };
  }

  end(): void {
    process.kill(-this.child.pid!, "SIGKILL");
  }
}

describe.skipIf(!hasRedis)("the whole way", () => {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-whole-way-"));
  const shell = new Shell();
  let commands: readonly string[] = [];
  let ports: ReadonlyMap<string, string>;
  const replaced = (text: string): string => text.replace(/\b\d{4}\b/g, (port) => ports.get(port) ?? port);
  const next = (begins: RegExp): string => {
    const found = commands.find((command) => begins.test(command))!;
    expect(found).toMatch(begins);
    return found;
  };

  beforeAll(async () => {
    ports = new Map(await Promise.all(written.map(async (port): Promise<[string, string]> => [port, String(await freePort())])));
    const block = /## The whole way, once\n[^]*?```sh\n([^]*?)```/.exec(readFileSync(join(root, "docs/operations.md"), "utf8"))![1]!;
    commands = block.trimEnd().split("\n").map((line) => replaced(line.replace(/ {2,}#.*$/, "")));
    cpSync(join(root, "examples/approval"), directory, { recursive: true });
    for (const name of readdirSync(directory)) writeFileSync(join(directory, name), replaced(readFileSync(join(directory, name), "utf8")));
    commands = commands.map((command) => command.replace("cd examples/approval", `cd ${directory}`));
  });
  afterAll(() => {
    shell.end();
    rmSync(directory, { recursive: true, force: true });
  });

  it("is fewer than 15 commands, and each does what it says", async () => {
    expect(commands.length).toBeLessThan(15);
    const reasons = async (): Promise<string[]> => ((await shell.run("EBBGATE_TOKEN=$ADA ebbgate audit list --admin $EBBGATE_ADMIN --json")).said.match(/"reason":"\w+"/g) ?? []).map((found) => found.slice(10, -1));
    const decided = (reason: string): Promise<void> => until(async () => (await reasons()).includes(reason), 60_000, 250);
    for (const begins of [/^PATH=/, /^redis-server/, /^node .*main/, /^node .*users/, /^cd /, /^ADA=/, /^BOB=/]) expect([begins, (await shell.run(next(begins))).code]).toEqual([begins, 0]);
    // Where the commands ask when they are not told; nobody is to meet the sidecar of another test.
    await shell.run(`export EBBGATE_ADMIN=http://127.0.0.1:${ports.get("9901")!}`);
    await shell.run(next(/^ebbgate run/));
    await until(() => readFileSync(join(directory, "ebbgate.log"), "utf8").includes("Ebbgate is ready."));

    expect((await shell.run(next(/apply -f/))).said).toContain("published as revision 1");
    await decided("awaitingApproval");
    const own = await shell.run(next(/approve shop/).replace("$BOB", "$ADA"));
    expect([own.code, own.said]).toEqual([1, expect.stringContaining("ada is an operator") as string]);
    expect((await shell.run(next(/approve shop/))).said).toContain("approved at 20% by bob (the numbers are good)");
    await decided("stepCompleted");

    expect((await shell.run(next(/^curl/))).said).toContain("latency");
    await decided("limitNoted");
    expect((await shell.run(next(/rollback shop/))).said).toContain("rolled back at 0% by bob (checkout is slow)");
    await decided("verified");
    expect((await shell.run(next(/report shop/))).code).toBe(0);
    const report = readFileSync(join(directory, "report.html"), "utf8");
    for (const told of ["was rolled back, and the rollback was verified", "applied by ada", "approved at 20% by bob", "checkout is slow", "limitNoted", "<svg"]) expect(report).toContain(told);
    expect((await shell.run("ebbgate audit verify")).said).toContain("in one unbroken chain");
  }, 240_000);
});
