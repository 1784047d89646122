/** Rows of the metric table about the fleet; without a shared store there are none. */
import type { FleetStatus } from "../fleet/status.ts";
import type { MetricRow, MetricSource } from "./metric-row.ts";

const fleetOf = ({ ports }: MetricSource): FleetStatus | null => ports.fleet?.() ?? null;

/** A gauge that is there where there is a fleet. */
function gauge(name: string, help: string, of: (fleet: FleetStatus) => number | null, across?: "min"): MetricRow {
  return {
    type: "gauge", name, labels: [], help, ...(across === undefined ? {} : { across }),
    read: (source, emit) => {
      const fleet = fleetOf(source);
      const value = fleet === null ? null : of(fleet);
      if (value !== null) emit(value);
    },
  };
}

export const fleetMetrics: readonly MetricRow[] = [
  gauge("ebbgate_fleet_leader", "Whether this sidecar leads its fleet: 1, or 0.", (fleet) => (fleet.role === "leader" ? 1 : 0)),
  gauge("ebbgate_fleet_leader_heard", "Whether this sidecar leads or hears a leader: 1, or 0 while it may only lower weights.", (fleet) => (fleet.leader === null ? 0 : 1), "min"),
  gauge("ebbgate_fleet_epoch", "Epoch of the lease of the leader that is heard.", (fleet) => fleet.epoch),
  gauge("ebbgate_fleet_sidecars", "Sidecars that the leader hears; 0 where no leader is heard.", (fleet) => fleet.size),
  gauge("ebbgate_fleet_stragglers", "Sidecars that do not run the newest decision a second after it was made; at most 20 are counted.", (fleet) => fleet.stragglers.length),
  gauge("ebbgate_fleet_convergence_seconds", "On the leader: from the last decision's commit until every sidecar ran it.", (fleet) => {
    const last = fleet.convergenceMs.at(-1);
    return last === undefined ? null : last / 1000;
  }),
  {
    type: "gauge", name: "ebbgate_fleet_lowered", labels: ["route"], help: "1 for a route whose candidate this sidecar took its users from by itself, until the fleet has followed.",
    read: (source, emit) => {
      for (const { route } of fleetOf(source)?.lowered ?? []) emit(1, route);
    },
  },
];
