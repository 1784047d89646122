import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import type { BootstrapDocument } from "./bootstrap-schema.ts";
import type { BootstrapConfiguration } from "./definition.ts";
import type { AdminSettings } from "./settings.ts";
import { compileStore } from "./compile-store.ts";
import { compileTracing } from "./tracing-schema.ts";
import { compileWebhooks } from "./compile-webhooks.ts";

/** Compiles a bootstrap document that has passed every check. @param file its absolute path, which relative ones start from */
export function compileBootstrap(document: Omit<BootstrapDocument, "dynamic">, file: string): BootstrapConfiguration {
  const { store, identity, log } = document;
  const listeners = document.listeners.map(({ name, address, trustedPeers }) => ({ name, host: address.host, port: address.port, trustedPeers }));
  const tracing = compileTracing(document.tracing);
  const instance = identity.instance ?? hostname();
  return {
    proxy: { listeners, limits: document.limits, accessLog: log.access, tracing: tracing?.settings ?? null, viaName: viaName([instance, file, ...listeners.map(({ host, port }) => `${host}:${port}`)]), region: identity.region ?? null, admin: document.admin.address },
    admin: {
      ...document.admin.address,
      allowRemoteWithoutTls: document.admin.allowRemoteWithoutTls,
      hostNames: document.admin.hostNames.map((hostName) => hostName.toLowerCase()),
      ...compileAccess(document.admin, dirname(file)),
    },
    threads: document.threads,
    store: compileStore(store, dirname(file)),
    identity: { instance, region: identity.region ?? null, zone: identity.zone ?? null },
    logLevel: log.level,
    tracing,
    webhooks: compileWebhooks(document.webhooks, dirname(file)),
    endpoints: document.endpoints.allow ?? null,
  };
}

function compileAccess({ tokens, tls }: BootstrapDocument["admin"], base: string): Pick<AdminSettings, "tokens" | "tls"> {
  const clientRoles = (tls?.clientRoles ?? []).map(({ name, role, fingerprint, subject }) => ({ name, role, fingerprint: fingerprint ?? null, subject: subject ?? null }));
  return {
    ...(tokens === undefined ? {} : { tokens: resolve(base, tokens) }),
    ...(tls === undefined ? {} : { tls: { certificate: resolve(base, tls.certificate), key: resolve(base, tls.key), clientCa: tls.clientCa === undefined ? null : resolve(base, tls.clientCa), clientRoles } }),
  };
}

/**
 * Two sidecars in one chain must not share a pseudonym, or the second would take the first's `Via` for a loop. The
 * process id tells apart two that run the same file on one machine.
 */
function viaName(parts: readonly string[]): string {
  const digest = createHash("sha256").update(JSON.stringify([...parts, process.pid])).digest("hex");
  return `ebbgate-${digest.slice(0, 12)}`;
}

/**
 * Which parts of the bootstrap document differ: a running sidecar goes on with the old ones until it is restarted.
 *
 * @returns keys of the document, as `listeners` or `log.level`
 */
export function restartNeeded(running: BootstrapConfiguration, next: BootstrapConfiguration): string[] {
  const flat = ({ proxy, ...rest }: BootstrapConfiguration): Record<string, unknown> => ({ ...rest, listeners: proxy.listeners, limits: proxy.limits, "log.access": proxy.accessLog });
  const [before, after] = [flat(running), flat(next)];
  return Object.keys(before)
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => (key === "logLevel" ? "log.level" : key));
}
