/**
 * Sends copies of users' requests to a variant, on the control thread, after the user has the answer; and keeps what came of it.
 * Nothing here can touch a user: a copy that fails, hangs or answers wrongly is a count.
 */
import type { Pool } from "undici";
import type { RouteDefinition } from "../config/definition.ts";
import type { EndpointAddress, MirrorSettings } from "../config/snapshot.ts";
import type { Clock } from "../core/clock.ts";
import { bucketOf, quantile } from "../observe/histogram.ts";
import { histogramBuckets } from "../observe/layout.ts";
import { compareAnswers, differenceKinds, type Difference, type DifferenceKind } from "./compare-answers.ts";
import type { MirroredAnswer, MirrorSample } from "./mirror-capture.ts";
import { copyRequest } from "./mirror-request.ts";
import { openPool } from "./upstream-client.ts";

export interface MirroredRoute {
  readonly route: string;
  readonly settings: MirrorSettings;
  /** Of the variant that gets the copies; asked in turn. */
  readonly endpoints: readonly EndpointAddress[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What runs there: counts begin anew with another one. */
  readonly revision: string;
  /** False: nothing is copied now, and the counts are kept. */
  readonly active: boolean;
}

export interface MirrorCounts {
  readonly variant: string;
  /** Copies whose outcome is known. */
  readonly compared: number;
  readonly differing: number;
  /** By the first thing in which they differed. */
  readonly differences: Readonly<Record<DifferenceKind, number>>;
  /** Not sent because enough of them waited. */
  readonly dropped: number;
  /** First byte in milliseconds, of the users' answers and of the copies'; null before the first. */
  readonly userP50Ms: number | null;
  readonly copyP50Ms: number | null;
  readonly userP99Ms: number | null;
  readonly copyP99Ms: number | null;
  /** The last differences, newest last. */
  readonly shown: readonly ShownDifference[];
}

export interface ShownDifference extends Difference {
  readonly wallMs: number;
  readonly method: string;
  /** Without its query, which may hold anything. */
  readonly path: string;
  readonly userStatus: number;
  /** 0: there was no answer. */
  readonly copyStatus: number;
  /** Only where the settings say so: the beginnings. */
  readonly userBody?: string;
  readonly copyBody?: string;
}

const shownMax = 20;
const shownBodyCharactersMax = 2_048;

export class Mirrors {
  private readonly clock: Clock;
  private readonly routes = new Map<string, RouteMirror>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Copies for exactly these routes from now on. Cheap where nothing has changed. */
  follow(mirrored: readonly MirroredRoute[]): void {
    const wanted = new Map(mirrored.map((one) => [one.route, one]));
    for (const [name, mirror] of this.routes) {
      const now = wanted.get(name);
      if (now !== undefined && mirror.follow(now)) continue;
      mirror.close();
      this.routes.delete(name);
    }
    for (const [name, one] of wanted) if (!this.routes.has(name)) this.routes.set(name, new RouteMirror(one, this.clock));
  }

  /** @param done called once, when the copy is done with or was never sent */
  offer(sample: MirrorSample, done: () => void): void {
    const mirror = this.routes.get(sample.route);
    if (mirror === undefined) done();
    else void mirror.copy(sample).finally(done);
  }

  counts(route: string): MirrorCounts | null {
    return this.routes.get(route)?.counts ?? null;
  }

