/** The messages of a fleet: reports and commands up to the leader, one channel for all sidecars. Whoever leads reads its own without a detour. */
import type { Command } from "../rollout/types.ts";
import { forwardedOf, type Forwarded } from "./forwarded.ts";
import type { FleetStore } from "./ports.ts";
import { decodeReport, encodeReport } from "./report-wire.ts";
import type { Report } from "./report.ts";

export const reportsChannel = "reports";

export interface PostWorld {
  readonly store: Pick<FleetStore, "publish" | "subscribe">;
  readonly instance: string;
  readonly run: string;
  readonly region: string | null;
  leading(): boolean;
  /** As the leader. */
  report(report: Report): void;
  command(forwarded: Forwarded): void;
}

export class Post {
  private readonly world: PostWorld;
  private seq = 0;
  private end: (() => void) | null = null;

  constructor(world: PostWorld) {
    this.world = world;
  }

  /** Before this sidecar leads; the others need not hear each other. */
  listen(): void {
    this.end ??= this.world.store.subscribe(reportsChannel, (text) => this.heard(text));
  }

  close(): void {
    this.end?.();
    this.end = null;
  }

  say({ rollouts, acknowledged }: Pick<Report, "rollouts" | "acknowledged">): void {
    const { instance, run, region } = this.world;
    const report: Report = { instance, run, region, seq: ++this.seq, rollouts, acknowledged };
    if (this.world.leading()) this.world.report(report);
    // What is lost, the next report makes up for; what it said of a second is missing.
    else this.send(encodeReport(report));
  }

  forward(route: string, command: Command): void {
    this.send(JSON.stringify({ route, command }));
  }

  private send(text: string): void {
    void this.world.store.publish(reportsChannel, text).catch(() => undefined);
  }

  private heard(text: string): void {
    if (!this.world.leading()) return;
    if (text.startsWith("{")) {
      const forwarded = forwardedOf(text);
      if (forwarded !== null) this.world.command(forwarded);
      return;
    }
    const report = decodeReport(text);
    if (report !== null && report.instance !== this.world.instance) this.world.report(report);
  }
}
