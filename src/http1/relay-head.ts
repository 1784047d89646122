/** Makes the response head that goes downstream from the one that came in: hop-by-hop fields and framing out, ours in. */
import { errorTable, type ErrorCode } from "../core/errors.ts";
import { isUntouchable, kind } from "./field-kinds.ts";
import { hasNoBody, type ResponseHead } from "./response-head.ts";

/**
 * @param chunkedOut whether the body is sent chunked; a Content-Length line passes otherwise, if the status allows one
 * @param extra whole lines to add, each with CR LF
 * @returns the head with its closing empty line, and the body where `head.answerEnd` says that the text has it whole
 */
export function relayHead(head: ResponseHead, chunkedOut: boolean, extra: string): string {
  const { text, kinds } = head;
  // A status line that is ours already travels with the first fields, as one piece.
  const asItIs = head.minor === 1 && head.phraseStart === 13;
  let out = asItIs ? "" : `HTTP/1.1 ${head.status} ${head.phrase}\r\n`;
  let runStart = asItIs ? 0 : head.fieldsStart;
  for (let i = 0; i < head.count; i++) {
    const k = kinds[i]!;
    if (k === kind.other ? !isNamed(head, i) : passes(head, k)) continue;
    if (head.nameStart[i]! > runStart) out += text.slice(runStart, head.nameStart[i]);
    runStart = head.lineEnd(i);
  }
  if (!chunkedOut && extra === "") return out + text.slice(runStart, head.answerEnd);
  if (head.fieldsEnd > runStart) out += text.slice(runStart, head.fieldsEnd);
  if (chunkedOut) out += "transfer-encoding: chunked\r\n";
  return out + extra + text.slice(head.fieldsEnd, head.answerEnd);
}

function passes(head: ResponseHead, k: number): boolean {
  switch (k) {
    case kind.contentLength:
      // RFC 9110 section 8.6: none in 1xx and 204; in 304 it tells the length that a 200 would have had.
      return head.status === 304 || !hasNoBody(head.status);
    case kind.trailer:
    case kind.via:
    case kind.host:
    case kind.expect:
    case kind.forwarded:
    case kind.xForwarded:
    case kind.ebbgate:
    case kind.baggage:
    case kind.traceparent:
    case kind.tracestate:
      return true;
    case kind.upgrade:
      return head.status === 101 || head.status === 426;
    default:
      return false;
  }
}

function isNamed(head: ResponseHead, i: number): boolean {
  if (head.connectionNames === null) return false;
  const name = head.name(i);
  return head.connectionNames.includes(name) && !isUntouchable(name);
}

const reasonPhrases: Record<number, string> = {
  400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large", 414: "URI Too Long",
  417: "Expectation Failed", 431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
  503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported", 508: "Loop Detected",
};

/**
 * The proxy's own answer: a short RFC 9457 problem that names the code and nothing of the request.
 * @param extra whole lines to add, each with CR LF
 */
export function problemResponse(code: ErrorCode, close: boolean, withBody: boolean, extra: string): string {
  const { status, detail } = errorTable[code];
  const phrase = reasonPhrases[status] ?? "Error";
  const body = JSON.stringify({ type: "about:blank", title: phrase, status, detail, code });
  const head = `HTTP/1.1 ${status} ${phrase}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n${close ? "connection: close\r\n" : ""}${status === 405 ? "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" : ""}${extra}\r\n`;
  return withBody ? head + body : head;
}
