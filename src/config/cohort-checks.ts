import type { RouteDocument } from "./dynamic-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";

/** What makes no sense about a route's cohort and its cookies although each of its parts is well-formed. */
export function cohortFindings(route: RouteDocument, path: ConfigPath): Finding[] {
  return [...keyFindings(route, path), ...pageCookieFindings(route, [...path, "assets", "cookie"])];
}

function pageCookieFindings({ assets, cohort }: RouteDocument, path: ConfigPath): Finding[] {
  const cookie = assets?.cookie;
  if (cookie === undefined) return [];
  const findings = prefixFindings(cookie, path);
  if (cohort !== "random" && (cohort.sticky?.cookie === cookie || cohort.key.some((source) => source.kind === "cookie" && source.name === cookie))) {
    findings.push({ path, message: "carries the cohort key already", remedy: "Give the page's cookie a name of its own" });
  }
  return findings;
}

function prefixFindings(cookie: string, path: ConfigPath): Finding[] {
  if (!/^__(Host|Secure)-/i.test(cookie)) return [];
  return [{ path, message: "has a prefix that browsers accept only on a Secure cookie", remedy: "Choose a name without __Host- or __Secure-" }];
}

function keyFindings(route: RouteDocument, path: ConfigPath): Finding[] {
  if (route.cohort === "random") return [];
  const { key, sticky } = route.cohort;
  const at = [...path, "cohort"];
  const findings: Finding[] = [];
  for (const [index, source] of key.entries()) {
    if (key.slice(0, index).some((other) => JSON.stringify(other) === JSON.stringify(source))) {
      findings.push({ path: [...at, "key", index], message: "is given twice", remedy: "Keep the first" });
    }
    if (source.kind === "ip" && index < key.length - 1) {
      findings.push({ path: [...at, "key", index], message: "hides the sources after it: every client has an address", remedy: "Move ip to the end" });
    }
  }
  if (sticky === undefined) return findings;
  const cookieAt = [...at, "sticky", "cookie"];
  findings.push(...prefixFindings(sticky.cookie, cookieAt));
  if (key.some((source) => source.kind === "cookie" && source.name === sticky.cookie)) {
    findings.push({ path: cookieAt, message: "is a source of the cohort key already", remedy: "Give the sticky cookie a name of its own" });
  }
  if (key.some((source) => source.kind === "ip")) {
    findings.push({ path: [...at, "sticky"], message: "is never used: with ip as a source every client has a cohort key", remedy: "Remove ip from the key, or remove sticky", atKey: true });
  }
  return findings;
}
