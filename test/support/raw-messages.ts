/**
 * Reads HTTP/1.1 messages from bytes, for tests: plain, eager, and sharing nothing with the proxy's own parser, so that
 * both cannot be wrong in the same way. Bytes are latin1 characters.
 */
export interface RawMessage {
  readonly startLine: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Start line, field lines and the empty line, as they arrived. */
  readonly head: string;
  /** Decoded. */
  readonly body: string;
  /** Trailer lines, as they arrived. */
  readonly trailers: string;
  /** How the body's end was told. */
  readonly framing: "none" | "length" | "chunked" | "close";
}

export interface RawResponse extends RawMessage {
  readonly status: number;
}

/** All values of a field, by its lower-case name. */
export const valuesOf = (message: RawMessage, name: string): string[] => message.fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
export const valueOf = (message: RawMessage, name: string): string | undefined => valuesOf(message, name)[0];

/** @returns the message and the bytes after it, or null while it is not whole */
export function readRequest(bytes: string): { message: RawMessage; rest: string } | null {
  return readMessage(bytes, (message) => (valueOf(message, "transfer-encoding") !== undefined ? "chunked" : valueOf(message, "content-length") === undefined ? "none" : "length"));
}

/** @param method of the request that it answers @param ended whether nothing will follow */
export function readResponse(bytes: string, method: string, ended: boolean): { message: RawResponse; rest: string } | null {
  const found = readMessage(
    bytes,
    (message) => {
      const status = Number(message.startLine.split(" ")[1]);
      if (method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
      if (valueOf(message, "transfer-encoding") !== undefined) return "chunked";
      return valueOf(message, "content-length") === undefined ? "close" : "length";
    },
    ended,
  );
  return found && { message: { ...found.message, status: Number(found.message.startLine.split(" ")[1]) }, rest: found.rest };
}

type Framing = RawMessage["framing"];

function readMessage(bytes: string, framingOf: (head: RawMessage) => Framing, ended = false): { message: RawMessage; rest: string } | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = bytes.slice(0, end + 4);
  const [startLine = "", ...lines] = head.slice(0, -4).split("\r\n");
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const message: RawMessage = { startLine, fields, head, body: "", trailers: "", framing: "none" };
  const framing = framingOf(message);
  const rest = bytes.slice(head.length);
  if (framing === "none") return { message, rest };
  if (framing === "close") return ended ? { message: { ...message, framing, body: rest }, rest: "" } : null;
  if (framing === "length") {
    const length = Number(valueOf(message, "content-length"));
    return rest.length < length ? null : { message: { ...message, framing, body: rest.slice(0, length) }, rest: rest.slice(length) };
  }
  const chunks = readChunks(rest);
  return chunks && { message: { ...message, framing, body: chunks.body, trailers: chunks.trailers }, rest: chunks.rest };
}

/** @returns null while the last chunk is missing. @throws where the framing is broken */
export function readChunks(bytes: string): { body: string; trailers: string; rest: string } | null {
  const pieces: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const line = bytes.slice(at, lineEnd);
    if (!/^[0-9a-fA-F]+$/.test(line)) throw new Error(`chunk size ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const trailersEnd = bytes.startsWith("\r\n", at) ? at : bytes.indexOf("\r\n\r\n", at) + 2;
      if (trailersEnd < at || bytes.length < trailersEnd + 2) return null;
      return { body: pieces.join(""), trailers: bytes.slice(at, trailersEnd), rest: bytes.slice(trailersEnd + 2) };
    }
    if (bytes.length < at + size + 2) return null;
    pieces.push(bytes.slice(at, at + size));
    if (bytes.slice(at + size, at + size + 2) !== "\r\n") throw new Error("no CR LF after a chunk");
    at += size + 2;
  }
}
