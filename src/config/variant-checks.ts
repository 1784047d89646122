import { baselineIndex } from "./compile-dynamic.ts";
import type { RouteDocument, VariantDocument } from "./dynamic-schema.ts";
import type { ConfigPath, Finding } from "./problem.ts";
import { candidatesOf } from "./rollout-strategies.ts";
import { isToken, name as variantName } from "./scalars.ts";

/** Hop-by-hop fields, framing and routing: set by hand they would break the message or the path (RFC 9110 section 7.6.1). */
const reservedHeaders = new Set(
  "connection content-length expect host http2-settings keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(" "),
);
/** What the proxy itself writes. */
const ownHeaders = new Set("baggage ebbgate-bucket ebbgate-variant forwarded via x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto".split(" "));

/** What is wrong with a route's variants although each is well-formed. */
export function variantFindings({ variants, rollout, mirror, lane }: RouteDocument, path: ConfigPath): Finding[] {
  const findings: Finding[] = [...(mirror === undefined ? [] : mirrorFindings(variants, mirror.variant, [...path, "mirror", "variant"])), ...laneFindings(variants, lane, [...path, "lane", "join"])];
  const baseline = baselineIndex(variants);
  for (const [index, variant] of variants.entries()) {
    const at = [...path, "variants", index];
    if (variants.slice(0, index).some((other) => other.name === variant.name)) {
      findings.push({ path: [...at, "name"], message: "is the name of an earlier variant", remedy: "Give each variant of a route its own name" });
    }
    if (variant.baseline === true && index !== baseline) {
      findings.push({ path: [...at, "baseline"], message: `is the second baseline, after '${variants[baseline]!.name}'`, remedy: "Mark exactly one variant" });
    }
    if (variant.weight !== undefined && index === baseline) {
      findings.push({ path: [...at, "weight"], message: "is given to the baseline, which takes what the candidates leave", remedy: "Remove it" });
    } else if (variant.weight !== undefined && rollout !== undefined && candidatesOf(rollout).includes(variant.name)) {
      findings.push({ path: [...at, "weight"], message: "is moved by the rollout's steps", remedy: "Remove it, or remove the rollout" });
    }
    if (variant.endpoints === undefined && index === baseline) {
      findings.push({ path: [...at, "endpoints"], message: "is missing", remedy: "Write the addresses of the baseline: candidates without endpoints use them" });
    }
    findings.push(...endpointFindings(variant, at), ...headerFindings(variant, at));
  }
  if (variants.length > 1 && variants.every((variant) => variant.baseline === false)) {
    findings.push({ path: [...path, "variants"], message: "has no baseline", remedy: "Mark the version that is known to be good with baseline: true" });
  } else if (variants[baseline]!.baseline === false) {
    findings.push({ path: [...path, "variants", baseline, "baseline"], message: "is false on the variant that would be the baseline", remedy: "Mark another one with baseline: true" });
  }
  const sum = variants.reduce((total, variant, index) => total + (index === baseline ? 0 : Math.round((variant.weight ?? 0) * 1000)), 0) / 1000;
  if (sum > 100) findings.push({ path: [...path, "variants"], message: `has candidates with ${sum} percent in all`, remedy: "Lower weights until their sum is at most 100" });
  return findings;
}

function mirrorFindings(variants: readonly VariantDocument[], name: string, path: ConfigPath): Finding[] {
  const baseline = variants[baselineIndex(variants)]!.name;
  const candidates = variants.map((variant) => variant.name).filter((one) => one !== baseline);
  if (candidates.includes(name)) return [];
  const message = name === baseline ? "is the baseline, whose requests are copied" : "is not a variant of this route";
  return [{ path, message, remedy: candidates.length === 0 ? "Add the variant that the copies are for" : `Write ${candidates.join(" or ")}` }];
}

function laneFindings(variants: readonly VariantDocument[], lane: RouteDocument["lane"], path: ConfigPath): Finding[] {
  if (typeof lane !== "object") return [];
  const names = variants.map((variant) => variant.name);
  return Object.entries(lane.join).flatMap(([from, to]): Finding[] => [
    ...(!variantName.safeParse(from).success ? [{ path: [...path, from], message: "is not a name that a variant can have, and so no lane", remedy: "Write the name of a variant of the route that starts the lane", atKey: true }] : []),
    ...(names.includes(to) ? [] : [{ path: [...path, from], message: "is not a variant of this route", remedy: `Write ${names.join(" or ")}` }]),
  ]);
}

function endpointFindings(variant: VariantDocument, path: ConfigPath): Finding[] {
  const endpoints = variant.endpoints ?? [];
  return endpoints.flatMap((endpoint, index) =>
    endpoints.slice(0, index).some((other) => other.id === endpoint.id)
      ? [{ path: [...path, "endpoints", index], message: "is an endpoint of this variant already", remedy: "Remove one of the two" }]
      : [],
  );
}

function headerFindings(variant: VariantDocument, path: ConfigPath): Finding[] {
  const seen = new Set<string>();
  return Object.keys(variant.headers).flatMap((written): Finding[] => {
    const name = written.toLowerCase();
    const finding = (message: string, remedy: string): Finding[] => [{ path: [...path, "headers", written], message, remedy, atKey: true }];
    if (!isToken(written)) return finding("is not a valid header name", "Use letters, digits and !#$%&'*+-.^_`|~ only (RFC 9110 section 5.6.2)");
    if (reservedHeaders.has(name)) return finding("is a hop-by-hop, framing or routing header, which a variant may not set", "Remove it");
    if (ownHeaders.has(name)) return finding("is written by the proxy itself", "Remove it");
    if (seen.has(name)) return finding("is given twice: header names ignore case", "Keep one of them");
    seen.add(name);
    return [];
  });
}
