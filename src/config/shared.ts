/** The dynamic document as several sidecars share it: text that anybody may have written, with a revision or without. */
import { isMap, isScalar, type Node, parseDocument } from "yaml";
import { type OwnAddresses, selfEndpointFindings } from "./bootstrap-checks.ts";
import { compileDynamic } from "./compile-dynamic.ts";
import type { BootstrapConfiguration, DynamicConfiguration } from "./definition.ts";
import { checkDynamic } from "./dynamic-checks.ts";
import type { ConfigProblem } from "./problem.ts";
import { endpointFindings } from "./endpoint-checks.ts";
import { parseSource } from "./source.ts";
import { targetFindings } from "./target-checks.ts";

export interface ParsedShared {
  /** As the document says it; null: not at all. */
  readonly revision: number | null;
  readonly dynamic: DynamicConfiguration;
}

/**
 * Parses and checks a shared document as strictly as one in a file. `${VAR}` without a default is refused: it would mean
 * something else on every machine, and sidecars of one fleet must split alike.
 *
 * @param place for messages @param own addresses of the sidecar that is to run it, where that is known
 */
export function parseShared(text: string, place: string, own: OwnAddresses | null): { readonly ok: true; readonly value: ParsedShared } | { readonly ok: false; readonly problems: readonly ConfigProblem[] } {
  const parsed = parseSource(place, text, {});
  if (!parsed.ok) return { ok: false, problems: parsed.problems.map(withoutEnvironment) };
  const { data, locate } = parsed.source;
  const checked = checkDynamic(data, []);
  const findings = [...(checked.ok ? [] : checked.findings), ...(own === null ? [] : [...selfEndpointFindings(own, checked.routes), ...targetFindings(own.targets, checked.routes)]), ...endpointFindings(own?.endpoints ?? null, checked.routes)];
  if (!checked.ok || findings.length > 0) return { ok: false, problems: findings.map(locate) };
  return { ok: true, value: { revision: checked.value.revision ?? null, dynamic: compileDynamic(checked.value) } };
}

export function ownAddresses({ proxy, admin, webhooks, endpoints }: BootstrapConfiguration): OwnAddresses {
  return { listeners: proxy.listeners.map(({ name, host, port }) => ({ name, address: { host, port } })), admin: { address: admin }, targets: webhooks.targets, endpoints };
}

/** What a sidecar, or a store, has: a digest of the text, and the highest revision that it has taken. */
export interface Known {
  readonly digest: string;
  /** Null: nothing that ran had one. */
  readonly revision: number | null;
}

/**
 * Whether what is in the store is to be taken. The store holds the truth; but a document that says itself that it is
 * older than what runs was put there by mistake, or by a store that has lost what came later.
 */
export function standing(known: Known | null, found: Known): "same" | "newer" | "stale" {
  if (known === null) return "newer";
  if (known.digest === found.digest) return "same";
  return known.revision !== null && found.revision !== null && found.revision < known.revision ? "stale" : "newer";
}

/** The same text with another revision, and not one other character changed. @param text a document that parses */
export function withRevision(text: string, revision: number): string {
  const { contents } = parseDocument(text, { version: "1.2" });
  if (!isMap(contents)) return text;
  const pair = contents.items.find(({ key }) => isScalar(key) && key.value === "revision");
  if (pair !== undefined) {
    const [start, end] = (pair.value as Node).range!;
    return text.slice(0, start) + String(revision) + text.slice(end);
  }
  const [at, insert] = contents.flow === true ? [contents.range[0] + 1, `"revision": ${revision}, `] : [(contents.items[0]!.key as Node).range![0], `revision: ${revision}\n`];
  return text.slice(0, at) + insert + text.slice(at);
}

function withoutEnvironment(problem: ConfigProblem): ConfigProblem {
  if (!problem.message.startsWith("the environment variable")) return problem;
  return { ...problem, message: "is taken from the environment, which every sidecar has its own of", remedy: "Write the value itself, or a default: ${NAME:-value}" };
}
