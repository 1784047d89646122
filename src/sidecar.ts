/** The running sidecar, put together: configuration, store, proxy threads, control loop, admin server, signals' work. */
import { Gatekeeper } from "./admin/access/gatekeeper.ts";
import { AdminServer } from "./admin/server.ts";
import { adminPorts } from "./admin-ports.ts";
import { DecisionTally } from "./admin/decision-tally.ts";
import { CommandInbox, type MakeInbox } from "./command-inbox.ts";
import type { Configuration } from "./config/definition.ts";
import type { Snapshot } from "./config/snapshot.ts";
import type { Environment } from "./config/substitute.ts";
import { watchConfiguration, type ConfigurationWatch, type WatchOptions } from "./config/watch.ts";
import { systemClock } from "./core/clock.ts";
import type { Log } from "./core/log.ts";
import { leaseName } from "./fleet/leadership.ts";
import { FleetNode } from "./fleet/node.ts";
import type { Cache } from "./fleet/ports.ts";
import { Hooks } from "./hooks/hooks.ts";
import { isKilled, probedEndpoints, rolloutInputs, tellReachable } from "./followers.ts";
import { GateDesk, type DeskOptions } from "./gate-desk.ts";
import { Intake } from "./intake.ts";
import { systemRandom } from "./core/random.ts";
import { DecisionLog } from "./decision-log.ts";
import { Slab } from "./observe/slab.ts";
import { Windows } from "./observe/window.ts";
import { HealthChecks } from "./proxy/health-checks.ts";
import { mirroredRoutes, Mirrors } from "./proxy/mirrors.ts";
import { guardAdmin } from "./proxy/endpoint-lookup.ts";
import { DeclaredProbes } from "./proxy/probes.ts";
import { ProxyThreads, type BoundListener } from "./proxy/threads.ts";
import { RolloutController } from "./rollout/controller.ts";
import { Snapshots } from "./snapshots.ts";
import { Spans } from "./spans.ts";
import type { SharedDocument } from "./store/shared-document.ts";
import type { Store } from "./store/store.ts";

const tickMs = 100;
const clock = systemClock;

export interface SidecarOptions {
  readonly configuration: Configuration;
  readonly environment: Environment;
  readonly store: Store;
  readonly log: Log;
  /** Ebbgate's own version. */
  readonly version: string;
  /** The store is shared with other sidecars, which decide as one; absent: this one is alone. */
  readonly fleet?: { readonly cache: Cache };
  /** Follows the document that a fleet shares; absent: the configuration's files are watched. */
  readonly shared?: { readonly document: SharedDocument; readonly rehearsal?: Snapshot | null; follow(callbacks: Pick<WatchOptions, "onRefused"> & { readonly onDocument: (loaded: Configuration) => Promise<void> }): ConfigurationWatch };
  /** How commands reach a store that is a directory; absent: they reach it by themselves. */
  readonly inbox?: DeskOptions["inbox"];
  /** How commands to rollouts reach it; absent as above. */
  readonly commands?: MakeInbox;
  /** A proxy thread died: the process cannot serve as it should, and must end. */
  readonly onLost: (error: Error) => void;
}

export class Sidecar {
  readonly options: SidecarOptions;
  private readonly log: Log;
  readonly slab: Slab;
  readonly windows: Windows;
  readonly threads: ProxyThreads;
  private readonly health: HealthChecks;
  private readonly probes = new DeclaredProbes(systemRandom);
  readonly mirrors = new Mirrors(clock);
  private readonly snapshots: Snapshots;
  readonly controller: RolloutController;
  readonly gates: GateDesk;
  private readonly commands: CommandInbox;
  readonly fleet: FleetNode | null;
  readonly hooks: Hooks;
  readonly decisions = new DecisionTally();
  private readonly decisionLog: DecisionLog;
  readonly spans: Spans;
  readonly startedMs = clock.wallMs();
  private readonly access: Gatekeeper;
  private admin: AdminServer | null = null;
  private watch: ConfigurationWatch | null = null;
  private loop: NodeJS.Timeout | null = null;
  listeners: readonly BoundListener[] = [];
  posted: { readonly snapshot: Snapshot; readonly atMs: number } | null = null;
  /** When all proxy threads ran what was posted last; null: some do not yet. */
  private runSinceMs: number | null = null;
  readonly intake: Intake;
  running: Configuration;
  draining = false;
  private applying: Promise<void> = Promise.resolve();

