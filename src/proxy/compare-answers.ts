/** Whether two answers to the same request say the same. Pure. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import type { MirrorSettings } from "../config/snapshot.ts";
import type { MirroredAnswer } from "./mirror-capture.ts";

/** In what two answers differ: `failed`, the copy got none. */
export const differenceKinds = ["failed", "status", "mediaType", "body", "time"] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

export interface Difference {
  readonly kind: DifferenceKind;
  /** Where in a JSON body, as a pointer; "" for the whole. */
  readonly at: string;
}

/** A compressed body may not become larger than this: more is not compared. */
const inflatedBytesMax = 8_388_608;

/** @returns null where nothing differs that the settings care about; else the first thing that does */
export function compareAnswers(user: MirroredAnswer, copy: MirroredAnswer, settings: MirrorSettings): Difference | null {
  if (user.status !== copy.status) return { kind: "status", at: "" };
  const type = mediaType(user.contentType);
  if (type !== mediaType(copy.contentType)) return { kind: "mediaType", at: "" };
  if (settings.compareBodies && user.body !== null && copy.body !== null) {
    const at = compareBodies(decoded(user), decoded(copy), type, settings.ignore);
    if (at !== null) return { kind: "body", at };
  }
  const { slower } = settings;
  const slow = slower !== null && copy.firstByteMs > user.firstByteMs * slower.times && copy.firstByteMs - user.firstByteMs >= slower.floorMs;
  return slow ? { kind: "time", at: "" } : null;
}

const mediaType = (contentType: string): string => contentType.split(";", 1)[0]!.trim().toLowerCase();

/** @returns null where the body cannot be read: then it is not compared */
function decoded({ body, contentEncoding }: MirroredAnswer): Uint8Array | null {
  const options = { maxOutputLength: inflatedBytesMax };
  try {
    switch (contentEncoding.trim().toLowerCase()) {
      case "":
      case "identity":
        return body;
      case "gzip":
      case "x-gzip":
        return gunzipSync(body!, options);
      case "deflate":
        return inflateSync(body!, options);
      case "br":
        return brotliDecompressSync(body!, options);
      case "zstd":
        return zstdDecompressSync(body!, options);
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** @returns where they differ; null: nowhere */
function compareBodies(user: Uint8Array | null, copy: Uint8Array | null, type: string, ignore: readonly string[]): string | null {
  if (user === null || copy === null) return null;
  if (Buffer.compare(user, copy) === 0) return null;
  if (type !== "application/json" && !type.endsWith("+json")) return "";
  const [a, b] = [parsed(user), parsed(copy)];
  return a === undefined || b === undefined ? "" : firstDifference(a, b, ignore.map(segmentsOf), "");
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

/** RFC 6901 section 4. */
const segmentsOf = (pointer: string): string[] => pointer.slice(1).split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/**
 * The order of members says nothing (RFC 8259 section 4), the order of elements does.
 * @param ignore what is left of the pointers that lead below here
 */
function firstDifference(a: unknown, b: unknown, ignore: readonly (readonly string[])[], at: string): string | null {
  if (ignore.some((rest) => rest.length === 0)) return null;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b) ? null : at;
  if (Array.isArray(a) !== Array.isArray(b)) return at;
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const below = ignore.filter(([first]) => first === "*" || first === name).map((rest) => rest.slice(1));
    const found = firstDifference(own(a, name), own(b, name), below, `${at}/${escaped(name)}`);
    if (found !== null) return found;
  }
  return null;
}

const own = (value: object, name: string): unknown => (Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined);
