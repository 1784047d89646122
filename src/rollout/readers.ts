/** A rollout's own view of the slab. */
import { goalsOf, type RolloutPlan } from "../config/rollout-plan.ts";
import type { SlotReader } from "../observe/reader.ts";
import type { RolloutPorts } from "./ports.ts";
import { SplitWatch } from "./split-watch.ts";
import { turnOf } from "./turn-of.ts";

export function readersOf(slab: RolloutPorts["slab"], { route, baseline, candidate }: RolloutPlan): { readonly baseline: SlotReader; readonly candidate: SlotReader } {
  return { baseline: slab.reader(slab.slotOf(route, baseline)), candidate: slab.reader(slab.slotOf(route, candidate)) };
}

export function splitWatchOf(slab: RolloutPorts["slab"], plan: RolloutPlan): SplitWatch {
  const { baseline, candidate } = readersOf(slab, plan);
  return new SplitWatch(baseline, candidate, plan, goalsOf(plan).length, turnOf(baseline.slot));
}
