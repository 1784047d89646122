import type { Fields } from "../../src/core/fields.ts";

/** Header lines as they arrive, in order. Text is given as its UTF-8 bytes, one latin1 character each, as on the wire. */
export function fieldsOf(...lines: readonly (readonly [name: string, value: string])[]): Fields {
  const wire = lines.map(([name, value]) => [name.toLowerCase(), Buffer.from(value, "utf8").toString("latin1")] as const);
  return {
    get: (name) => wire.find(([other]) => other === name)?.[1],
    all: (name) => wire.filter(([other]) => other === name).map(([, value]) => value),
  };
}

/** A bearer token in compact form with that payload; its signature is nobody's. */
export function bearer(payload: unknown): readonly [string, string] {
  const part = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  return ["Authorization", `Bearer ${part({ alg: "RS256" })}.${part(payload)}.c2lnbmF0dXJl`];
}
