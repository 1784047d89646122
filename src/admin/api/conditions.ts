/** Entity tags and If-Match (RFC 9110 sections 8.8.3 and 13.1.1): nobody changes what they have not seen. */
import { createHash } from "node:crypto";
import { type Answer, problem } from "../problem.ts";

/** A strong tag of a text. */
export const tagOfText = (text: string): string => `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;

/** A strong tag of something that JSON tells whole. */
export const tagOf = (value: unknown): string => tagOfText(JSON.stringify(value));

/** Whether a list of tags, or `*`, names this one. @param weak compare weakly, as If-None-Match is */
export function names(list: string, tag: string, weak = false): boolean {
  return list.split(",").some((one) => {
    const given = one.trim();
    return given === "*" || (weak ? given.replace(/^W\//, "") : given) === tag;
  });
}

/** @param current null: nothing is there @returns what is answered where the condition does not hold */
export function unmet(ifMatch: string | undefined, current: string | null, demand: "optional" | "required", what: string): Answer | null {
  if (ifMatch === undefined) return demand === "optional" ? null : problem(428, `A change of ${what} needs If-Match with the ETag that GET gave: so that nobody changes what they have not seen.`);
  if (current !== null && names(ifMatch, current)) return null;
  return problem(412, `${what} has changed since: GET it again, look, and ask again with its ETag.`, current === null ? {} : { etag: current });
}
