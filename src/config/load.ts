import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { bootstrapFindings, selfEndpointFindings } from "./bootstrap-checks.ts";
import { endpointFindings } from "./endpoint-checks.ts";
import { type BootstrapDocument, bootstrapSchema } from "./bootstrap-schema.ts";
import { check } from "./check.ts";
import { storeFindings } from "./compile-store.ts";
import { webhookFindings } from "./compile-webhooks.ts";
import { compileBootstrap } from "./compile-bootstrap.ts";
import { compileDynamic } from "./compile-dynamic.ts";
import { type Configuration, type DynamicConfiguration, noDynamic } from "./definition.ts";
import { checkDynamic, type PlacedRoute } from "./dynamic-checks.ts";
import type { DynamicDocument } from "./dynamic-schema.ts";
import type { ConfigProblem, Finding } from "./problem.ts";
import { type Parsed, parseSource, type Source } from "./source.ts";
import { type NamedTarget, targetFindings } from "./target-checks.ts";
import type { Environment } from "./substitute.ts";

export type Loaded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; /** What was read or looked for. */ readonly files: readonly string[] };

/**
 * Reads the configuration: the bootstrap file, and the dynamic one that it names.
 *
 * @param file path of the bootstrap document
 * @returns the compiled configuration, or every problem of both documents; never throws for what a file contains
 */
export async function loadConfiguration(file: string, environment: Environment): Promise<Loaded<Configuration>> {
  const path = resolve(file);
  const read = await readSource(path, environment);
  if (!read.ok) return { ok: false, problems: read.problems, files: [path] };
  const bootstrap = checkBootstrap(read.source);
  const inline = bootstrap.inline;
  if (bootstrap.fromStore) return awaitingStore(bootstrap, read.source, path);
  if (bootstrap.dynamicPath === null) {
    const dynamic = inline === null ? { routes: [], document: null, problems: [] } : checkedDynamic(inline, read.source, ["dynamic"]);
    return combine(bootstrap, dynamic, read.source, [path]);
  }
  const dynamicPath = resolve(dirname(path), bootstrap.dynamicPath);
  const source = await readSource(dynamicPath, environment);
  const dynamic = source.ok ? checkedDynamic(source.source.data, source.source, []) : { routes: [], document: null, problems: source.problems };
  return combine(bootstrap, dynamic, source.ok ? source.source : read.source, [path, dynamicPath]);
}

function awaitingStore(bootstrap: CheckedBootstrap, source: Source, path: string): Loaded<Configuration> {
  const { document } = bootstrap;
  const local: Finding = { path: ["dynamic"], message: "is to come from the store, but this store is not shared", remedy: "Set store.type: redis, or write the document's path here" };
  const problems = [...bootstrap.problems, ...(document !== null && document.store.type !== "redis" ? [source.locate(local)] : [])];
  if (document === null || problems.length > 0) return { ok: false, problems: problems.toSorted(byPlace), files: [path] };
  return { ok: true, value: { bootstrap: compileBootstrap(document, path), dynamic: noDynamic, shared: true, files: [path] } };
}

/** Reads a dynamic document that stands alone in its file. */
export async function loadDynamic(file: string, environment: Environment): Promise<Loaded<DynamicConfiguration>> {
  const path = resolve(file);
  const read = await readSource(path, environment);
  if (!read.ok) return { ok: false, problems: read.problems, files: [path] };
  const dynamic = checkedDynamic(read.source.data, read.source, []);
  return dynamic.document === null ? { ok: false, problems: dynamic.problems, files: [path] } : { ok: true, value: compileDynamic(dynamic.document) };
}

/** Reads and parses one file; a file that cannot be read is a problem like any other. */
export async function readSource(path: string, environment: Environment): Promise<Parsed> {
  try {
    return parseSource(path, await readFile(path, "utf8"), environment);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const message = code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a directory" : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const remedy = code === "EACCES" ? "Let this user read it" : "Check the path";
    return { ok: false, problems: [{ file: path, line: 0, column: 0, path: "", message, remedy }] };
  }
}

