/** Who may do what through the admin API: a few roles over a few permissions, and nothing between them. */
import { adminRoles, type AdminRole } from "../../config/settings.ts";

/**
 * `viewer` reads. `operator` runs rollouts and may configure. `approver` reads, approves, and can always make things
 * safer; it is no operator, so that a second person's approval says something. `admin` may all, also break the glass.
 */
export const roles = adminRoles;
export type Role = AdminRole;

/**
 * `lower` only ever takes users away from a candidate (pause, rollback, kill); `raise` may give it more; `override`
 * sets a hold aside that the rules demand; `configure` publishes a dynamic document.
 */
export const permissions = ["read", "lower", "raise", "approve", "configure", "override"] as const;
export type Permission = (typeof permissions)[number];

const granted: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ["read"],
  operator: ["read", "lower", "raise", "configure"],
  approver: ["read", "lower", "approve"],
  admin: permissions,
};

export const may = (role: Role, permission: Permission): boolean => granted[role].includes(permission);

/** Who asks. */
export interface Principal {
  /** As history and audit log name them; of a token, the name that it was made for. */
  readonly name: string;
  readonly role: Role;
  /** Whether a secret or a certificate showed it; on a loopback address without tokens nothing does. */
  readonly verified: boolean;
}
