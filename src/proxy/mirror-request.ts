import type { Pool } from "undici";
import type { MirrorSettings } from "../config/snapshot.ts";
import type { MirroredAnswer, MirrorSample } from "./mirror-capture.ts";

/** What belongs to the connection the request came on, and what the variant sets itself. */
const notCopied = new Set(["connection", "te", "expect", "upgrade", "keep-alive", "content-length", "transfer-encoding", "trailer"]);

/**
 * Sends a request a second time. The copy says that it is one (`ebbgate-mirror: true`), so that a service can leave out what must happen once.
 * @returns null where there was no whole answer in time
 */
export async function copyRequest(pool: Pool, sample: MirrorSample, settings: MirrorSettings, set: readonly (readonly [string, string])[]): Promise<MirroredAnswer | null> {
  const [requestLine = "", ...lines] = sample.head.split("\r\n");
  const [method = "GET", path = "/"] = requestLine.split(" ");
  const replaced = new Set(set.map(([name]) => name));
  const headers: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !notCopied.has(name) && !replaced.has(name)) headers.push(name, line.slice(colon + 1).trim());
  }
  for (const [name, value] of set) headers.push(name, value);
  headers.push("ebbgate-variant", settings.variant, "ebbgate-bucket", String(sample.bucket), "ebbgate-mirror", "true");
  const startMs = performance.now();
  try {
    const { timeoutMs } = settings;
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await pool.request({ method, path, headers, signal, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    const firstByteMs = performance.now() - startMs;
    const body = await read(response.body, settings);
    return { status: response.statusCode, firstByteMs, contentType: text(response.headers["content-type"]), contentEncoding: text(response.headers["content-encoding"]), body };
  } catch {
    // Whatever went wrong: there is no answer to compare.
    return null;
  }
}

const text = (value: string | string[] | undefined): string => (typeof value === "string" ? value : (value?.[0] ?? ""));

/** @returns null where it is too large to compare, or not wanted; the rest is read and dropped all the same, so that the connection goes on */
async function read(body: AsyncIterable<Buffer>, { compareBodies, bodyBytesMax }: MirrorSettings): Promise<Uint8Array | null> {
  let parts: Buffer[] | null = compareBodies ? [] : null;
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > bodyBytesMax) parts = null;
    parts?.push(part);
  }
  return parts === null ? null : new Uint8Array(Buffer.concat(parts));
}
