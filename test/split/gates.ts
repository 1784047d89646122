/** Gates for tests: short to write, compiled as a snapshot's are. */
import { initial, reweigh } from "../../src/split/allocation.ts";
import type { Closure, GateCondition, GateRule, RouteGate, TextTest } from "../../src/core/gates.ts";
import { RuleBook } from "../../src/split/gate-book.ts";
import { compileGates, type CompiledGate } from "../../src/split/gate.ts";
import type { GateRequest } from "../../src/split/gate-question.ts";
import { compileTable, type AllocationTable } from "../../src/split/table.ts";
import { fieldsOf } from "./fields.ts";

export const rule = (effect: GateRule["effect"], when: readonly GateCondition[] = [], parts: Partial<GateRule> = {}): GateRule => ({ name: `${effect}-it`, effect, when, unless: [], share: 100_000, ...parts });
export const header = (name: string, test: TextTest = { kind: "present" }): GateCondition => ({ kind: "attribute", source: "header", name, test });
export const keys = (...values: string[]): GateCondition => ({ kind: "keys", values });

export const gate = (rules: readonly GateRule[], parts: Partial<RouteGate & { closed: Closure | null }> = {}): RouteGate & { readonly closed: Closure | null } => ({ name: "new-checkout", variant: 1, closed: null, rules, ...parts });
export const compiled = (gates: readonly ReturnType<typeof gate>[], region: string | null = null): CompiledGate | null => compileGates(gates, new RuleBook(region));

export function requestOf(parts: { readonly method?: string; readonly target?: string; readonly lines?: readonly (readonly [string, string])[] } = {}): GateRequest {
  const target = parts.target ?? "/";
  return { ...fieldsOf(...(parts.lines ?? [])), method: parts.method ?? "GET", target, path: target.split("?")[0]! };
}

/** The baseline has what the others leave. @param weights of all variants; the first is not read */
export const tableOf = (weights: readonly number[]): AllocationTable => compileTable(reweigh(initial(), weights));
