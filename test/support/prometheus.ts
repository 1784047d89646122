/** A real Prometheus for tests, found on the PATH, on a free port with a directory of its own. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "./redis.ts";

const found = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
export const hasPrometheus = found("prometheus") && found("promtool");
if (!hasPrometheus) console.warn("prometheus and promtool are not on the PATH, so their tests are skipped: install them with `apt-get install prometheus`");

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface Series {
  readonly metric: Record<string, string>;
  readonly value: readonly [number, string];
}

export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly health: "ok" | "err" | "unknown";
  readonly lastError?: string;
  readonly state: "inactive" | "pending" | "firing";
}

export class Prometheus {
  private readonly address: string;
  private readonly child: ChildProcess;
  private readonly directory: string;

  private constructor(address: string, child: ChildProcess, directory: string) {
    this.address = address;
    this.child = child;
    this.directory = directory;
  }

  /** Resolves when it answers. @param config its configuration as an object */
  static async start(config: object): Promise<Prometheus> {
    const directory = mkdtempSync(join(tmpdir(), "ebbgate-prometheus-"));
    const file = join(directory, "prometheus.yaml");
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn("prometheus", [`--config.file=${file}`, `--storage.tsdb.path=${join(directory, "data")}`, `--web.listen-address=${address}`, "--enable-feature=exemplar-storage"], { stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4_000)));
    const prometheus = new Prometheus(`http://${address}`, child, directory);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`prometheus ended with code ${child.exitCode}: ${said}`);
      return fetch(`http://${address}/-/ready`).then(({ ok }) => ok, () => false);
    });
    return prometheus;
  }

  async query(expr: string): Promise<readonly Series[]> {
    return (await this.get<{ result: readonly Series[] }>("query", { query: expr })).result;
  }

  /** Series with exemplars of the last hour. */
  async exemplars(expr: string): Promise<readonly { readonly exemplars: readonly { readonly labels: Record<string, string>; readonly value: string }[] }[]> {
    const now = Date.now() / 1000;
    return this.get("query_exemplars", { query: expr, start: String(now - 3_600), end: String(now + 60) });
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.get<{ groups: readonly { readonly rules: readonly Rule[] }[] }>("rules", {});
    return groups.flatMap(({ rules }) => rules);
  }

  /** @returns what went wrong with the scrapes, by target; empty: all are well */
  async scrapeErrors(): Promise<string[]> {
    const { activeTargets } = await this.get<{ activeTargets: readonly { readonly health: string; readonly lastError: string; readonly scrapeUrl: string }[] }>("targets", {});
    return activeTargets.filter(({ health }) => health !== "up").map(({ scrapeUrl, health, lastError }) => `${scrapeUrl}: ${health} ${lastError}`);
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
    running.delete(this.child);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async get<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.address}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const answer = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (answer.status !== "success") throw new Error(`${parameters["query"] ?? path}: ${answer.error}`);
    return answer.data;
  }
}
