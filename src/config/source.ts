import { Alias, type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar, visit } from "yaml";
import { isSecretName } from "../core/redact.ts";
import { dataOfJson } from "./json-text.ts";
import { type ConfigPath, type ConfigProblem, type Finding, formatPath, shownCharactersMax } from "./problem.ts";
import { type Environment, substitute } from "./substitute.ts";

/** A parsed document that still knows where each of its values was written. */
export interface Source {
  readonly file: string;
  /** Plain data: objects, arrays, strings, numbers, booleans, null. */
  readonly data: unknown;
  /** Gives a finding its line, column and value. */
  readonly locate: (finding: Finding) => ConfigProblem;
}

export type Parsed = { readonly ok: true; readonly source: Source } | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Of a configuration file. */
export const documentBytesMax = 4_194_304;

/**
 * Parses YAML 1.2 (and so JSON), and substitutes the environment into its scalars; never into the raw text, where a
 * value could add keys. A plain scalar is typed again after the substitution; a quoted one stays a string.
 *
 * @returns the source, or every problem of syntax and substitution at once
 */
export function parseSource(file: string, written: string, environment: Environment): Parsed {
  if (Buffer.byteLength(written) > documentBytesMax) {
    return { ok: false, problems: [{ file, line: 0, column: 0, path: "", message: `is larger than ${documentBytesMax} bytes`, remedy: "Split it" }] };
  }
  const data = dataOfJson(written);
  if (data === undefined) return parseYaml(file, written, environment);
  // Where something stands is asked only of a document with mistakes.
  let placed: Parsed | undefined;
  const locate = (finding: Finding): ConfigProblem => {
    placed ??= parseYaml(file, written, environment);
    return placed.ok ? placed.source.locate(finding) : placed.problems[0]!;
  };
  return { ok: true, source: { file, data, locate } };
}

function parseYaml(file: string, written: string, environment: Environment): Parsed {
  const lines = new LineCounter();
  // Duplicate keys are found below, where both places are known.
  const document = parseDocument(written, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, version: "1.2" });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken !== undefined) return { ok: false, problems: [syntaxProblem(file, written, lines, broken)] };
  if (document.contents === null) {
    return { ok: false, problems: [{ file, line: 1, column: 1, path: "", message: "is empty", remedy: "Write at least one route; 'ebbgate schema' shows the keys" }] };
  }
  const raw = new Map<Scalar, string>();
  const locate = (finding: Finding): ConfigProblem => place(file, document, lines, raw, finding);
  // An escape may hide one.
  const substitutes = written.includes("${") || written.includes("\\");
  const findings = [...keyFindings(document, lines), ...(substitutes ? substituteAll(document, environment, raw) : [])];
  if (findings.length > 0) return { ok: false, problems: findings.map(locate) };
  try {
    return { ok: true, source: { file, data: document.toJS({ maxAliasCount: 100 }) as unknown, locate } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ file, line: 1, column: 1, path: "", message: `cannot be read: ${message}`, remedy: "Use fewer aliases" }] };
  }
}

/** The first syntax error; those after it are mostly its echo. */
function syntaxProblem(file: string, written: string, lines: LineCounter, broken: { readonly pos: readonly [number, number]; readonly message: string }): ConfigProblem {
  const at = broken.pos[0];
  const { line, col } = lines.linePos(at);
  const opensSubstitution = written[at] === "{" && written[at - 1] === "$";
  const remedy = opensSubstitution ? "Put it in quotes: a plain ${...} cannot stand inside { } or [ ]" : "Mend the YAML or JSON here";
  return { file, line, column: col, path: "", message: `is not well-formed: ${broken.message.replace(/\.$/, "")}`, remedy };
}

