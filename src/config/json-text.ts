/** JSON is YAML, but a parser of its own reads it in a tenth of the time: what a program wrote is mostly JSON. */

/**
 * @returns what the text says; undefined where only the YAML parser can tell: it is no JSON object, or something in it may have to be refused or replaced (keys that are
 * given twice, escapes, `${`)
 */
export function dataOfJson(text: string): object | undefined {
  if (!/^\s*\{/.test(text) || text.includes("\\") || text.includes("${")) return undefined;
  try {
    const data = JSON.parse(text) as object;
    // The last of two equal keys wins in JSON.parse, and so there are fewer of them than colons outside of strings.
    return keysIn(data) === colonsIn(text) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** @param text JSON without escapes: every quote begins or ends a string */
function colonsIn(text: string): number {
  let colons = 0;
  for (let at = 0; ; ) {
    const opens = text.indexOf('"', at);
    const end = opens < 0 ? text.length : opens;
    for (let i = at; i < end; i++) if (text.charCodeAt(i) === 0x3a) colons++;
    if (opens < 0) return colons;
    at = text.indexOf('"', opens + 1) + 1;
  }
}

/** Of all objects in it; NaN where one must not become a key. */
function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + keysIn(one), 0);
  let sum = 0;
  for (const [key, one] of Object.entries(value)) sum += key === "__proto__" ? Number.NaN : 1 + keysIn(one);
  return sum;
}
