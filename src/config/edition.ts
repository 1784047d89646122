/** What a route's rollout is an edition of: an approval is for one edition and no other. */
import { createHash } from "node:crypto";
import type { RouteDefinition } from "./definition.ts";

/** One edition of a route, and who made it. */
export interface Edit {
  readonly edition: string;
  /** Null: it is not known, as of a file. */
  readonly by: string | null;
}

/** All that the document says of a route, except that its rollout is paused: holding it, or letting it go on, changes nothing that is to be approved. */
export function editionOf(route: RouteDefinition): string {
  const { rollout, ...rest } = route;
  return createHash("sha256").update(JSON.stringify({ ...rest, rollout: rollout && { ...rollout, paused: false } })).digest("hex").slice(0, 16);
}

/** Whether anybody's approval is ever asked for. */
export const asksForApproval = ({ rollout }: RouteDefinition): boolean => rollout?.steps.some(({ approval }) => approval) ?? false;
