/**
 * Keeps secrets out of everything that is written down (DESIGN section 8, PITFALLS line 29). By key, at any depth and
 * in any case, because what is logged is not ours to foresee; and by shape, for a credential inside a sentence.
 */

/** What stands where a secret stood. */
export const redacted = "[redacted]";

const secretKey = /^(?:proxy-?)?authorization$|^(?:set-?)?cookies?$|(?:tokens?|secret|password|passwd|passphrase|api-?key|private-?key|credentials?)$/i;

/** Deeper than this, a value is left out: a cyclic or endless object must not stop the process. */
const depthMax = 8;
const elementsMax = 200;

/** Whether a key, header or cookie name stands for a secret: `authorization`, `set-cookie`, `accessToken`, `x-api-key` ... */
export const isSecretName = (name: string): boolean => secretKey.test(name);

/**
 * A copy with every secret's value replaced: under a secret key, after a secret name in a list (raw headers, pairs),
 * and beside a secret `name` (`{name, value}`).
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= depthMax) return "[too deep]";
  if (value instanceof Date || value instanceof Uint8Array) return value instanceof Date ? value : `[${value.byteLength} bytes]`;
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return redactList(value, depth);
  if (value instanceof Map || value instanceof Set) return redactList([...value], depth);
  const named = "name" in value && typeof value.name === "string" && isSecretName(value.name);
  const copy: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const secret = (isSecretName(key) || (named && key === "value")) && member !== null && member !== undefined && typeof member !== "boolean";
    copy.push([key, secret ? redacted : redact(member, depth + 1)]);
  }
  // fromEntries defines own properties: a key named `__proto__` stays a key.
  return Object.fromEntries(copy);
}

function redactList(list: readonly unknown[], depth: number): unknown[] {
  const copy: unknown[] = [];
  const length = Math.min(list.length, elementsMax);
  for (let i = 0; i < length; i++) {
    const before = list[i - 1];
    const secret = typeof before === "string" && isSecretName(before) && typeof list[i] === "string";
    copy.push(secret ? redacted : redact(list[i], depth + 1));
  }
  if (list.length > length) copy.push(`[${list.length - length} more]`);
  return copy;
}

/** What a log says of an error: never its other properties, which may hold a request with its headers. */
export function describeError(error: Error, depth = 0): Record<string, unknown> {
  const described: Record<string, unknown> = { type: error.name, message: error.message };
  if ("code" in error && (typeof error.code === "string" || typeof error.code === "number")) described["code"] = error.code;
  if (error.stack !== undefined) described["stack"] = error.stack;
  if (error.cause !== undefined && error.cause !== null) described["cause"] = depth < depthMax ? redact(error.cause, depth + 1) : "[too deep]";
  return described;
}

/** Schemes of RFC 9110 section 11 with their credentials; user information in a URL; a JSON Web Token on its own. */
const bearerCredentials = /\b(Bearer)(\s+)[A-Za-z0-9._~+/=-]{6,}/gi;
/** A word in lower case after "Basic" is prose, not base64. */
const basicCredentials = /\b([Bb]asic|BASIC)(\s+)(?=[a-z+/]*[A-Z0-9=])[A-Za-z0-9+/=]{6,}/g;
const urlUserInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"]+@/gi;
/** The secret half of one of our own tokens (src/admin/access/token.ts); its id may be seen. */
const ownToken = /\b(ebbgate_[a-z0-9]{4,32}_)[A-Za-z0-9_-]{8,}/g;
const webToken = /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g;

/** The same text without the credentials that stand in it. */
export function redactText(text: string): string {
  return text.replace(bearerCredentials, `$1$2${redacted}`).replace(basicCredentials, `$1$2${redacted}`).replace(urlUserInfo, `$1${redacted}@`).replace(webToken, redacted).replace(ownToken, `$1${redacted}`);
}
