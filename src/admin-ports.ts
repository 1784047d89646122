/** What the admin server sees of the running sidecar. */
import type { AdminPorts } from "./admin/ports.ts";
import { ownAddresses } from "./config/shared.ts";
import { systemClock } from "./core/clock.ts";
import type { Sidecar } from "./sidecar.ts";

export function adminPorts(sidecar: Sidecar): AdminPorts {
  const { options, slab, windows, decisions, threads, controller, spans } = sidecar;
  const { bootstrap } = options.configuration;
  const { instance, region, zone } = bootstrap.identity;
  return {
    clock: systemClock,
    identity: { version: options.version, instance, region, zone, startedMs: sidecar.startedMs },
    slab,
    windows,
    decisions,
    posted: () => sidecar.posted,
    threads: () => threads.alive.map((alive, index) => ({ index, alive, revision: threads.acknowledged[index]!, listening: sidecar.listeners.map(({ host, port }) => `${host}:${port}`) })),
    configuration: () => sidecar.intake.status,
    rollouts: () => controller.status(),
    command: (name, command) => controller.command(name, command),
    audit: options.store,
    gates: { dynamic: () => sidecar.running.dynamic, get: (key) => options.store.get(key), change: (change) => sidecar.gates.kills.change(change) },
    shared: options.shared === undefined ? null : { document: options.shared.document, own: ownAddresses(bootstrap) },
    mirrors: (route) => sidecar.mirrors.counts(route),
    fleet: () => sidecar.fleet?.status() ?? null,
    spans: spans.counts,
    exemplars: spans.exemplars,
    webhooks: () => sidecar.hooks.status(),
    letters: sidecar.hooks,
    storeReachable: () => options.store.reachable,
    draining: () => sidecar.draining,
  };
}
