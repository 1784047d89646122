/** Who is at fault, and so who is told: a downstream error never counts against a variant. */
export type ErrorSource = "downstream" | "upstream" | "internal";

/**
 * What may be done about it. `fresh`: a reused connection closed before any response byte; a safe request may be
 * sent once on a fresh one. `fallback`: a safe request may be sent once to the baseline. `never`: neither.
 */
export type RetryClass = "never" | "fresh" | "fallback";

interface ErrorRow {
  readonly source: ErrorSource;
  readonly retry: RetryClass;
  /** The status that the client sees when no response byte has been sent yet. 499 is logged only. */
  readonly status: number;
  /** One sentence for the error page and the log. */
  readonly detail: string;
}

const row = (source: ErrorSource, retry: RetryClass, status: number, detail: string): ErrorRow => ({ source, retry, status, detail });

/**
 * Every way an exchange can fail, once: code -> source, retry class, HTTP status. The code is the log's `reason` and
 * the metric's `reason` label. Order matters to the slab: append only at the end of the upstream block.
 */
export const errorTable = {
  // upstream: these are the slab's error reasons
  status_5xx: row("upstream", "never", 502, "The service answered with a server error."),
  connect_failed: row("upstream", "fallback", 502, "No connection to the service could be made."),
  connect_timeout: row("upstream", "fallback", 504, "The connection to the service took too long."),
  first_byte_timeout: row("upstream", "fallback", 504, "The service did not answer in time."),
  body_timeout: row("upstream", "never", 504, "The service stopped sending."),
  total_timeout: row("upstream", "never", 504, "The exchange took longer than the route allows."),
  reset: row("upstream", "fallback", 502, "The service closed the connection before it answered."),
  truncated: row("upstream", "never", 502, "The service ended its answer too early."),
  malformed_response: row("upstream", "fallback", 502, "The service's answer was not well-formed HTTP."),
  pool_full: row("upstream", "never", 503, "Too many requests wait for the service."),
  no_endpoint: row("upstream", "fallback", 503, "The service has no healthy endpoint."),
  // downstream
  malformed_request_line: row("downstream", "never", 400, "The request line is malformed."),
  invalid_target: row("downstream", "never", 400, "The request target is not valid."),
  unsupported_version: row("downstream", "never", 505, "The HTTP version is not supported."),
  invalid_line_ending: row("downstream", "never", 400, "A line does not end with CR LF."),
  invalid_header: row("downstream", "never", 400, "A header line is malformed."),
  missing_host: row("downstream", "never", 400, "The Host header is missing."),
  invalid_host: row("downstream", "never", 400, "The Host header is repeated, malformed or disagrees with the target."),
  invalid_content_length: row("downstream", "never", 400, "Content-Length is malformed or repeated."),
  conflicting_framing: row("downstream", "never", 400, "Content-Length and Transfer-Encoding exclude each other."),
  invalid_transfer_encoding: row("downstream", "never", 400, "Transfer-Encoding must be one final 'chunked', in HTTP/1.1."),
  unknown_transfer_coding: row("downstream", "never", 501, "The transfer coding is not implemented."),
  invalid_chunk: row("downstream", "never", 400, "The chunked body is malformed."),
  expectation_failed: row("downstream", "never", 417, "Only 'Expect: 100-continue' is understood."),
  upgrade_with_body: row("downstream", "never", 400, "An upgrade request must not carry a body."),
  method_refused: row("downstream", "never", 405, "CONNECT and TRACE are not proxied."),
  head_timeout: row("downstream", "never", 408, "The request head took too long."),
  request_timeout: row("downstream", "never", 408, "The request body stopped arriving."),
  body_too_large: row("downstream", "never", 413, "The request body is larger than the route allows."),
  target_too_long: row("downstream", "never", 414, "The request target is too long."),
  head_too_large: row("downstream", "never", 431, "The request head is too large."),
  too_many_headers: row("downstream", "never", 431, "The request has too many header lines."),
  no_route: row("downstream", "never", 404, "No route matches the request."),
  loop_detected: row("downstream", "never", 508, "The request has passed this proxy before."),
  slow_reader: row("downstream", "never", 499, "The client stopped reading."),
  client_closed: row("downstream", "never", 499, "The client went away."),
  // internal
  draining: row("internal", "never", 503, "The proxy is shutting down."),
  no_configuration: row("internal", "never", 503, "The proxy has no configuration yet."),
  internal: row("internal", "never", 500, "The proxy failed."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** All codes in table order; a code's index is stable within one build. */
export const errorCodes = Object.keys(errorTable) as readonly ErrorCode[];

/** The codes that count against a variant, in slab order. */
export const upstreamErrorCodes = errorCodes.filter((code) => errorTable[code].source === "upstream");
