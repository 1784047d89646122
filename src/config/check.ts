import type { z } from "zod";
import { nearest } from "./nearest.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { knownKeys } from "./schema-walk.ts";

export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Holds data against a schema and says everything that is wrong with it, in the project's words.
 *
 * @param base where `data` stands in its document
 */
export function check<S extends z.ZodType>(schema: S, data: unknown, base: ConfigPath = []): Checked<z.output<S>> {
  const result = schema.safeParse(data);
  if (result.success) return { ok: true, value: result.data };
  const findings = result.error.issues.flatMap((issue) => translate(schema, data, issue, []));
  return { ok: false, findings: findings.map((finding) => ({ ...finding, path: [...base, ...finding.path] })) };
}

type Issue = z.core.$ZodIssue;

function translate(schema: z.ZodType, data: unknown, issue: Issue, above: ConfigPath): Finding[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  const value = valueAt(data, path);
  const found = (message: string, remedy: string): Finding[] => [{ path, message: value === undefined ? "is missing" : message, remedy }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(schema, data, path, key));
    case "invalid_type":
      return found(`must be ${article(issue.expected)}, not ${kindOf(value)}`, typeRemedy(issue.expected, value));
    case "invalid_value":
      return found(`must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`, choiceRemedy(value, issue.values.map(String)));
    case "too_small":
      return found(`needs at least ${issue.minimum} ${issue.origin === "array" ? "entry" : ""}`.trimEnd(), "Add one, or remove the key");
    case "too_big":
      return found(`has more than ${issue.maximum} ${issue.origin === "array" ? "entries" : ""}`.trimEnd(), "Remove some");
    case "invalid_union":
      return unionFindings(schema, data, issue, path, value);
    case "custom":
      return found(issue.message, typeof issue.params?.["remedy"] === "string" ? issue.params["remedy"] : "Correct it");
    default:
      return found(issue.message, "Correct it");
  }
}

function unknownKey(schema: z.ZodType, data: unknown, path: ConfigPath, key: string): Finding {
  const known = knownKeys(schema, path, data);
  const near = nearest(key, known);
  const remedy = near === undefined ? `Remove it; the keys here are ${known.join(", ")}` : `Did you mean '${near}'?`.replace(/\?$/, "? Otherwise remove it");
  return { path: [...path, key], message: "is not a known key", remedy, atKey: true };
}

/** Of a value with several forms, the errors of the form that the writer most likely had in mind: by its kind. */
function unionFindings(schema: z.ZodType, data: unknown, issue: Extract<Issue, { code: "invalid_union" }>, path: ConfigPath, value: unknown): Finding[] {
  if ("discriminator" in issue && issue.discriminator !== undefined) {
    const options = "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    return [{ path, message: value === undefined ? "is missing" : `must be one of ${options.join(", ")}`, remedy: choiceRemedy(value, options) }];
  }
  const wantsObject = kindOf(value) === "an object";
  const isObjectForm = (branch: readonly Issue[]): boolean => !branch.some((one) => one.path.length === 0 && (one.code === "custom" || one.code === "invalid_type" || one.code === "invalid_value"));
  const chosen = issue.errors.find((branch) => isObjectForm(branch) === wantsObject) ?? issue.errors[0];
  return (chosen ?? []).flatMap((one) => translate(schema, data, one, path));
}

function choiceRemedy(value: unknown, choices: readonly string[]): string {
  const near = typeof value === "string" ? nearest(value, choices) : undefined;
  return near === undefined ? `Write ${choices.join(" or ")}` : `Did you mean '${near}'? The choices are ${choices.join(", ")}`;
}

function typeRemedy(expected: string, value: unknown): string {
  if (value === null) return "Write its value, or remove the key";
  if (expected === "boolean") return "Write true or false, without quotes";
  if (expected === "array") return "Write a list, as [a, b] or one '- ' line for each";
  if (expected === "object" || expected === "record") return "Write keys and values below it";
  return `Write ${article(expected)}`;
}

function article(expected: string): string {
  const names: Readonly<Record<string, string>> = { array: "a list", object: "an object", record: "an object", boolean: "true or false" };
  return names[expected] ?? `a ${expected}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function valueAt(data: unknown, path: ConfigPath): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
