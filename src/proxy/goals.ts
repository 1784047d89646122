/**
 * What limits follow on the path beside errors and times: goals (a later request of the same cohort, or a header of an answer), and a number in a header.
 * Each cohort reaches a goal once in a window, for the variant that the split gave it.
 */
import type { PathMatch, RouteSnapshot } from "../config/snapshot.ts";
import type { Fields } from "../core/fields.ts";
import { routingPath } from "../http1/target.ts";
import { CohortSet } from "../observe/cohort-set.ts";
import { numberBucketOf, type WorseWhen } from "../observe/numbers.ts";
import type { Exchange } from "./exchange.ts";
import { pathMatches } from "./route.ts";

export interface RuntimeGoal {
  reachedBy(exchange: Exchange, status: number, fields: Fields): boolean;
  /** Cohorts that have reached it. */
  readonly reached: CohortSet;
}

/** @returns null where the route has none: then a request pays one comparison */
export function compileGoals({ goals }: RouteSnapshot): readonly RuntimeGoal[] | null {
  if (goals.length === 0) return null;
  return goals.map(({ goal, reached }): RuntimeGoal => {
    const set = new CohortSet(reached);
    if (goal.kind === "header") {
      const { name, value } = goal;
      return {
        reached: set,
        reachedBy(_exchange, _status, fields) {
          const found = fields.get(name);
          return found !== undefined && (value === null || found === value);
        },
      };
    }
    const { method, path, statusFrom, statusTo } = goal;
    return {
      reached: set,
      // The path last: it is the dearest to ask.
      reachedBy: (exchange, status) =>
        exchange.returning && (method === null || exchange.method === method) && status >= statusFrom && status <= statusTo && targetMatches(exchange.target, path),
    };
  });
}

/** A custom limit's number in the service's answers. */
export interface RuntimeNumber {
  readonly header: string;
  readonly worse: WorseWhen;
  /** Cohorts whose number has been counted; null: every number counts. */
  readonly counted: CohortSet | null;
}

export function compileNumber({ number }: RouteSnapshot): RuntimeNumber | null {
  return number === null ? null : { header: number.header, worse: number.worse, counted: number.counted === null ? null : new CohortSet(number.counted) };
}

/** As `recordGoals`. Where a cohort keeps its variant it counts once: what a user is like is no difference between versions. */
export function recordNumber(exchange: Exchange, { header, worse, counted }: RuntimeNumber, fields: Fields): void {
  if (exchange.row < 0 || (counted !== null && (exchange.client < 0 || counted.has(exchange.client)))) return;
  const text = fields.get(header);
  const bucket = text === undefined ? -1 : numberBucketOf(text, worse);
  if (bucket >= 0 && (counted === null || counted.add(exchange.client))) exchange.variant.recorder.number(exchange, bucket);
}

/** An answer of the variant that the split gave, before its outcome is counted: a row is final once all outcomes are. */
export function recordGoals(exchange: Exchange, status: number, fields: Fields): void {
  const goals = exchange.route.goals!;
  for (let k = 0; k < goals.length; k++) {
    const { reached } = goals[k]!;
    if (goals[k]!.reachedBy(exchange, status, fields) && reached.add(exchange.client)) exchange.variant.recorder.goalReached(exchange, k);
  }
}

function targetMatches(target: string, match: PathMatch): boolean {
  const query = target.indexOf("?");
  const path = routingPath(query < 0 ? target : target.slice(0, query));
  return path !== null && pathMatches(path, match);
}
