/** The conditions of rules: each is compiled once for each snapshot, and asked once for each request, however many rules have it. */
import type { GateCondition } from "../core/gates.ts";
import { barePath, isAtOrBelow } from "../core/path-prefix.ts";
import { isOpenAt } from "../core/time-window.ts";
import { attributeReader, textTest } from "./attributes.ts";
import type { GateQuestion } from "./gate-question.ts";

export class Condition {
  private readonly test: (question: GateQuestion) => boolean;
  private of = -1;
  private known = false;

  /** @param region the sidecar's; null: it has none */
  constructor(condition: GateCondition, region: string | null) {
    this.test = compileCondition(condition, region);
  }

  holds(question: GateQuestion): boolean {
    if (question.number !== this.of) {
      this.known = this.test(question);
      this.of = question.number;
    }
    return this.known;
  }
}

/** When a rule says something, but for its share: one object for all rules of a snapshot that say the same, so that it is near when it is asked. */
export class Conditions {
  /** Of `when`: mostly it is the only one, or fails. Null: there is none. */
  private readonly first: Condition | null;
  readonly when: readonly Condition[];
  /** Null: there are none. */
  readonly unless: readonly Condition[] | null;

  constructor(when: readonly Condition[], unless: readonly Condition[]) {
    this.first = when[0] ?? null;
    this.when = when;
    this.unless = unless.length === 0 ? null : unless;
  }

  hold(question: GateQuestion): boolean {
    return (this.first === null || (this.first.holds(question) && holdAll(this.when, question))) && !this.excuse(question);
  }

  /** Whether there is an `unless`, and all of it holds. */
  excuse(question: GateQuestion): boolean {
    return this.unless !== null && holdAll(this.unless, question);
  }
}

function holdAll(conditions: readonly Condition[], question: GateQuestion): boolean {
  for (let i = 0; i < conditions.length; i++) if (!conditions[i]!.holds(question)) return false;
  return true;
}

function compileCondition(condition: GateCondition, region: string | null): (question: GateQuestion) => boolean {
  switch (condition.kind) {
    case "attribute": {
      const read = attributeReader(condition.source, condition.name);
      const test = textTest(condition.source, condition.test);
      return (question) => {
        const value = read(question);
        return value !== undefined && test(value);
      };
    }
    case "keys": {
      const keys = new Set(condition.values);
      return ({ key }) => key !== undefined && keys.has(key);
    }
    case "paths":
      return pathTest(condition.values);
    case "methods": {
      const { values } = condition;
      return ({ request }) => values.includes(request.method);
    }
    case "regions": {
      const here = region !== null && condition.values.includes(region);
      return () => here;
    }
    case "times":
      return timeTest(condition);
  }
}

function pathTest(values: Extract<GateCondition, { kind: "paths" }>["values"]): (question: GateQuestion) => boolean {
  const paths = values.map((one) => ({ exact: one.kind === "exact", value: barePath(one) }));
  return ({ request: { path } }) => {
    for (let i = 0; i < paths.length; i++) {
      const { exact, value } = paths[i]!;
      if (exact ? path === value : isAtOrBelow(path, value)) return true;
    }
    return false;
  };
}

/** Edges are whole minutes, and to tell local time costs microseconds: what a minute's first request found holds for all of it. */
function timeTest({ windows }: Times): (question: GateQuestion) => boolean {
  let minute = -1;
  let open = false;
  return ({ nowMs }) => {
    const now = minuteOf(nowMs);
    if (now !== minute) {
      open = isOpenInMinute(windows, now);
      minute = now;
    }
    return open;
  };
}

export type Times = Extract<GateCondition, { kind: "times" }>;

const minuteMs = 60_000;
/** Minutes since 1970. */
export const minuteOf = (nowMs: number): number => Math.floor(nowMs / minuteMs);
export const isOpenInMinute = (windows: Times["windows"], minute: number): boolean => windows.some((window) => isOpenAt(window, minute * minuteMs));
