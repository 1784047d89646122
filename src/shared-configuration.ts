/** Follows the dynamic document that a fleet shares: hints say when to look, the key says what is true, a timer finds what hints missed. */
import type { Configuration } from "./config/definition.ts";
import { formatProblem, type ConfigProblem } from "./config/problem.ts";
import { ownAddresses, parseShared, type ParsedShared, standing } from "./config/shared.ts";
import type { Snapshot } from "./config/snapshot.ts";
import type { ConfigurationWatch } from "./config/watch.ts";
import type { Random } from "./core/random.ts";
import { Authors, type Edits } from "./edits.ts";
import { rehearse } from "./rehearsal.ts";
import type { CacheSlot } from "./store/disk-cache.ts";
import { StoreError } from "./store/store-error.ts";
import type { Change, SharedDocument, SharedEvent, SharedText } from "./store/shared-document.ts";

/** Between two looks that no hint asked for; a fifth of it is random, so that a fleet does not look at once. */
const lookMs = 4_000;
/** The cache on the disk is written after this and a random part as much again: sidecars that share a machine all run a document sooner where none of them writes first. */
const keepAfterMs = 200;
/** Of two documents each: some 50 ms of CPU. More of them change little. */
const rehearsals = 5;

export interface SharedOptions {
  readonly document: SharedDocument;
  /** The bootstrap document's, without routes. */
  readonly configuration: Configuration;
  readonly cache: CacheSlot;
  readonly random: Random;
  readonly warn: (message: string) => void;
  /** Default 4 s. */
  readonly lookMs?: number;
}

export interface SharedCallbacks {
  /** Makes it the running one; what it returns resolves when all proxy threads run it: then the fleet is told. */
  readonly onDocument: (loaded: Configuration) => void | Promise<void>;
  readonly onRefused: (problems: readonly ConfigProblem[]) => void;
}

interface Taken extends SharedText, ParsedShared {
  readonly edits?: Edits;
}

export class SharedConfiguration implements ConfigurationWatch {
  private readonly options: SharedOptions;
  private readonly instance: string;
  private readonly authors: Authors;
  private callbacks: SharedCallbacks | null = null;
  private taken: Taken | null = null;
  /** The highest revision that was ever taken: a document without one leaves it. */
  private highest: number | null = null;
  /** Digest of what was refused last: it is said once. */
  private refused = "";
  /** Refused before anybody followed. */
  private unsaid: readonly ConfigProblem[] | null = null;
  private looking: Promise<void> = Promise.resolve();
  private lookAgain = false;
  private timer: NodeJS.Timeout | null = null;
  private keeping: NodeJS.Timeout | null = null;
  private endWatch: () => void = () => undefined;
  private closed = false;
  /** For the proxy threads: what they may rehearse with. */
  rehearsal: Snapshot | null = null;

  constructor(options: SharedOptions) {
    this.options = options;
    this.authors = new Authors(options.document.place);
    this.instance = options.configuration.bootstrap.identity.instance;
  }

  get document(): SharedDocument {
    return this.options.document;
  }

