/** What a proxy thread says of a finished request that is traced. Plain data: it crosses to the control thread. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** "": the trace begins here. */
  readonly parentId: string;
  /** Of the context that went upstream. */
  readonly flags: number;
  /** The members that the caller sent, or "". */
  readonly traceState: string;
  /** Wall time in milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the answer's head; 0: none came. */
  readonly firstByteMs: number;
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly scheme: "http" | "https";
  /** As the client named it, port included. */
  readonly authority: string;
  /** As `1.1`. */
  readonly protocolVersion: string;
  /** 0: the client got none. */
  readonly status: number;
  /** A code of `errorTable`, or "". */
  readonly error: string;
  readonly route: string;
  /** That the split chose, and the one that answered: another one after a fallback. */
  readonly variant: string;
  readonly servedBy: string;
  readonly bucket: number;
  /** One of `routingReasons`. */
  readonly reason: string;
  readonly retries: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}
