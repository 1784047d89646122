/**
 * Assets follow their page: a script or a style comes from the version that its page came from, also where the request has no cohort key,
 * and where the weights have moved since. A cookie says which version that was.
 */
import type { PathMatch, RouteSnapshot } from "../config/snapshot.ts";
import { murmur3 } from "../core/murmur3.ts";
import { isDealt, type RoutingReason } from "../core/reasons.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { findCookie } from "../split/cookie.ts";
import type { Exchange } from "./exchange.ts";
import { pathMatches } from "./route.ts";
import type { RuntimeVariant } from "./runtime.ts";

/** A route's assets, compiled once per snapshot. */
export interface Pages {
  readonly paths: readonly PathMatch[];
  readonly nameAndEquals: string;
  readonly indexes: ReadonlyMap<string, number>;
  /** Of all that decides which key gets which variant. The same on every sidecar, and after a restart. */
  readonly split: string;
}

/** Fetch Metadata (https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header); `empty` is what scripts ask for. Browsers send it on trustworthy origins only. */
const pageDestinations = new Set(["document", "iframe", "frame", "embed", "object"]);
const assetDestinations = new Set(
  "audio audioworklet font image json manifest paintworklet script serviceworker sharedworker style track video worker xslt".split(" "),
);

export function compilePages({ name, assets, variants, cohort, allocation }: RouteSnapshot): Pages | null {
  if (assets === null) return null;
  const names = variants.map((variant) => variant.name);
  return {
    paths: assets.paths,
    nameAndEquals: `${assets.cookie ?? `ebbgate-page-${name}`}=`,
    indexes: new Map(names.map((variant, index) => [variant, index])),
    split: murmur3(JSON.stringify([names, cohort, allocation.map(({ to, variant }) => [to, variant])])).toString(36),
  };
}

/** Called once the split has chosen. A page is noted, so that its answer can tell its version; an asset follows its page. */
export function followPage(exchange: Exchange, head: RequestHead): void {
  const { pages } = exchange.route;
  if (pages === null) return;
  const destination = head.get("sec-fetch-dest");
  if (isAsset(pages, head.path, destination)) return follow(exchange, pages, head);
  const isPage = destination === undefined ? exchange.safe && head.get("accept")?.includes("text/html") === true : pageDestinations.has(destination);
  if (isPage) exchange.page = findCookie(head, pages.nameAndEquals) ?? "";
}

export function isAsset(pages: Pages, path: string, destination: string | undefined): boolean {
  for (let i = 0; i < pages.paths.length; i++) if (pathMatches(path, pages.paths[i]!)) return true;
  return destination !== undefined && assetDestinations.has(destination);
}

function follow(exchange: Exchange, pages: Pages, head: RequestHead): void {
  const { variants } = exchange.route;
  const hasKey = exchange.client >= 0 && exchange.setCookie === "";
  const index = pageVariant(pages, head, exchange.reason, hasKey ? exchange.variant.index : -1, variants);
  const variant = variants[index];
  if (variant === undefined || !(variant.open || isAvailable(variant))) return;
  // What serves where the page's version cannot: after 100% the baseline may be gone, while everybody is at the candidate.
  if (!variant.open) exchange.resort = exchange.variant;
  exchange.variant = variant;
  exchange.serving = variant;
  exchange.reason = "asset";
}

/**
 * Where a page's asset goes.
 *
 * @param owner the variant that the request's own key gives it; -1: it has no key
 * @returns an index; -1: where it would go anyway
 */
export function pageVariant(pages: Pages, head: RequestHead, reason: RoutingReason, owner: number, variants: readonly { readonly open: boolean }[]): number {
  const page = isDealt(reason) ? findCookie(head, pages.nameAndEquals) : undefined;
  if (page === undefined) return -1;
  const dot = page.lastIndexOf(".");
  const index = pages.indexes.get(page.slice(0, Math.max(dot, 0)));
  // The baseline is kept warm, whatever its weight.
  if (index === undefined || !(variants[index]!.open || index === 0)) return -1;
  // Its key gives it what its page had, as it gives everybody: an asset like this is as good a sample as any request.
  return index === owner && page.slice(dot + 1) === pages.split ? -1 : index;
}

function isAvailable({ endpoints }: RuntimeVariant): boolean {
  for (let i = 0; i < endpoints.length; i++) if (endpoints[i]!.available) return true;
  return false;
}

/** Tells the browser which version its page came from, unless it knows: the version that served it, whoever was to. */
export function tellPage(exchange: Exchange): void {
  const { nameAndEquals, split } = exchange.route.pages!;
  const page = `${exchange.serving.name}.${split}`;
  if (page !== exchange.page) exchange.setCookie += `set-cookie: ${nameAndEquals}${page}; Path=/; HttpOnly; SameSite=Lax\r\n`;
}
