/** A real sidecar before two versions of a service, of which the second one fails when it is told to, with users who come while something is awaited. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { until, type Found } from "../hooks/world.ts";
import { entry } from "./entry.ts";
import { type SidecarProcess, Workplace } from "./sidecar.ts";

export type Recorded = Readonly<Record<string, unknown>>;

/** Between an answer and the next user: a hundred and more a second, with which a breaker has its evidence at once, and a core left for everybody else. */
const pauseMs = 5;

export class TwoVersions {
  readonly place = new Workplace();
  /** What version 2 answers. */
  status = 200;
  private readonly servers: Server[] = [];

  /** Writes the configuration. @param webhooks of the bootstrap document @param dynamic beside the route */
  async configure(rollout: object, webhooks: object = {}, dynamic: object = {}): Promise<void> {
    const variants = [{ name: "v1", endpoints: [await this.service(() => 200)] }, { name: "v2", endpoints: [await this.service(() => this.status)], revision: "2.0.0" }];
    this.place.write([{ name: "shop", cohort: { key: ["header:x-user"] }, variants, rollout: { candidate: "v2", breaker: { action: "rollback" }, ...rollout } }], { webhooks }, dynamic);
  }

  async start(rollout: object, webhooks: object = {}, dynamic: object = {}): Promise<SidecarProcess> {
    await this.configure(rollout, webhooks, dynamic);
    return this.place.start();
  }

  /** Users come until it is so. */
  async whileUsersCome<T>(sidecar: SidecarProcess, find: () => Found<T> | Promise<Found<T>>): Promise<T> {
    let over = false;
    const users = (async () => {
      for (let user = 0; !over; user++) {
        await fetch(sidecar.proxy, { headers: { "x-user": `user-${user}` } }).then((response) => response.arrayBuffer(), () => undefined);
        await delay(pauseMs);
      }
    })();
    const found = await until(find).finally(() => (over = true));
    await users;
    return found;
  }

  /** The audit log's lines. */
  log(): { readonly seq: number; readonly hash: string; readonly record: Recorded }[] {
    const text = readFileSync(join(this.place.directory, ".ebbgate/audit.jsonl"), "utf8");
    return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter(Boolean).map((line) => JSON.parse(line) as { seq: number; hash: string; record: Recorded });
  }

  recorded(): Recorded[] {
    return this.log().map(({ record }) => record);
  }

  /** Of decisions. */
  reasons(): unknown[] {
    return this.recorded().flatMap(({ reason }) => reason ?? []);
  }

  /** The same without holds for want of requests, which a busy machine makes. */
  moves(): unknown[] {
    return this.reasons().filter((reason) => !["awaitingEvidence", "noTraffic", "holdEnded"].includes(String(reason)));
  }

  decided(reason: string): () => boolean {
    return () => this.reasons().includes(reason);
  }

  /** `ebbgate` as a process, in the directory of the configuration. */
  async cli(...args: string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const child = spawn(process.execPath, [entry, ...args], { cwd: this.place.directory, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr };
  }

  clear(): void {
    this.place.clear();
    for (const server of this.servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }

  private async service(status: () => number): Promise<string> {
    const server = createServer((_request, response) => void response.writeHead(status()).end());
    this.servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
}