  /**
   * What to start with: what the others run, which is the newest good document, though a bad or stale one may be in its place now; where
   * the store cannot be read, the last good one from the disk; else no routes.
   */
  async first(): Promise<Configuration> {
    this.rehearsal = await rehearse(ownAddresses(this.options.configuration.bootstrap), rehearsals);
    try {
      await this.fromHistory();
      await this.fromCache();
      await this.look();
    } catch (error) {
      this.options.warn(`The shared configuration cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      await this.fromCache();
    }
    return this.loaded();
  }

  /** Begins to follow. */
  follow(callbacks: SharedCallbacks): ConfigurationWatch {
    this.callbacks = callbacks;
    if (this.unsaid !== null) callbacks.onRefused(this.unsaid);
    this.endWatch = this.options.document.watch(() => void this.check());
    this.later();
    return this;
  }

  check(): Promise<void> {
    // Hints that come during a look ask for one more, not for one each.
    if (this.lookAgain) return this.looking;
    this.lookAgain = true;
    this.looking = this.looking.then(async () => {
      this.lookAgain = false;
      await this.look().catch((error: unknown) => this.unread(error));
    });
    return this.looking;
  }

  close(): void {
    this.closed = true;
    this.endWatch();
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.keeping === null) return;
    clearTimeout(this.keeping);
    this.keep();
  }

  private later(): void {
    const every = this.options.lookMs ?? lookMs;
    this.timer = setTimeout(() => void this.check().then(() => this.closed || this.later()), every * (0.8 + 0.4 * this.options.random()));
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const { document } = this.options;
    const found = await document.read(this.refused === "" ? (this.taken?.digest ?? null) : this.refused);
    if (this.closed || found === "same") return;
    if (found === undefined) return this.restore(null);
    // What ran before a refused one is there again: that is good news.
    if (found.digest === this.taken?.digest) return this.accept(this.taken);
    const parsed = parseShared(found.text, document.place, ownAddresses(this.options.configuration.bootstrap));
    if (!parsed.ok) return this.refuse(found, null, parsed.problems);
    const { revision } = parsed.value;
    const known = this.taken === null ? null : { digest: this.taken.digest, revision: this.highest };
    if (standing(known, { digest: found.digest, revision }) === "stale") return this.stale(found, revision!);
    this.accept({ ...found, ...parsed.value, ...(await this.editsOf(found, parsed.value)) });
    // Somebody wrote it by hand.
    if (!found.remembered) document.remember(found, this.change("written", this.taken!)).catch(() => undefined);
  }

  private async editsOf(found: SharedText, { dynamic }: ParsedShared): Promise<Pick<Taken, "edits">> {
    return Authors.matter(dynamic) ? { edits: this.authors.editsOf(found, dynamic, await this.options.document.history()) } : {};
  }

  /** What runs goes on. Where the store is away its connection says so. */
  private unread(error: unknown): void {
    if (this.closed || !(error instanceof StoreError) || error.code !== "corrupt") return;
    const { place } = this.options.document;
    this.refuse({ text: "", digest: error.message }, null, [{ file: place, line: 0, column: 0, path: "", message: error.message, remedy: `Delete ${place}; what runs is then put back` }]);
  }

  private accept(taken: Taken): void {
    this.taken = taken;
    this.highest = taken.revision === null ? this.highest : taken.revision;
    this.refused = "";
    const live = this.callbacks?.onDocument(this.loaded());
    void Promise.resolve(live).then(() => this.tell({ event: "taken", revision: taken.revision, digest: taken.digest, problems: [] }));
    this.keeping ??= setTimeout(() => this.keep(), keepAfterMs * (1 + this.options.random()));
  }

  /** For a start without the store. */
  private keep(): void {
    this.keeping = null;
    if (this.taken !== null) this.options.cache.save({ text: this.taken.text, digest: this.taken.digest, revision: this.highest });
  }

  private refuse(found: SharedText, revision: number | null, problems: readonly ConfigProblem[], event: "refused" | "stale" = "refused"): void {
    if (this.refused === found.digest) return;
    this.refused = found.digest;
    if (this.callbacks === null) this.unsaid = problems;
    else this.callbacks.onRefused(problems);
    this.tell({ event, revision, digest: found.digest, problems: problems.map(formatProblem) });
  }

  /** Older than what runs: by mistake, or because the store has lost what came later; that it is given back. */
  private async stale(found: SharedText, revision: number): Promise<void> {
    const known = await this.options.document.history();
    if (known.every((entry) => entry.revision === null || entry.revision < this.highest!)) return this.restore(found.digest);
    const message = `is revision ${revision}, older than revision ${this.highest} that runs`;
    this.refuse(found, revision, [{ file: this.options.document.place, line: 0, column: 0, path: "", message, remedy: `Give it a revision above ${this.highest}, or use ebbgate apply, which does` }], "stale");
  }

  /** The store has come back with less than it had: what runs here is put back, unless another sidecar was quicker. */
  private async restore(expected: string | null): Promise<void> {
    const { taken } = this;
    if (taken === null) return;
    const written = await this.options.document.write(taken.text, expected, this.change("restored", taken));
    if (written) this.options.warn(`The store had lost the configuration that runs here (revision ${taken.revision ?? "none"}): it is put back`);
  }

  private change(action: Change["action"], { revision }: Taken): Change {
    return { action, who: action === "written" ? `by hand, seen by ${this.instance}` : this.instance, revision, reason: null };
  }

  private tell(event: Omit<SharedEvent, "instance">): void {
    this.options.document.tell({ ...event, instance: this.instance }).catch(() => undefined);
  }

  private async fromHistory(): Promise<void> {
    const history = await this.options.document.history();
    const newest = history[0];
    if (newest !== undefined) this.begin(newest, history.find(({ revision }) => revision !== null)?.revision ?? null);
  }

  /** Where the store knows nothing newer. */
  private async fromCache(): Promise<void> {
    const known = (await this.options.cache.load()) as { readonly text?: unknown; readonly digest?: unknown; readonly revision?: unknown } | undefined;
    if (typeof known?.text !== "string" || typeof known.digest !== "string") return;
    const revision = typeof known.revision === "number" ? known.revision : null;
    if (this.taken !== null && (revision ?? 0) <= (this.highest ?? 0)) return;
    if (this.begin({ text: known.text, digest: known.digest }, revision)) this.options.warn("The store cannot be reached, or holds no newer configuration: the last good one from this machine's disk serves.");
  }

  private begin({ text, digest }: SharedText, highest: number | null): boolean {
    const parsed = parseShared(text, this.options.document.place, ownAddresses(this.options.configuration.bootstrap));
    if (!parsed.ok) return false;
    this.taken = { text, digest, ...parsed.value };
    this.highest = highest;
    this.keep();
    return true;
  }

  private loaded(): Configuration {
    const { configuration, document } = this.options;
    const { dynamic, edits } = this.taken ?? configuration;
    return { ...configuration, dynamic, files: [...configuration.files, document.place], ...(edits && { edits }) };
  }
}
