/** The sidecar under demonstration: its configuration, and its status as the admin API tells it. */
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Agent } from "undici";
import { stringify } from "yaml";
import type { Status, VariantStatus } from "../../admin/status.ts";
import type { RolloutStatus } from "../../rollout/status.ts";

export const routeName = "shop";
/** Well above what a healthy shop needs: the demo shows that a hang is caught before this. */
export const firstByteTimeoutMs = 5_000;

export interface Upstreams {
  readonly v1: string;
  readonly v2: string;
}

/**
 * The rollout that the demo runs: minutes made seconds. Its margins are wide because the evidence of seconds cannot
 * show more, and because a busy laptop must not look like a bad release.
 */
export function configuration(listenPort: number, adminPort: number, { v1, v2 }: Upstreams, holdAtHalf: boolean): object {
  return {
    listeners: [{ address: `127.0.0.1:${listenPort}` }],
    admin: { address: `127.0.0.1:${adminPort}` },
    store: { type: "file", directory: "state" },
    log: { level: "info" },
    dynamic: {
      routes: [
        {
          name: routeName,
          cohort: { key: ["header:x-user", "ip"] },
          timeouts: { firstByte: `${firstByteTimeoutMs}ms` },
          fallback: true,
          variants: [
            { name: "v1", baseline: true, endpoints: [v1] },
            { name: "v2", revision: "2.0.0", endpoints: [v2] },
          ],
          rollout: {
            candidate: "v2",
            steps: [
              { weight: 1, dwell: "2s", minRequests: 5, evidence: false },
              { weight: 10, dwell: "4s", minRequests: 100, evidence: false },
              { weight: 50, dwell: holdAtHalf ? "1h" : "5s", minRequests: 500 },
              { weight: 100, dwell: "2s" },
            ],
            bake: "4s",
            breaker: { action: "rollback" },
            limits: [
              { metric: "errorRate", relative: 1.1, margin: "5%" },
              { metric: "latency", quantile: "location", margin: "50%", floor: "20ms" },
              { metric: "latency", quantile: "p99", margin: "100%", floor: "100ms" },
            ],
          },
        },
      ],
    },
  };
}

/** @returns the file's path */
export function writeConfiguration(directory: string, document: object): string {
  const file = join(directory, "ebbgate.yaml");
  writeFileSync(file, stringify(document));
  return file;
}

/** A port that was free a moment ago. @param wanted is taken where it is free */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  const port = await new Promise<number | null>((resolve) => {
    server.once("error", () => resolve(null));
    server.listen(wanted, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  if (port === null) return freePort(0);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What the demo looks at, picked from the status. */
export interface View {
  readonly status: Status;
  readonly rollout: RolloutStatus;
  readonly v1: VariantStatus;
  readonly v2: VariantStatus;
}

export class StatusClient {
  readonly #origin: string;
  readonly #agent = new Agent({ headersTimeout: 2_000, bodyTimeout: 2_000 });

  constructor(adminPort: number) {
    this.#origin = `http://127.0.0.1:${adminPort}`;
  }

  get page(): string {
    return `${this.#origin}/`;
  }

  /** @returns null while the sidecar does not answer, or does not know the route yet */
  async read(): Promise<View | null> {
    try {
      const { statusCode, body } = await this.#agent.request({ origin: this.#origin, path: "/api/v1/status", method: "GET" });
      const answer = await body.json();
      if (statusCode !== 200) return null;
      const status = answer as Status;
      const rollout = status.rollouts.find((one) => one.route === routeName);
      const variants = status.routes.find((route) => route.name === routeName)?.variants;
      const [v1, v2] = ["v1", "v2"].map((name) => variants?.find((variant) => variant.name === name));
      if (!status.ready || rollout === undefined || v1 === undefined || v2 === undefined) return null;
      return { status, rollout, v1, v2 };
    } catch {
      return null;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
