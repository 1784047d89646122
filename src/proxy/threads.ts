/** The control thread's side of the proxy threads: starts them, posts snapshots, knows who has acknowledged what. */
import { Worker } from "node:worker_threads";
import type { ProxySettings } from "../config/settings.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { LatencyEdges } from "../observe/edges.ts";
import type { MirrorSample } from "./mirror-capture.ts";
import { changeOf } from "./snapshot-change.ts";
import type { SpanRecord } from "../trace/span.ts";
import type { FromThread, ThreadStart, ToThread } from "./messages.ts";

/** What a request leaves behind is garbage at once: a larger nursery is collected less often, and there is less to copy each time. */
const youngGenerationMiBMax = 48;

export interface ThreadsOptions {
  readonly threads: number;
  readonly settings: ProxySettings;
  /** The slab's pages; read anew for each message, since there may be more. */
  readonly pages: () => readonly SharedArrayBuffer[];
  readonly onAcknowledged: (thread: number, revision: number) => void;
  /** A bug in a proxy thread that cost one connection. @param detail a stack */
  readonly onFault: (thread: number, detail: string) => void;
  /** A request to be sent a second time. @param done to be called once, whatever comes of it */
  readonly onMirror?: (sample: MirrorSample, done: () => void) => void;
  /** Finished requests that are traced. */
  readonly onSpans?: (spans: readonly SpanRecord[]) => void;
  /** A proxy thread ended that was not told to: the process should end, and be started again by its supervisor. */
  readonly onLost: (thread: number, error: Error) => void;
}

export interface BoundListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export class ProxyThreads {
  /** The revision that each thread runs; 0: none yet. */
  readonly acknowledged: number[];
  private readonly options: ThreadsOptions;
  readonly alive: boolean[];
  private readonly workers: Worker[] = [];
  /** What all threads were sent last; null: nothing. */
  private posted: Snapshot | null = null;
  private stopping = false;
  private awaited: { readonly revision: number; readonly resolve: () => void }[] = [];

  constructor(options: ThreadsOptions) {
    this.options = options;
    this.acknowledged = Array.from({ length: options.threads }, () => 0);
    this.alive = Array.from({ length: options.threads }, () => false);
  }

  /**
   * Starts the threads; resolves when all listen. The first thread binds before the others start, so that port 0 means
   * one port for all.
   * @param first what they run from their first connection on; without it they answer 503 until one is published
   * @param rehearsal a snapshot of no consequence, for them to have run that code once; null: they do not
   * @throws Error naming the address where a listener cannot be bound
   */
  async start(first: Snapshot | null = null, rehearsal: Snapshot | null = null): Promise<readonly BoundListener[]> {
    this.posted = first;
    let { settings } = this.options;
    let bound: readonly BoundListener[] = [];
    for (let thread = 0; thread < this.options.threads; thread++) {
      bound = await this.startOne(thread, settings, rehearsal);
      settings = { ...settings, listeners: settings.listeners.map((listener, i) => ({ ...listener, port: bound[i]!.port })) };
    }
    return bound;
  }

  publish(snapshot: Snapshot): void {
    this.post({ type: "snapshot", change: changeOf(snapshot, this.posted), pages: this.options.pages() });
    this.posted = snapshot;
  }

  /** Resolves when all threads run the revision, or a later one; never, where one of them has ended. */
  runs(revision: number): Promise<void> {
    return new Promise((resolve) => {
      this.awaited.push({ revision, resolve });
      this.tellAwaiting();
    });
  }

  sendEdges(slot: number, edges: LatencyEdges): void {
    this.post({ type: "edges", slot, edges });
  }

  sendHealth(endpoint: string, healthy: boolean): void {
    this.post({ type: "health", endpoint, healthy });
  }

  /** Drains all threads. @returns exchanges that were cut at the deadline */
  async drain(): Promise<number> {
    this.stopping = true;
    const drained = this.workers.map(
      (worker) =>
        new Promise<number>((resolve) => {
          worker.on("message", (message: FromThread) => {
            if (message.type === "drained") resolve(message.cut);
          });
          worker.once("exit", () => resolve(0));
        }),
    );
    this.post({ type: "drain" });
    const cuts = await Promise.all(drained);
    return cuts.reduce((sum, cut) => sum + cut, 0);
  }

  private tellAwaiting(): void {
    if (this.awaited.length === 0) return;
    const all = Math.min(...this.acknowledged);
    for (const { revision, resolve } of this.awaited) if (revision <= all) resolve();
    this.awaited = this.awaited.filter(({ revision }) => revision > all);
  }

  private mirror(worker: Worker, sample: MirrorSample): void {
    const done = (): void => worker.postMessage({ type: "mirrored" } satisfies ToThread);
    if (this.options.onMirror === undefined) done();
    else this.options.onMirror(sample, done);
  }

  private post(message: ToThread): void {
    for (const worker of this.workers) worker.postMessage(message);
  }

  private startOne(thread: number, settings: ProxySettings, rehearsal: Snapshot | null): Promise<readonly BoundListener[]> {
    const workerData: ThreadStart = { thread, threads: this.options.threads, settings, pages: this.options.pages(), snapshot: this.posted, rehearsal };
    const worker = new Worker(threadEntry(), { workerData, name: `proxy-${thread}`, resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiBMax } });
    this.workers.push(worker);
    this.alive[thread] = true;
    return new Promise((resolve, reject) => {
      worker.on("message", (message: FromThread) => {
        if (message.type === "listening") resolve(message.listeners);
        else if (message.type === "failed") {
          this.stopping = true;
          reject(Object.assign(new Error(message.detail), { code: message.code }));
        } else if (message.type === "mirror") this.mirror(worker, message.sample);
        else if (message.type === "spans") {
          this.options.onSpans?.(message.spans);
          worker.postMessage({ type: "spansHeard", spans: message.spans.length } satisfies ToThread);
        } else if (message.type === "fault") this.options.onFault(thread, message.detail);
        else if (message.type === "acknowledged") {
          this.acknowledged[thread] = message.revision;
          this.options.onAcknowledged(thread, message.revision);
          this.tellAwaiting();
        }
      });
      let failure: Error | undefined;
      worker.on("error", (error) => {
        failure = error instanceof Error ? error : new Error(String(error));
        reject(failure);
      });
      worker.on("exit", (code) => {
        this.alive[thread] = false;
        if (!this.stopping) this.options.onLost(thread, failure ?? new Error(`proxy thread ${thread} ended with code ${code}`));
      });
    });
  }
}

/** Beside this file: TypeScript in the sources, JavaScript in the published bundle. */
const threadEntry = (): URL => new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url);