  constructor(options: SidecarOptions) {
    const { configuration, log } = options;
    this.options = options;
    this.log = log;
    this.running = configuration;
    // For checks, probes and copies; proxy threads guard themselves.
    guardAdmin(configuration.bootstrap.proxy.admin ?? null);
    this.slab = new Slab(configuration.bootstrap.threads);
    this.windows = new Windows(this.slab, clock);
    this.intake = new Intake(configuration.files.at(-1)!, log, () => clock.wallMs());
    const storeFailed = (error: unknown): void => log.error({ err: error }, "The store failed; what it should hold is kept in memory and written again.");
    this.snapshots = new Snapshots(this.slab, options.store, () => clock.monotonicMs(), (error) => log.error({ err: error }, "An allocation could not be made or kept."), () => this.fence(), () => this.gates.kills.killed);
    this.gates = new GateDesk({
      store: options.store, clock, random: systemRandom, log, slab: this.slab, inbox: options.inbox, alone: options.fleet === undefined, leads: () => this.fence() !== null,
      changed: () => this.killed(), dynamic: () => this.running.dynamic, states: () => this.controller.states(),
    });
    this.fleet = this.newFleet();
    this.access = new Gatekeeper(configuration.bootstrap.admin, { clock, log, append: (record) => options.store.append(record) });
    this.decisionLog = new DecisionLog({ log, store: options.store, clock });
    this.spans = new Spans(configuration.bootstrap, options.version, log);
    this.threads = new ProxyThreads({
      threads: configuration.bootstrap.threads,
      settings: configuration.bootstrap.proxy,
      pages: () => this.slab.pages,
      onAcknowledged: (thread, revision) => {
        if (this.posted !== null && this.threads.acknowledged.every((one) => one >= this.posted!.snapshot.revision)) this.runSinceMs ??= clock.monotonicMs();
        log.debug({ thread, revision }, "A proxy thread runs the revision.");
        this.fleet?.acknowledge();
      },
      onFault: (thread, detail) => log.error({ thread, detail }, "A connection was ended by a fault of ours: please report it."),
      onMirror: (sample, done) => this.mirrors.offer(sample, done),
      onSpans: this.spans.take,
      onLost: (thread, error) => {
        log.fatal({ err: error, thread }, "A proxy thread ended.");
        options.onLost(error);
      },
    });
    this.health = new HealthChecks({
      random: systemRandom,
      onChange: (endpoint, healthy, why) => {
        this.threads.sendHealth(endpoint, healthy);
        log.warn({ endpoint, healthy, why }, healthy ? "An endpoint is healthy again." : "An endpoint is unhealthy.");
      },
    });
    this.controller = new RolloutController({
      clock,
      slab: this.slab,
      publish: (weights) => this.post(this.snapshots.next(weights)),
      sendEdges: (_route, edges) => edges.forEach(({ slot, edges: one }) => this.threads.sendEdges(slot, one)),
      store: options.store,
      ...(this.fleet === null ? {} : { fleet: this.fleet, partitioned: () => this.fleet!.partitioned }),
      region: configuration.bootstrap.identity.region,
      externalGates: (question) => this.hooks.gateAnswers(question),
      probes: (route, variant) => this.probes.counts(route, variant),
      copies: (route, variant) => {
        const counts = this.mirrors.counts(route);
        return counts?.variant === variant ? counts : null;
      },
      split: (route) => {
        const split = this.snapshots.split(route);
        return split !== null && this.threads.acknowledged.every((revision) => revision >= split.epoch) ? split : null;
      },
      acknowledgedAtMs: () => this.runSinceMs,
      storeFailed,
    });
    this.hooks = new Hooks({
      store: options.store, clock, random: systemRandom, log, version: options.version, settings: configuration.bootstrap.webhooks, fence: () => this.fence(),
      own: () => [...this.listeners, ...(this.admin === null ? [] : [this.admin.address])],
    });
    this.commands = new CommandInbox(options.commands ?? null, this.controller);
    tellReachable(options.store, log);
    this.controller.onDecision(this.decisions.record);
    this.controller.onDecision(this.decisionLog.told);
  }

  /** @returns where it listens. @throws Error where an address cannot be bound */
  async start(): Promise<{ readonly listeners: readonly BoundListener[]; readonly admin: { readonly host: string; readonly port: number } }> {
    await this.gates.kills.start();
    await this.apply(this.running);
    this.listeners = await this.threads.start(this.posted!.snapshot, this.options.shared?.rehearsal ?? null);
    await this.access.start();
    this.admin = new AdminServer(this.running.bootstrap.admin, adminPorts(this), this.access, this.log);
    const { port } = await this.admin.listen();
    await this.hooks.start(this.running.dynamic.routes);
    await this.commands.start().catch((error: unknown) => this.log.error({ err: error }, "The store's folder for commands cannot be used: only the admin API takes them."));
    this.loop = setInterval(() => this.tick(), tickMs);
    this.fleet?.start();
    const callbacks = {
      // One after the other: each reads the store before it is live.
      onDocument: async (loaded: Configuration, restart: readonly string[] = []): Promise<void> => {
        await (this.applying = this.applying.then(() => this.changed(loaded, restart)));
        await this.threads.runs(this.posted!.snapshot.revision);
      },
      onRefused: this.intake.refused,
    };
    const { shared, environment } = this.options;
    this.watch = shared?.follow(callbacks) ?? watchConfiguration({ file: this.running.files[0]!, environment, running: this.running, ...callbacks });
    return { listeners: this.listeners, admin: { host: this.running.bootstrap.admin.host, port } };
  }

