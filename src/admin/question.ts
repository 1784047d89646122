/** What of a request the admin API may know. No socket is known here. */
export interface Question {
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** @param name in lower case @returns several lines of it joined as RFC 9110 section 5.3 says */
  readonly header: (name: string) => string | undefined;
  /** The address of who asks, without its port. */
  readonly peer: string;
  /** Of a client that has shown one that a configured authority signed. */
  readonly certificate: { readonly fingerprint: string; readonly subject: string } | null;
  readonly hasBody: boolean;
  /** @returns the whole body, or null where it is longer than `bytesMax`; once only */
  readonly body: (bytesMax: number) => Promise<Uint8Array | null>;
}
