/**
 * CVE-2026-58044: node:http drops header lines past 2,000 although they still frame the body, which is request
 * smuggling. The admin server uses that parser, so it does not start on a Node that has the hole.
 */

/** First good version of each line that was repaired; later lines are good, lines between and before are not. */
const patchedVersions = [
  [22, 23, 2],
  [24, 18, 1],
  [26, 5, 1],
] as const;

/** @param version as `process.versions.node` gives it: `26.5.1`, with or without a leading v or a suffix */
export function nodeIsPatched(version: string): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)(-\S+)?$/.exec(version);
  if (parts === null) return false;
  const [major, minor, patch] = parts.slice(1, 4).map(Number) as [number, number, number];
  if (major > patchedVersions.at(-1)![0]) return true;
  const line = patchedVersions.find(([lineMajor]) => lineMajor === major);
  if (line === undefined) return false;
  const [, firstMinor, firstPatch] = line;
  if (minor !== firstMinor) return minor > firstMinor;
  // A prerelease comes before its release (semver section 11).
  return patch > firstPatch || (patch === firstPatch && parts[4] === undefined);
}

/** @throws Error with the remedy where the running Node has the hole */
export function requirePatchedNode(version: string = process.versions.node): void {
  if (nodeIsPatched(version)) return;
  const known = patchedVersions.map((parts) => parts.join(".")).join(", ");
  throw new Error(`Node ${version} has a request smuggling hole in its HTTP parser (CVE-2026-58044): run ${known} or later.`);
}
