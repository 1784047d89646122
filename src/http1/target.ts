/**
 * The path that routes are matched on. What reaches the service is the target as the client wrote it; what chooses the
 * route is the path that any decoding or normalising service would see, so `/public/%2e%2e/admin` meets the route of
 * `/admin` whichever way the service reads it (CVE-2021-21321, CVE-2026-16117). Percent-escapes are decoded until
 * none is left, so a doubly encoded path is no way around either.
 */
const decodingsMax = 8;

/** @param path from `/` to `?`. @returns the normalised path, or null when it cannot be one */
export function routingPath(path: string): string | null {
  if (isPlain(path)) return path;
  let decoded = path;
  for (let i = 0; ; i++) {
    const next = decoded.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === decoded) break;
    if (i === decodingsMax) return null;
    decoded = next;
  }
  for (let i = 0; i < decoded.length; i++) if (decoded.charCodeAt(i) < 0x20 || decoded.charCodeAt(i) === 0x7f) return null;
  const segments: string[] = [];
  const parts = decoded.replaceAll("\\", "/").split("/");
  for (const part of parts) {
    // A path parameter on a dot segment (`/..;/`) is dropped by some services before they resolve the dots.
    const name = part.startsWith(".") ? part.replace(/;.*$/, "") : part;
    if (name === "..") segments.pop();
    else if (name !== "." && name !== "") segments.push(part);
  }
  const last = parts.at(-1)!;
  const directory = last === "" || last === "." || last === "..";
  return `/${segments.join("/")}${directory && segments.length > 0 ? "/" : ""}`;
}

function isPlain(path: string): boolean {
  let before = 0;
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (!staysPlain(before, c)) return false;
    before = c;
  }
  return true;
}

/** Of a path that needs neither decoding nor resolving so far: there is no escape, no backslash, and no segment that is empty or begins with a dot. */
export const staysPlain = (before: number, c: number): boolean => c !== 0x25 && c !== 0x5c && (before !== 0x2f || (c !== 0x2f && c !== 0x2e));