  /** Reads the configuration files now. */
  async reload(): Promise<void> {
    await this.watch?.check();
  }

  /** Readiness fails, what is in flight finishes, what is known is written. @returns exchanges that were cut */
  async stop(): Promise<number> {
    this.draining = true;
    this.watch?.close();
    this.health.close();
    this.probes.close();
    this.mirrors.close();
    const cut = await this.threads.drain();
    if (this.loop !== null) clearInterval(this.loop);
    // What the threads counted last is in what is written now.
    this.slab.refresh();
    await this.gates.close();
    await this.commands.close();
    await this.controller.flush();
    await this.decisionLog.flush();
    await this.snapshots.flush();
    await this.hooks.close();
    await this.fleet?.close();
    await this.spans.close();
    await this.admin?.close();
    await this.access.close();
    await this.options.store.close();
    return cut;
  }

  private tick(): void {
    try {
      this.controller.tick();
      this.fleet?.tick();
      this.decisionLog.tick();
      if (this.snapshots.windowEnded()) this.post(this.snapshots.next(this.controller.weights()));
      this.windows.tick();
      this.gates.tick();
      const { dynamic } = this.running;
      if (!this.draining) this.probes.follow(probedEndpoints(dynamic.routes, this.controller));
      const { killed } = this.gates.kills;
      this.mirrors.follow(mirroredRoutes(dynamic.routes, (route, variant) => !this.draining && !isKilled(dynamic, route, variant, killed) && this.controller.mayCopy(route, variant)));
      this.hooks.follow(dynamic.routes, this.controller.questions());
    } catch (error) {
      // A fault in judging must not end the proxying: it is said, and the next tick tries again.
      this.log.error({ err: error }, "The control loop failed.");
    }
  }

  /** Makes a configuration the running one. */
  private async apply(configuration: Configuration): Promise<void> {
    const { routes } = configuration.dynamic;
    await this.snapshots.follow(configuration.dynamic);
    await this.controller.configure(rolloutInputs(configuration, this.gates.kills.killed));
    this.running = configuration;
    this.post(this.snapshots.next(this.controller.weights()));
    this.health.follow(routes);
    for (const warning of configuration.dynamic.warnings) this.log.warn(`The gate policy: ${warning}`);
    this.intake.taken(configuration.files.at(-1)!);
  }

  /** The users leave in this call; their rollouts wait, or go on, behind whatever configuration is being taken. */
  private killed(): void {
    if (this.posted === null) return;
    this.post(this.snapshots.next(this.controller.weights()));
    this.applying = this.applying.then(async () => {
      await this.controller.configure(rolloutInputs(this.running, this.gates.kills.killed));
      this.post(this.snapshots.next(this.controller.weights()));
    });
  }

  private async changed(loaded: Configuration, restart: readonly string[]): Promise<void> {
    if (restart.length > 0) this.log.warn({ parts: restart }, "Parts of the configuration count only after a restart.");
    this.intake.good();
    if (loaded.dynamic.hash === this.running.dynamic.hash) return;
    try {
      await this.apply(loaded);
      this.log.info({ revision: this.posted!.snapshot.revision, routes: loaded.dynamic.routes.length }, "The configuration is live.");
    } catch (error) {
      this.log.error({ err: error }, "The configuration could not be applied; the last one runs on.");
    }
  }

  private post(snapshot: Snapshot): void {
    this.posted = { snapshot, atMs: clock.monotonicMs() };
    this.runSinceMs = null;
    this.windows.follow([0, ...snapshot.routes.flatMap((route) => route.variants.map(({ slot }) => slot))]);
    this.threads.publish(snapshot);
  }

  /** What allocations are written under: nothing where this sidecar is alone; null where another one makes them. */
  private fence(): { readonly lease: string; readonly epoch: number } | undefined | null {
    if (this.fleet === null) return undefined;
    const { epoch } = this.fleet;
    return epoch === null ? null : { lease: leaseName, epoch };
  }

  private newFleet(): FleetNode | null {
    const { configuration: { bootstrap: { identity } }, fleet, store, version, log } = this.options;
    if (fleet === undefined) return null;
    return new FleetNode({
      store, clock, version, log, random: systemRandom, instance: identity.instance, region: identity.region, allocations: this.snapshots, cache: fleet.cache,
      follow: () => {
        if (!this.controller.adopt() && this.snapshots.due && this.posted !== null) this.post(this.snapshots.next(this.controller.weights()));
      },
      command: (name, command) => void this.controller.command(name, command),
      posted: () => this.posted?.snapshot.revision ?? 0,
      running: () => Math.min(...this.threads.acknowledged),
    });
  }
}
