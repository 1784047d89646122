/** Several sidecars of one fleet in simulated time: real slabs, judges, controllers and nodes, on a store in memory, between invented services. */
import { seededRandom } from "../../src/core/random.ts";
import type { RouteDefinition } from "../../src/config/definition.ts";
import type { RolloutPlan } from "../../src/config/rollout-plan.ts";
import type { Snapshot } from "../../src/config/snapshot.ts";
import { FleetNode } from "../../src/fleet/node.ts";
import type { FleetStore } from "../../src/fleet/ports.ts";
import { bucketOf } from "../../src/observe/histogram.ts";
import { SeriesRecorder, type Sample } from "../../src/observe/recorder.ts";
import { Slab } from "../../src/observe/slab.ts";
import { RolloutController } from "../../src/rollout/controller.ts";
import type { ExplainedDecision } from "../../src/rollout/status.ts";
import type { CommandResult } from "../../src/rollout/status.ts";
import { Snapshots } from "../../src/snapshots.ts";
import { variantOf } from "../../src/split/allocation.ts";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { StoreError, type Store } from "../../src/store/store.ts";
import { plan as planOf, type Service } from "../rollout/world.ts";

export { plan } from "../rollout/world.ts";

/** Between one sidecar and the store: may be cut, and may lose messages. */
export class Link {
  cut = false;
  losesHints = false;
  private readonly store: Store;
  private readonly gaps = new Set<() => void>();

  constructor(store: Store) {
    this.store = store;
  }

  heal(): void {
    this.cut = false;
    for (const gap of this.gaps) gap();
  }

  readonly port: FleetStore & Store = new Proxy({} as Store, {
    get: (_, name: keyof Store) => {
      if (name === "watch") {
        return (prefix: string, onHint: (key: string | undefined) => void) => {
          const gap = (): void => onHint(undefined);
          this.gaps.add(gap);
          const end = this.store.watch(prefix, (key) => {
            if (!this.cut && !(this.losesHints && key !== undefined)) onHint(key);
          });
          return () => {
            this.gaps.delete(gap);
            end();
          };
        };
      }
      if (name === "subscribe") return (channel: string, heard: (text: string) => void) => this.store.subscribe(channel, (text) => void (this.cut || heard(text)));
      return (...args: unknown[]): unknown => {
        if (this.cut) return Promise.reject(new StoreError("unavailable", "the link is cut"));
        return (this.store[name] as (...of: unknown[]) => unknown).apply(this.store, args);
      };
    },
  });
}

