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
