/** Rollouts of one group go step by step together: what must fit between routes. */
import type { PlacedRoute } from "./dynamic-checks.ts";
import { baselineIndex } from "./compile-dynamic.ts";
import type { Finding } from "./problem.ts";
import { candidatesOf, stepDrafts } from "./rollout-strategies.ts";

export function groupFindings(routes: readonly PlacedRoute[]): Finding[] {
  const groups = Map.groupBy(routes.filter(({ route }) => route.rollout?.group !== undefined), ({ route }) => route.rollout!.group!);
  return [...groups].flatMap(([group, members]): Finding[] => {
    const [first, ...others] = members as [PlacedRoute, ...PlacedRoute[]];
    const at = (member: PlacedRoute, key: string) => [...member.path, "rollout", key];
    if (others.length === 0) return [{ path: at(first, "group"), message: `is '${group}', which no other rollout is in`, remedy: "Give another route's rollout the same group, or remove it" }];
    return others.flatMap((member) => {
      const [mine, theirs] = [stepCount(member), stepCount(first)];
      if (mine === theirs) return [];
      return [{ path: at(member, "group"), message: `is '${group}', whose other rollouts have ${theirs} steps, and this one ${mine}`, remedy: "Give all rollouts of a group equally many steps" }];
    });
  });
}

function stepCount({ route }: PlacedRoute): number {
  const { rollout, variants } = route;
  const baseline = baselineIndex(variants);
  const others = variants.reduce((sum, variant, index) => sum + (index === baseline || candidatesOf(rollout!).includes(variant.name) ? 0 : (variant.weight ?? 0)), 0);
  return stepDrafts(rollout!, Math.max(1, 100 - others)).length;
}
