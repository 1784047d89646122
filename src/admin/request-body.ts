import type { IncomingMessage } from "node:http";

/**
 * Reads a request's body. The server's own times bound how long that takes.
 *
 * @returns null where it is longer than `bytesMax`: then the rest is unread, and the connection has to end
 * @throws the stream's error where the client went away
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | null> {
  // What is announced as too long is not waited for.
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) return null;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
