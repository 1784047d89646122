import { z } from "zod";
import { formatDuration, parseDuration } from "../core/duration.ts";

/** Why a scalar is refused, and what to write instead. */
export class Refusal {
  readonly message: string;
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    this.message = message;
    this.remedy = remedy;
  }
}

interface ScalarSpec<T> {
  /** What an editor checks before the parser does: the JSON Schema of the written form. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly parse: (written: unknown) => T | Refusal;
}

/**
 * A value with a written form of its own. One function says whether it is well-formed, what it means and how to mend it,
 * so an error always has its remedy; zod's own string checks cannot say more than which pattern failed.
 */
export function scalar<T>(spec: ScalarSpec<T>) {
  return z
    .unknown()
    .transform((written, context): T => {
      const parsed = spec.parse(written);
      if (!(parsed instanceof Refusal)) return parsed;
      context.issues.push({ code: "custom", input: written, message: parsed.message, params: { remedy: parsed.remedy } });
      return z.NEVER;
    })
    .meta({ ...spec.json });
}

/**
 * A duration with its unit, as `250ms`, `30s`, `1m30s`, `2h`, `1d`; a plain number is refused because nobody can see
 * its unit. 0 needs none.
 *
 * @returns milliseconds, rounded to whole ones
 */
export function duration({ minMs = 0, maxMs = 86_400_000 }: { minMs?: number; maxMs?: number } = {}) {
  const remedy = "Write a number with its unit, as 250ms, 30s, 5m, 2h or 1d";
  return scalar({
    json: { title: "duration", anyOf: [{ type: "string", pattern: "^(\\d+(\\.\\d+)?(ms|s|m|h|d))+$" }, ...(minMs === 0 ? [{ const: 0 }] : [])], examples: ["30s"] },
    parse(written) {
      const ms = written === 0 ? 0 : parseDuration(written);
      if (ms === undefined) return new Refusal("must be a duration", remedy);
      if (ms >= minMs && ms <= maxMs) return ms;
      return new Refusal("is out of range", `Write a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`);
    },
  });
}

/**
 * A share of a whole, written in percent with its sign, as `0.05%`. A plain number is refused: nobody can see whether
 * 1 is one percent or all.
 *
 * @returns 0 ... 1
 */
export function share({ above = -1, max = 1 }: { above?: number; max?: number } = {}) {
  return scalar({
    json: { title: "percentage", type: "string", pattern: "^\\d+(\\.\\d+)?%$", examples: ["0.5%"] },
    parse(written) {
      const percent = parsePercent(written);
      if (percent === undefined) return new Refusal("must be a percentage", "Write a number and a percent sign, as 0.5% or 10%");
      const value = Number((percent / 100).toPrecision(12));
      if (value > above && value <= max) return value;
      return new Refusal("is out of range", above < 0 ? `Write 0% to ${max * 100}%` : `Write more than ${above * 100}% and at most ${max * 100}%`);
    },
  });
}

function parsePercent(written: unknown): number | undefined {
  return typeof written === "string" && /^\d{1,6}(\.\d{1,9})?%$/.test(written) ? Number(written.slice(0, -1)) : undefined;
}

/**
 * A weight: percent in steps of 0.001, written as `5` or `5%`.
 *
 * @returns percent, 0 ... 100, rounded to the grain
 */
export const weight = scalar({
  json: { title: "weight", anyOf: [{ type: "number", minimum: 0, maximum: 100 }, { type: "string", pattern: "^\\d+(\\.\\d{1,3})?%$" }], examples: [5] },
  parse(written) {
    const plain = unquoted(written);
    const percent = typeof plain === "number" ? plain : parsePercent(written);
    if (percent === undefined) return new Refusal("must be a weight", "Write a number of percent, as 5 or 0.5");
    if (!(percent >= 0 && percent <= 100)) return new Refusal("is out of range", "Write a weight from 0 to 100 percent");
    const grains = Math.round(percent * 1000);
    if (Math.abs(percent * 1000 - grains) > 1e-6) return new Refusal("is finer than the grain of a weight", "Write a multiple of 0.001 percent");
    return grains / 1000;
  },
});

/** A factor. @returns it, within the range */
export function factor({ min, max, remedy }: { min: number; max: number; remedy: string }) {
  return scalar({
    json: { title: "number", type: "number", minimum: min, maximum: max },
    parse(written) {
      const value = unquoted(written);
      if (typeof value !== "number" || Number.isNaN(value)) return new Refusal("must be a number", remedy);
      return value >= min && value <= max ? value : new Refusal("is out of range", remedy);
    },
  });
}

/** true or false. */
export const flag = scalar({
  json: { title: "true or false", type: "boolean" },
  parse(written) {
    const value = unquoted(written);
    return typeof value === "boolean" ? value : new Refusal("must be true or false", "Write true or false");
  },
});

/**
 * A number or boolean in quotes means the same where nothing else can stand: JSON, and YAML inside `{ }`, have no other
 * way to write `"${VAR}"`, and what comes from the environment is text.
 */
function unquoted(written: unknown): unknown {
  if (written === "true" || written === "false") return written === "true";
  return typeof written === "string" && /^\d{1,16}(\.\d{1,9})?$/.test(written) ? Number(written) : written;
}

/** A whole number. @returns it, within the range */
export function integer({ min, max }: { min: number; max: number }) {
  const remedy = `Write a whole number from ${min} to ${max}`;
  return scalar({
    json: { title: "whole number", type: "integer", minimum: min, maximum: max },
    parse(written) {
      const value = unquoted(written);
      if (typeof value !== "number" || !Number.isInteger(value)) return new Refusal("must be a whole number", remedy);
      return value >= min && value <= max ? value : new Refusal("is out of range", remedy);
    },
  });
}

/** Text without control characters. @returns it unchanged */
export function text({ title = "text", charactersMax = 1_024, pattern, remedy = "Write a text" }: { title?: string; charactersMax?: number; pattern?: string; remedy?: string } = {}) {
  const expression = pattern === undefined ? undefined : new RegExp(pattern);
  return scalar({
    json: { title, type: "string", minLength: 1, maxLength: charactersMax, ...(pattern === undefined ? {} : { pattern }) },
    parse(written) {
      if (typeof written === "number" || typeof written === "boolean") return new Refusal(`must be a text, not a ${typeof written}`, "Put it in quotes");
      if (typeof written !== "string") return new Refusal("must be a text", remedy);
      if (written === "") return new Refusal("is empty", remedy);
      if (written.length > charactersMax) return new Refusal(`is longer than ${charactersMax} characters`, "Shorten it");
      if (hasControlCharacter(written)) return new Refusal("contains a control character", "Remove line breaks, NUL and other control characters");
      return expression === undefined || expression.test(written) ? written : new Refusal("is malformed", remedy);
    },
  });
}

/** CR, LF, NUL and the like: in a header value they would split the request (RFC 9110 section 5.5). */
export function hasControlCharacter(written: string): boolean {
  for (let i = 0; i < written.length; i++) {
    const code = written.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** Of routes, variants and listeners: short, and safe in a metric label, a URL path and a file name. */
export const name = text({
  title: "name",
  charactersMax: 64,
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
  remedy: "Write letters, digits, '.', '_' and '-', beginning and ending with a letter or digit",
});

/** Who acts, in history and audit log. */
export const personName = text({
  title: "name of a person or program",
  charactersMax: 128,
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$",
  remedy: "Write letters, digits, '.', '_', '@', '+' and '-', as alice or ci@shop.example",
});

/** RFC 9110 section 5.6.2: what a header, cookie or method may be called. */
export function isToken(written: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(written);
}

/** A header's or cookie's name. */
export const token = scalar({
  json: { title: "header or cookie name", type: "string", pattern: "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$" },
  parse(written) {
    if (typeof written === "string" && isToken(written)) return written;
    return new Refusal("is not a valid name of a header or cookie", "Use letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110 section 5.6.2)");
  },
});