/** What the checks of sense need: they run even where another part of the document is malformed. */
const addresses = z.object({ listeners: bootstrapSchema.shape.listeners, admin: bootstrapSchema.shape.admin });
const storePart = z.object({ store: bootstrapSchema.shape.store });
const endpointPart = z.object({ endpoints: bootstrapSchema.shape.endpoints });
const webhookPart = z.object({ webhooks: bootstrapSchema.shape.webhooks });

interface CheckedBootstrap {
  readonly document: Omit<BootstrapDocument, "dynamic"> | null;
  readonly addresses: z.output<typeof addresses> | null;
  /** Null: they are malformed, and so nothing can be said of who names one. */
  readonly targets: readonly NamedTarget[] | null;
  /** Null: anything that is no metadata service. */
  readonly endpoints: readonly string[] | null;
  readonly problems: readonly ConfigProblem[];
  readonly inline: unknown;
  /** The dynamic document is a shared one. */
  readonly fromStore: boolean;
  readonly dynamicPath: string | null;
}

/** The inline dynamic document is checked on its own, so that a mistake in one half hides none in the other. */
function checkBootstrap(source: Source): CheckedBootstrap {
  const data = source.data;
  const dynamic = typeof data === "object" && data !== null && "dynamic" in data ? data.dynamic : null;
  const fromStore = typeof dynamic === "object" && dynamic !== null && "from" in dynamic;
  const inline = typeof dynamic === "object" && !fromStore ? dynamic : null;
  const checked = check(bootstrapSchema, inline === null ? data : { ...(data as object), dynamic: "inline" });
  const sense = addresses.safeParse(data);
  const store = storePart.safeParse(data);
  const webhooks = webhookPart.safeParse(data);
  const endpoints = endpointPart.safeParse(data);
  const findings = [...(checked.ok ? [] : checked.findings), ...(sense.success ? bootstrapFindings(sense.data) : []), ...(store.success ? storeFindings(store.data.store) : []), ...(webhooks.success ? webhookFindings(webhooks.data.webhooks) : [])];
  return {
    document: checked.ok ? checked.value : null,
    addresses: sense.success ? sense.data : null,
    targets: webhooks.success ? webhooks.data.webhooks.targets : null,
    endpoints: endpoints.success ? (endpoints.data.endpoints.allow ?? null) : null,
    problems: findings.map(source.locate),
    inline,
    fromStore,
    dynamicPath: inline === null && typeof dynamic === "string" && dynamic !== "" ? dynamic : null,
  };
}

interface CheckedDynamicDocument {
  readonly routes: readonly PlacedRoute[];
  readonly document: DynamicDocument | null;
  readonly problems: readonly ConfigProblem[];
}

function checkedDynamic(data: unknown, source: Source, base: readonly string[]): CheckedDynamicDocument {
  const checked = checkDynamic(data, base);
  return { routes: checked.routes, document: checked.ok ? checked.value : null, problems: checked.ok ? [] : checked.findings.map(source.locate) };
}

function combine(bootstrap: CheckedBootstrap, dynamic: CheckedDynamicDocument, dynamicSource: Source, files: readonly string[]): Loaded<Configuration> {
  const self: readonly Finding[] = bootstrap.addresses === null ? [] : selfEndpointFindings(bootstrap.addresses, dynamic.routes);
  const named: readonly Finding[] = bootstrap.targets === null ? [] : targetFindings(bootstrap.targets, dynamic.routes);
  const problems = [...bootstrap.problems, ...dynamic.problems, ...[...self, ...named, ...endpointFindings(bootstrap.endpoints, dynamic.routes)].map(dynamicSource.locate)];
  if (problems.length > 0 || bootstrap.document === null || dynamic.document === null) return { ok: false, problems: problems.toSorted(byPlace), files };
  return { ok: true, value: { bootstrap: compileBootstrap(bootstrap.document, files[0]!), dynamic: compileDynamic(dynamic.document), files } };
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : 0;
}
