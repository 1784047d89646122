/** What a request shows of who asks. */
import type { ClientRole } from "../../config/settings.ts";
import type { Principal } from "../api/roles.ts";
import type { Credentials } from "./access.ts";

/** @returns the token; "" where something was shown that is none; null where nothing was */
export function tokenOf({ authorization, apiKey }: Pick<Credentials, "authorization" | "apiKey">): string | null {
  // RFC 9110 section 11.1: the scheme's case does not matter.
  const [, bearer] = /^bearer +([!-~]+) *$/i.exec(authorization ?? "") ?? [];
  if (bearer !== undefined) return bearer;
  if (apiKey !== undefined) return apiKey.trim();
  return authorization === undefined ? null : "";
}

/** Whose certificate it is; null: nobody's. The socket has verified that it is one of ours. */
export function certified({ fingerprint, subject }: NonNullable<Credentials["certificate"]>, roles: readonly ClientRole[]): Principal | null {
  const hex = fingerprint.replaceAll(":", "").toUpperCase();
  const found = roles.find((one) => (one.fingerprint === null ? one.subject === subject : one.fingerprint === hex));
  return found === undefined ? null : { name: found.name, role: found.role, verified: true };
}

/** @param written what somebody who shows nothing calls themself @returns a name that is fit for history and audit log */
export const selfDeclared = (written: string | undefined): string => (written !== undefined && /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,126}[A-Za-z0-9])?$/.test(written) ? written : "local");