  close(): void {
    for (const mirror of this.routes.values()) mirror.close();
    this.routes.clear();
  }
}

/** The routes that say so, with where their copies go. @param active whether copies are to be sent now */
export function mirroredRoutes(routes: readonly RouteDefinition[], active: (route: string, variant: string) => boolean): MirroredRoute[] {
  return routes.flatMap(({ name, mirror, variants }): MirroredRoute[] => {
    const variant = variants.find((one) => one.name === mirror?.variant);
    if (mirror === null || variant === undefined) return [];
    const { endpoints, headers, revision } = variant;
    return [{ route: name, settings: mirror, endpoints, headers, revision, active: active(name, mirror.variant) }];
  });
}

class RouteMirror {
  private target: MirroredRoute;
  private readonly clock: Clock;
  private readonly pools = new Map<string, Pool>();
  private next = 0;
  private underWay = 0;
  private closed = false;
  private compared = 0;
  private differing = 0;
  private dropped = 0;
  private readonly differences = Object.fromEntries(differenceKinds.map((kind) => [kind, 0])) as Record<DifferenceKind, number>;
  private readonly userTimes = new Float64Array(histogramBuckets);
  private readonly copyTimes = new Float64Array(histogramBuckets);
  private readonly shown: ShownDifference[] = [];

  constructor(target: MirroredRoute, clock: Clock) {
    this.target = target;
    this.clock = clock;
  }

  /** @returns false where it is about something else now, and what was counted is of no use */
  follow(target: MirroredRoute): boolean {
    const about = ({ settings, endpoints, headers, revision }: MirroredRoute): string => JSON.stringify([settings, endpoints, headers, revision]);
    if (target.settings !== this.target.settings && about(target) !== about(this.target)) return false;
    if (target.revision !== this.target.revision) return false;
    this.target = target;
    return true;
  }

  close(): void {
    this.closed = true;
    for (const pool of this.pools.values()) void pool.destroy();
  }

  get counts(): MirrorCounts {
    const ms = (times: Float64Array, q: number): number | null => {
      const micros = quantile(times, q);
      return Number.isNaN(micros) ? null : Math.round(micros) / 1_000;
    };
    return {
      variant: this.target.settings.variant, compared: this.compared, differing: this.differing, differences: { ...this.differences }, dropped: this.dropped,
      userP50Ms: ms(this.userTimes, 0.5), copyP50Ms: ms(this.copyTimes, 0.5), userP99Ms: ms(this.userTimes, 0.99), copyP99Ms: ms(this.copyTimes, 0.99),
      shown: [...this.shown],
    };
  }

  async copy(sample: MirrorSample): Promise<void> {
    const { settings, endpoints, headers, active } = this.target;
    if (!active || this.closed) return;
    if (this.underWay >= settings.concurrencyMax) {
      this.dropped++;
      return;
    }
    this.underWay++;
    try {
      const address = endpoints[this.next++ % endpoints.length]!;
      const answer = await copyRequest(this.poolOf(address), sample, settings, headers);
      if (!this.closed) this.count(sample, answer);
    } finally {
      this.underWay--;
    }
  }

  private count(sample: MirrorSample, copy: MirroredAnswer | null): void {
    const { settings } = this.target;
    this.compared++;
    this.userTimes[bucketOf(sample.answer.firstByteMs * 1_000)]!++;
    if (copy !== null) this.copyTimes[bucketOf(copy.firstByteMs * 1_000)]!++;
    const difference: Difference | null = copy === null ? { kind: "failed", at: "" } : compareAnswers(sample.answer, copy, settings);
    if (difference === null) return;
    this.differing++;
    this.differences[difference.kind]++;
    const [method = "", target = ""] = sample.head.split(" ", 2);
    this.shown.push({
      ...difference, wallMs: this.clock.wallMs(), method, path: target.split("?", 1)[0]!, userStatus: sample.answer.status, copyStatus: copy?.status ?? 0,
      ...(settings.logBodies ? { userBody: beginning(sample.answer), copyBody: beginning(copy) } : {}),
    });
    if (this.shown.length > shownMax) this.shown.shift();
  }

  private poolOf(address: EndpointAddress): Pool {
    let pool = this.pools.get(address.id);
    if (pool === undefined) this.pools.set(address.id, (pool = openPool(address, this.target.settings.timeoutMs, this.target.settings.concurrencyMax)));
    return pool;
  }
}

const beginning = (answer: MirroredAnswer | null): string => (answer?.body === null || answer === null ? "" : Buffer.from(answer.body).toString("utf8").slice(0, shownBodyCharactersMax));
