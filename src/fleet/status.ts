/** What a sidecar shows of its fleet: plain data for `/api/v1/status` and the metrics. */
import type { Beacon } from "./beacon.ts";
import type { Roster, RosterEntry } from "./roster.ts";

export interface FleetStatus {
  readonly instance: string;
  readonly role: "leader" | "follower";
  /** Of the lease; null where no leader is heard. */
  readonly epoch: number | null;
  readonly leader: string | null;
  /** Sidecars that the leader hears; 0 where no leader is heard. */
  readonly size: number;
  /** Each, on the leader; null elsewhere. */
  readonly sidecars: readonly RosterEntry[] | null;
  /** Names of those that do not run the newest decision though they had the time; at most 20. */
  readonly stragglers: readonly string[];
  /** On the leader: how long the last decisions took until every sidecar ran them; newest last. */
  readonly convergenceMs: readonly number[];
  /** What this sidecar lowered by itself, and the fleet has not followed yet. */
  readonly lowered: readonly { readonly route: string; readonly reason: string; readonly weight: number }[];
  /** By route: the newest decision that all proxy threads of this sidecar run. */
  readonly acknowledged: Readonly<Record<string, number>>;
}

export function statusOf(
  instance: string, epoch: number | null, beacon: Beacon | null, roster: Roster, lowered: FleetStatus["lowered"], acknowledged: FleetStatus["acknowledged"], nowMs: number,
): FleetStatus {
  const leads = epoch !== null;
  const sidecars = leads ? roster.list(nowMs) : null;
  return {
    instance, role: leads ? "leader" : "follower", epoch: epoch ?? beacon?.epoch ?? null, leader: leads ? instance : (beacon?.leader ?? null),
    size: sidecars?.length ?? beacon?.size ?? 0, sidecars,
    stragglers: sidecars?.flatMap(({ instance: name, behind }) => (behind.length > 0 ? [name] : [])).slice(0, 20) ?? beacon?.stragglers ?? [],
    convergenceMs: leads ? roster.convergenceMs.slice(-20) : [], lowered, acknowledged: { ...acknowledged },
  };
}