/** Keys that are not strings, given twice, or dangerous to a JavaScript object. */
function keyFindings(document: Document.Parsed, lines: LineCounter): Finding[] {
  const findings: Finding[] = [];
  visit(document, {
    Map(_, map, ancestors) {
      const seen = new Map<string, Node>();
      const base = pathOf([...ancestors, map]);
      for (const { key } of map.items) {
        const node = key as Node;
        const text = isScalar(node) ? String(node.value) : undefined;
        if (text === undefined || text === "__proto__") {
          findings.push({ path: [...base, text ?? "?"], message: "is not a key", remedy: "Write a plain name as the key", atKey: true });
          continue;
        }
        const first = seen.get(text);
        if (first === undefined) seen.set(text, node);
        else findings.push({ path: [...base, text], message: `is given twice (first on line ${lines.linePos(first.range![0]).line})`, remedy: "Keep one of them", atKey: true });
      }
    },
  });
  return findings;
}

function substituteAll(document: Document.Parsed, environment: Environment, raw: Map<Scalar, string>): Finding[] {
  const findings: Finding[] = [];
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === "key" || typeof node.value !== "string") return;
      const done = substitute(node.value, environment);
      if (done === null) return;
      raw.set(node, node.value);
      if (done.kind === "text") node.value = node.type === Scalar.PLAIN ? retype(document, done.text) : done.text;
      else findings.push({ path: pathOf([...ancestors, node]), message: done.message, remedy: done.remedy });
    },
  });
  return findings;
}

/** Types a plain scalar as the document's schema would have, had the text been written there. */
function retype(document: Document.Parsed, text: string): unknown {
  for (const tag of document.schema.tags) {
    if (tag.collection !== undefined || tag.default !== true || tag.test?.test(text) !== true) continue;
    const value: unknown = tag.resolve(text, () => undefined, document.options);
    return isScalar(value) ? value.value : value;
  }
  return text;
}

function pathOf(chain: readonly unknown[]): ConfigPath {
  const path: (string | number)[] = [];
  for (let i = 0; i + 1 < chain.length; i++) {
    const [parent, child] = [chain[i], chain[i + 1]];
    if (isSeq(parent)) path.push(parent.items.indexOf(child));
    else if (isPair(parent) && isScalar(parent.key) && child === parent.value) path.push(String(parent.key.value));
  }
  return path;
}

function place(file: string, document: Document.Parsed, lines: LineCounter, raw: ReadonlyMap<Scalar, string>, finding: Finding): ConfigProblem {
  const { path, message, remedy, atKey = false } = finding;
  let node: Node | null = document.contents;
  let at: Node | null = node;
  let depth = 0;
  for (const [index, part] of path.entries()) {
    const container: unknown = node instanceof Alias ? node.resolve(document) : node;
    // The last of several equal keys: that is the one that a duplicate's finding is about.
    const pair = isMap(container) ? container.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(part)) : undefined;
    const next = isSeq(container) && typeof part === "number" ? (container.items[part] as Node | undefined) : (pair?.value as Node | null | undefined);
    if (next === undefined && pair === undefined) break;
    depth = index + 1;
    node = next ?? null;
    at = (atKey && depth === path.length) || node === null ? ((pair?.key as Node | undefined) ?? at) : node;
  }
  // An empty value has no place of its own on some lines; its key's place serves.
  const { line, col } = lines.linePos(at?.range?.[0] ?? 0);
  // Neither may a header's value or a password be shown.
  const secret = path.at(-2) === "headers" || isSecretName(String(path.at(-1))) || (path[0] === "webhooks" && ["url", "bearer", "routingKey"].includes(String(path.at(-1))));
  const shown = atKey || depth < path.length || secret ? undefined : show(node, raw, document);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), ...(shown === undefined ? {} : { value: shown }), message, remedy };
}

function show(node: Node | null, raw: ReadonlyMap<Scalar, string>, document: Document.Parsed): string | undefined {
  const value = isAlias(node) ? node.resolve(document) : node;
  if (value === null || value === undefined) return "null";
  if (!isScalar(value)) return isMap(value) || isSeq(value) ? (value.items.length === 0 ? (isMap(value) ? "{}" : "[]") : undefined) : undefined;
  // A password in a URL stays out of messages.
  const text = (JSON.stringify(raw.get(value) ?? value.value) ?? "null").replace(/:\/\/[^/@"]*@/, "://...@");
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}...` : text;
}
