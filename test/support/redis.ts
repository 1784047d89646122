/**
 * Real servers for tests: found on the PATH, started on free ports with directories of their own. More programs that are
 * to pass the same tests (Valkey, another version) are given in EBBGATE_TEST_REDIS, paths with `:` between them; default: the Redis 8 that was fetched.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import type { RedisSettings } from "../../src/config/definition.ts";
import { obtainedRedis } from "./obtain-redis.ts";

export const howToGetRedis = "redis-server is not on the PATH, so its tests are skipped: install it with `apt-get install redis-server` (or `brew install redis`)";

/** Programs to test against; the first is the one that most tests use. */
export const redisPrograms: readonly string[] = ["redis-server", ...(process.env["EBBGATE_TEST_REDIS"] ?? obtainedRedis).split(delimiter)].filter(
  (program) => program !== "" && spawnSync(program, ["--version"]).status === 0,
);
export const hasRedis = redisPrograms.length > 0;
if (!hasRedis) console.warn(howToGetRedis);

/** As `Redis 7.0.15 (redis-server)`. */
export function describeProgram(program: string): string {
  const version = /v=([\d.]+)/.exec(spawnSync(program, ["--version"]).stdout.toString())?.[1] ?? "?";
  return `${basename(program)} ${version}`;
}

const running = new Set<ChildProcess>();
// What a failed test leaves must not outlive the test process.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface ServerOptions {
  readonly program?: string;
  readonly args?: readonly string[];
  /** Added to its environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Takes TLS connections only. Paths of PEM files. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Lines of a configuration file, for a Sentinel. */
  readonly config?: (port: number) => string;
}

export class RedisServer {
  readonly port: number;
  readonly directory: string;
  readonly options: ServerOptions;
  private child: ChildProcess;

  private constructor(port: number, directory: string, options: ServerOptions, child: ChildProcess) {
    this.port = port;
    this.directory = directory;
    this.options = options;
    this.child = child;
  }

  /** Resolves when it accepts connections. */
  static async start(options: ServerOptions = {}): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), "ebbgate-redis-"));
    for (let attempt = 0; ; attempt++) {
      const port = await freePort();
      try {
        return new RedisServer(port, directory, options, await launch(port, directory, options));
      } catch (error) {
        // Somebody else took the port in between.
        if (attempt >= 5) throw error;
      }
    }
  }

  /** Kills it and starts it on the same port. @param keep with what it had written to its disk */
  async restart({ keep = false } = {}): Promise<void> {
    await this.kill();
    if (!keep) for (const name of ["dump.rdb", "appendonlydir"]) rmSync(join(this.directory, name), { recursive: true, force: true });
    this.child = await launch(this.port, this.directory, this.options);
  }

  async start(): Promise<void> {
    this.child = await launch(this.port, this.directory, this.options);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
    running.delete(this.child);
  }

  /** As if the machine stood still: connections stay open, nothing is answered. */
  pause(): void {
    this.child.kill("SIGSTOP");
  }

  resume(): void {
    this.child.kill("SIGCONT");
  }

  /** One command, from a client of its own. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = new Redis({ port: this.port, host: "127.0.0.1", lazyConnect: true, retryStrategy: null });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }

  async stop(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Settings as the configuration gives them, for a server on this port. */
export function redisSettings(port: number, changes: Partial<RedisSettings> = {}): RedisSettings {
  return {
    type: "redis", namespace: "test", servers: { kind: "single", address: { host: "127.0.0.1", port } }, username: null, password: null,
    database: 0, tls: null, commandTimeoutMs: 1_000, replicas: 0, cacheDirectory: tmpdir(), audit: { recordsMax: 10_000, directory: tmpdir() }, ...changes,
  };
}

/** Three masters with all slots between them. */
export async function startCluster(program = redisPrograms[0]!, args: readonly string[] = []): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let i = 0; i < 3; i++) {
    const bus = await freePort();
    servers.push(await RedisServer.start({ program, args: ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000", ...args] }));
  }
  const slots = 16_384;
  for (const [index, server] of servers.entries()) {
    await server.command("CLUSTER", "ADDSLOTSRANGE", Math.floor((slots / 3) * index), Math.floor((slots / 3) * (index + 1)) - 1);
    const bus = Number(server.options.args![3]);
    if (index > 0) await servers[0]!.command("CLUSTER", "MEET", "127.0.0.1", server.port, bus);
  }
  for (const server of servers) {
    await until(async () => String(await server.command("CLUSTER", "INFO")).includes("cluster_state:ok") && String(await server.command("CLUSTER", "NODES")).trim().split("\n").length === 3);
  }
  return servers;
}

/** A master, a replica of it, and three Sentinels that watch them. */
export async function startSentinels(program = redisPrograms[0]!): Promise<{ readonly master: RedisServer; readonly replica: RedisServer; readonly sentinels: RedisServer[] }> {
  const fast = ["--repl-diskless-sync-delay", "0"];
  const master = await RedisServer.start({ program, args: fast });
  const replica = await RedisServer.start({ program, args: [...fast, "--replicaof", "127.0.0.1", String(master.port)] });
  await until(async () => String(await replica.command("INFO", "replication")).includes("master_link_status:up"));
  const sentinels: RedisServer[] = [];
  for (let i = 0; i < 3; i++) {
    const config = (port: number): string =>
      [`port ${port}`, `sentinel monitor ebb 127.0.0.1 ${master.port} 2`, "sentinel down-after-milliseconds ebb 800", "sentinel failover-timeout ebb 4000", ""].join("\n");
    const sentinel = await RedisServer.start({ program, config });
    sentinels.push(sentinel);
    // One that did not run for 2 s distrusts its clock, and does nothing for 30 s: on a machine that many use that is every other second. Servers before Redis 7 cannot be told.
    await sentinel.command("SENTINEL", "DEBUG", "tilt-trigger", 20_000, "tilt-period", 1_000).catch(() => undefined);
  }
  for (const sentinel of sentinels) {
    await until(async () => {
      const info = String(await sentinel.command("INFO", "sentinel"));
      return info.includes("slaves=1") && info.includes("sentinels=3");
    });
  }
  return { master, replica, sentinels };
}

/** Asks again until it is so: for what a server of ours does in its own time. @param everyMs between two questions; more where a question costs its server something */
export async function until(holds: () => Promise<boolean> | boolean, timeoutMs = 20_000, everyMs = 20): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it did not become so within ${timeoutMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function launch(port: number, directory: string, { program = redisPrograms[0]!, args = [], env = {}, tls, config }: ServerOptions): Promise<ChildProcess> {
  const all = ["--bind", "127.0.0.1", "--save", "", "--dir", directory, "--daemonize", "no", "--logfile", ""];
  let command: string[];
  if (config === undefined) command = [...(tls === undefined ? ["--port"] : ["--port", "0", "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key, "--tls-auth-clients", "no", "--tls-port"]), String(port), ...all, ...args];
  else {
    const file = join(directory, "sentinel.conf");
    writeFileSync(file, config(port));
    command = [file, "--sentinel"];
  }
  const child = spawn(program, command, { cwd: directory, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      said.push(line);
      // A Sentinel says its id, a server that it is ready.
      if (/[Rr]eady to accept connections|Sentinel ID is/.test(line)) resolve();
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${program} ended: ${said.slice(-5).join("\n")}`)));
  });
  return child;
}
