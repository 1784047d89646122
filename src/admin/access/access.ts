/** The seam between the admin API and who may use it. */
import type { Principal } from "../api/roles.ts";
import type { Answer } from "../problem.ts";

export interface Credentials {
  readonly authorization: string | undefined;
  /** X-API-Key, as OpenFeature's providers send it. */
  readonly apiKey: string | undefined;
  /** Ebbgate-User: what somebody who shows nothing calls themself. */
  readonly user: string | undefined;
  /** The address, without a port. */
  readonly peer: string;
  /** The client's, where TLS has verified it; its subject as RFC 4514 writes it. */
  readonly certificate: { readonly fingerprint: string; readonly subject: string } | null;
}

export interface Attempt {
  /** Null: nobody was known by what was shown. */
  readonly principal: Principal | null;
  readonly peer: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: 401 | 403 | 429;
  readonly why: string;
}

/** `why`: for the audit log, which may know more than the answer says. */
export type Admission = { readonly principal: Principal } | { readonly answer: Answer; readonly why?: string };

export interface Access {
  /** Whether strangers reach the port and are known from others: then metrics and the API's description, too, are only for who may read. */
  readonly exposed: boolean;
  /** Who asks; or what they are answered (401 with WWW-Authenticate, 429 with Retry-After). Never rejects. */
  admit(credentials: Credentials): Promise<Admission>;
  /** Writes a denied attempt down. */
  denied(attempt: Attempt): void;
}