interface Request {
  readonly sample: Sample;
  readonly recorder: SeriesRecorder;
  readonly bornMs: number;
  readonly latencyMs: number;
  readonly bad: boolean;
}

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export class Member {
  readonly name: string;
  readonly link: Link;
  readonly node: FleetNode;
  readonly controller: RolloutController;
  readonly snapshots: Snapshots;
  readonly decisions: ExplainedDecision[] = [];
  readonly candidate: Service;
  readonly baseline: Service;
  snapshot: Snapshot | null = null;
  alive = true;
  cache: unknown = null;
  sent = { baseline: 0, candidate: 0 };
  private readonly world: FleetWorld;
  private readonly recorders: { readonly baseline: SeriesRecorder; readonly candidate: SeriesRecorder };
  private inFlight: Request[] = [];

  constructor(world: FleetWorld, name: string, region: string | null, cache: unknown, aheadMs = 0) {
    this.world = world;
    this.name = name;
    this.link = new Link(world.store);
    this.cache = cache;
    const usual = (): number => 10 * Math.exp(0.4 * world.normal());
    this.baseline = { errors: 0.001, latencyMs: usual };
    this.candidate = { errors: 0.001, latencyMs: usual };
    const slab = new Slab(1);
    const recorder = (variant: string): SeriesRecorder => new SeriesRecorder(slab.pages[0]!, slab.slotOf("shop", variant), 0);
    this.recorders = { baseline: recorder("v1"), candidate: recorder("v2") };
    const clock = { wallMs: () => world.nowMs + aheadMs, monotonicMs: () => world.nowMs };
    this.snapshots = new Snapshots(slab, this.link.port, () => world.nowMs, () => undefined, () => (this.node.epoch === null ? null : { lease: "leader", epoch: this.node.epoch }));
    this.node = new FleetNode({
      store: this.link.port, clock, random: world.random, instance: name, region, version: "test", allocations: this.snapshots, log: silent,
      cache: { load: () => Promise.resolve(this.cache), save: (value) => (this.cache = structuredClone(value)) },
      follow: () => this.follow(),
      command: (route, command) => void this.controller.command(route, command),
      posted: () => this.snapshot?.revision ?? 0, running: () => this.snapshot?.revision ?? 0,
    });
    this.controller = new RolloutController({
      clock, slab, region, store: this.link.port, fleet: this.node, partitioned: () => this.node.partitioned,
      publish: (weights) => (this.snapshot = this.snapshots.next(weights)),
      sendEdges: (_route, edges) => {
        for (const { variant, edges: sent } of edges) this.recorders[variant === "v1" ? "baseline" : "candidate"].setEdges(sent);
      },
      storeFailed: () => undefined,
    });
    this.controller.onDecision((decision) => this.decisions.push(decision));
  }

  async configure(plan: RolloutPlan): Promise<void> {
    const variant = (name: string) => ({ name, endpoints: [], headers: { request: {}, response: {} }, weight: null });
    await this.snapshots.follow({ routes: [{ name: "shop", cohort: { mode: "key", sources: [], salt: "shop", sticky: null }, variants: [variant("v1"), variant("v2")], gates: [], rollouts: [plan] } as unknown as RouteDefinition], jwt: null });
    await this.controller.configure([{ plan, firstByteTimeoutMs: 15_000 }]);
    this.snapshot = this.snapshots.next(this.controller.weights());
    this.node.start();
  }

  command(verb: "rollback" | "promote" | "pause" | "resume" | "drill"): CommandResult {
    return this.controller.command("shop", { verb, by: "ann", why: "because" });
  }

  /** What the snapshot gives, in percent of the buckets. */
  get weight(): number {
    return this.snapshot!.routes[0]!.allocation.reduce((sum, range) => sum + (range.variant === 1 ? (range.to - range.from) / 1000 : 0), 0);
  }

  get phase(): string {
    return this.controller.status()[0]!.phase;
  }

  variantOf(bucket: number): number {
    return variantOf(this.snapshot!.routes[0]!.allocation, bucket);
  }

  /** As `kill -9`: nothing of it is heard or written from now on. */
  kill(): void {
    this.alive = false;
    this.link.cut = true;
  }

  /** One millisecond of traffic. */
  millisecond(): void {
    const { world } = this;
    let due = world.requestsPerSecond / 1000;
    due = Math.floor(due) + (world.random() < due % 1 ? 1 : 0);
    for (let i = 0; i < due; i++) {
      const side = this.variantOf(Math.floor(world.random() * 100_000)) === 1 ? "candidate" : "baseline";
      this.sent[side]++;
      const service = this[side];
      const sample: Sample = { row: -1, second: 0, counted: 0, shard: 0 };
      this.recorders[side].dispatched(sample, Math.floor(world.nowMs / 1000), Math.floor(world.random() * 128), true);
      this.inFlight.push({ sample, recorder: this.recorders[side], bornMs: world.nowMs, latencyMs: service.latencyMs(), bad: world.random() < service.errors });
    }
    this.inFlight = this.inFlight.filter(({ sample, recorder, bornMs, latencyMs, bad }) => {
      const ageMs = world.nowMs - bornMs;
      if (ageMs >= 15_000) recorder.failed(sample, "first_byte_timeout", bucketOf(ageMs * 1000));
      else if (ageMs >= latencyMs) recorder.firstByte(sample, latencyMs * 1000, bad ? 500 : 200);
      else return true;
      recorder.ended();
      return false;
    });
  }

  tick(): void {
    for (const { recorder, sample, bornMs } of this.inFlight) recorder.aged(sample, (this.world.nowMs - bornMs) * 1000);
    this.controller.tick();
    this.node.tick();
  }

  private follow(): void {
    if (!this.controller.adopt() && this.snapshots.due) this.snapshot = this.snapshots.next(this.controller.weights());
  }
}

export class FleetWorld {
  readonly random: () => number;
  readonly store: MemoryStore;
  readonly members: Member[] = [];
  /** Of each sidecar. */
  requestsPerSecond: number;
  nowMs = 1_000_000;
  plan: RolloutPlan = planOf();
  /** Looks at every step of the simulation, 100 ms each. */
  watch: () => void = () => undefined;

  constructor(options: { readonly seed: number; readonly requestsPerSecond: number }) {
    this.random = seededRandom(options.seed);
    this.requestsPerSecond = options.requestsPerSecond;
    this.store = new MemoryStore({ wallMs: () => this.nowMs, monotonicMs: () => this.nowMs });
  }

  async join(name: string, region: string | null = null, cache: unknown = null, cut = false, aheadMs = 0): Promise<Member> {
    const member = new Member(this, name, region, cache, aheadMs);
    member.link.cut = cut;
    this.members.push(member);
    await member.configure(this.plan);
    return member;
  }

  get alive(): Member[] {
    return this.members.filter((member) => member.alive);
  }

  get leader(): Member | undefined {
    return this.alive.find((member) => member.node.leading);
  }

  async run(seconds: number): Promise<void> {
    for (let i = 0; i < Math.round(seconds * 10); i++) await this.step();
  }

  /** @returns the seconds that it took @throws after `secondsMax` */
  async until(holds: () => boolean, secondsMax: number, what = ""): Promise<number> {
    const from = this.nowMs;
    while (!holds()) {
      if (this.nowMs - from > secondsMax * 1000) throw new Error(`not within ${secondsMax} s: ${what} ${this.alive.map((m) => `${m.name} ${m.phase} ${m.weight}`).join(", ")}; ${JSON.stringify(this.leader?.controller.status()[0]?.limits.map((l) => [l.groupWealth, l.notWorse]))}`);
      await this.step();
    }
    return (this.nowMs - from) / 1000;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }

  private async step(): Promise<void> {
    for (let ms = 0; ms < 100; ms++) {
      this.nowMs++;
      for (const member of this.alive) member.millisecond();
    }
    for (const member of this.alive) member.tick();
    // Lets what is under way in the store arrive: several turns of promises.
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    this.watch();
  }
}
