/** Paths by their beginnings, at segment borders: `/a` has `/a` and `/a/b` below it, and not `/ab`. */

/** A path that routes, gates or goals ask for: whole, or as a beginning. @returns it, as a beginning without its closing slash */
export const barePath = ({ kind, value }: { readonly kind: "exact" | "prefix"; readonly value: string }): string => (kind === "prefix" && value.endsWith("/") ? value.slice(0, -1) : value);

/** @param prefix without closing slash; "": every path that begins with a slash */
export const isAtOrBelow = (path: string, prefix: string): boolean => path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === slash);

const slash = 0x2f;
