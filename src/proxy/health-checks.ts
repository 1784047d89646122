/**
 * Active health checks, on the control thread: each endpoint is asked on its own schedule, and the proxy threads are told
 * when the answer changes. An endpoint is healthy until it is shown not to be, so a start does not wait for checks.
 */
import type { Client } from "undici";
import type { EndpointAddress, HealthCheckSettings } from "../config/snapshot.ts";
import type { Random } from "../core/random.ts";
import { openClient } from "./upstream-client.ts";

/** Checks of many endpoints spread out instead of arriving together. */
const jitterShare = 0.1;
const bodyBytesMax = 65_536;

export interface CheckedRoute {
  readonly health: HealthCheckSettings | null;
  readonly variants: readonly { readonly endpoints: readonly EndpointAddress[] }[];
}

export interface HealthChecksOptions {
  readonly random: Random;
  readonly onChange: (endpoint: string, healthy: boolean, why: string) => void;
}

export class HealthChecks {
  private readonly options: HealthChecksOptions;
  private readonly probes = new Map<string, Probe>();

  constructor(options: HealthChecksOptions) {
    this.options = options;
  }

  /** Checks exactly these routes' endpoints from now on. An address of several routes is checked as the first one asks. */
  follow(routes: readonly CheckedRoute[]): void {
    const wanted = new Map<string, { readonly address: EndpointAddress; readonly settings: HealthCheckSettings }>();
    for (const { health, variants } of routes) {
      if (health === null) continue;
      for (const address of variants.flatMap((variant) => variant.endpoints)) if (!wanted.has(address.id)) wanted.set(address.id, { address, settings: health });
    }
    for (const [id, probe] of this.probes) {
      const now = wanted.get(id);
      if (now !== undefined && JSON.stringify(now.settings) === JSON.stringify(probe.settings)) continue;
      probe.stop();
      this.probes.delete(id);
      // Nobody vouches for its illness any more; the next check may find it again.
      if (!probe.healthy) this.options.onChange(id, true, "no longer checked");
    }
    for (const [id, { address, settings }] of wanted) if (!this.probes.has(id)) this.probes.set(id, new Probe(address, settings, this.options));
  }

  close(): void {
    for (const probe of this.probes.values()) probe.stop();
    this.probes.clear();
  }
}

class Probe {
  readonly settings: HealthCheckSettings;
  healthy = true;
  private readonly address: EndpointAddress;
  private readonly options: HealthChecksOptions;
  private readonly client: Client;
  private timer: NodeJS.Timeout;
  private streak = 0;
  private stopped = false;

  constructor(address: EndpointAddress, settings: HealthCheckSettings, options: HealthChecksOptions) {
    this.address = address;
    this.settings = settings;
    this.options = options;
    this.client = openClient(address, settings.timeoutMs);
    this.timer = this.schedule(options.random() * settings.intervalMs);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    void this.client.destroy();
  }

  private schedule(afterMs: number): NodeJS.Timeout {
    return setTimeout(() => void this.check(), afterMs).unref();
  }

  private async check(): Promise<void> {
    const failure = await this.ask();
    if (this.stopped) return;
    this.judge(failure);
    this.timer = this.schedule(this.settings.intervalMs * (1 + (this.options.random() * 2 - 1) * jitterShare));
  }

  /** @returns null for a good answer, else why it is none */
  private async ask(): Promise<string | null> {
    const { path, timeoutMs } = this.settings;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { statusCode, body } = await this.client.request({ method: "GET", path, signal, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, headers: { "user-agent": "ebbgate-health-check" } });
      await body.dump({ limit: bodyBytesMax, signal });
      return statusCode >= 200 && statusCode < 400 ? null : `status ${statusCode}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  private judge(failure: string | null): void {
    const good = failure === null;
    if (good === this.healthy) {
      this.streak = 0;
      return;
    }
    this.streak++;
    if (this.streak < (good ? this.settings.healthyAfter : this.settings.unhealthyAfter)) return;
    this.streak = 0;
    this.healthy = good;
    this.options.onChange(this.address.id, good, failure ?? "answers again");
  }
}
