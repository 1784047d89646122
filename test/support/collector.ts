/**
 * A real OpenTelemetry Collector for tests: `otelcol` (with the file exporter: the contrib distribution) on the PATH, or where
 * EBBGATE_TEST_OTELCOL says.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "./redis.ts";

const program = [process.env["EBBGATE_TEST_OTELCOL"] ?? "", "otelcol-contrib", "otelcol"].find((one) => one !== "" && spawnSync(one, ["--version"]).status === 0);
export const hasCollector = program !== undefined;
if (!hasCollector) console.warn("no OpenTelemetry Collector is on the PATH, so its test is skipped: put otelcol-contrib there, or name it in EBBGATE_TEST_OTELCOL");

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Collector {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly directory: string;

  private constructor(url: string, child: ChildProcess, directory: string) {
    this.url = url;
    this.child = child;
    this.directory = directory;
  }

  static async start(): Promise<Collector> {
    const directory = mkdtempSync(join(tmpdir(), "ebbgate-otelcol-"));
    const port = await freePort();
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { file: { path: join(directory, "spans.json"), flush_interval: "100ms" } },
      service: { telemetry: { metrics: { level: "none" } }, pipelines: { traces: { receivers: ["otlp"], exporters: ["file"] } } },
    };
    const file = join(directory, "otelcol.yaml");
    writeFileSync(file, JSON.stringify(config));
    const child = spawn(program!, [`--config=file:${file}`], { stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    let said = "";
    child.stderr.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-4_000)));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the collector ended with code ${child.exitCode}: ${said}`);
      return fetch(`http://127.0.0.1:${port}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(({ ok }) => ok, () => false);
    });
    return new Collector(`http://127.0.0.1:${port}`, child, directory);
  }

  /** What it has written: one export request a line. */
  written(): string {
    try {
      return readFileSync(join(this.directory, "spans.json"), "utf8");
    } catch {
      return "";
    }
  }

  stop(): void {
    this.child.kill("SIGKILL");
    running.delete(this.child);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
