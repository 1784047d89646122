/**
 * The effect side of all rollouts. The composition root calls `configure` for each configuration and `tick` every
 * 100 ms; what `decide` answers is published first and stored behind, so a rollback waits for nothing;
 * only what raises a weight waits until it is stored.
 */
import { rolloutName, routeOf, type ProbePlan, type RolloutPlan } from "../config/rollout-plan.ts";
import { initialState } from "./decide.ts";
import type { Moment, RolloutInput, RolloutPorts, RolloutWeight, VariantEdges } from "./ports.ts";
import { probedVariants } from "./probing.ts";
import { gateQuestion, type GateQuestion } from "./questions.ts";
import { RolloutRunner } from "./runner.ts";
import type { CommandResult, ExplainedDecision, RolloutControl, RolloutStatus } from "./status.ts";
import { quarantinedAround, withQuarantined } from "./quarantine.ts";
import { EdgesByRoute } from "./route-edges.ts";
import { withinRoom } from "./room.ts";
import { parseState, stateKey } from "./stored-state.ts";
import type { Command, Peer, RolloutState, Sibling } from "./types.ts";

const loadRetryMs = 1_000;

interface Unloaded {
  readonly input: RolloutInput;
  /** Monotonic; infinite while a load is under way. */
  readonly retryMs: number;
}

export class RolloutController implements RolloutControl {
  private readonly ports: RolloutPorts;
  private readonly originMs: number;
  /** Names, in the configuration's order. */
  private order: readonly string[] = [];
  /** By name. */
  private readonly runners = new Map<string, RolloutRunner>();
  private readonly unloaded = new Map<string, Unloaded>();
  private readonly edgesByRoute = new EdgesByRoute();
  /** Last writes of rollouts that have left: one that comes back reads what they wrote. */
  private readonly retiring = new Map<string, Promise<boolean>>();
  private readonly listeners = new Set<(decision: ExplainedDecision) => void>();

  constructor(ports: RolloutPorts) {
    this.ports = ports;
    this.originMs = ports.clock.wallMs() - ports.clock.monotonicMs();
  }

  /**
   * Follows a configuration. A new rollout resumes from the store; until its state is known its candidate has weight 0,
   * because it might be quarantined. Read `weights()` for the snapshot when this has resolved; it never rejects.
   */
  async configure(inputs: readonly RolloutInput[]): Promise<void> {
    const moment = this.moment();
    this.order = inputs.map((input) => input.plan.name);
    for (const [name, runner] of this.runners) {
      if (this.order.includes(name)) continue;
      this.runners.delete(name);
      this.retiring.set(name, runner.retire(moment));
    }
    for (const name of this.unloaded.keys()) if (!this.order.includes(name)) this.unloaded.delete(name);
    this.edgesByRoute.keepOnly(new Set(inputs.map(({ plan }) => plan.route)));
    const loads: Promise<void>[] = [];
    for (const input of inputs) {
      const runner = this.runners.get(input.plan.name);
      if (runner === undefined) loads.push(this.load(input));
      else runner.follow(input, () => this.others(input.plan).flatMap(({ state }) => state.quarantined), moment);
    }
    await Promise.all(loads);
  }

  /** The candidates' weights, to be published now: one for each rollout, 0 where its state is not known yet. */
  weights(): readonly RolloutWeight[] {
    const rooms = new Map<string, number>();
    const weights = this.order.flatMap((name): RolloutWeight[] => {
      const runner = this.runners.get(name);
      const plan = (runner ?? this.unloaded.get(name))?.input.plan;
      if (plan === undefined) return [];
      if (plan.experiment !== undefined) rooms.set(plan.route, plan.experiment.room);
      // Another candidate than the state is about may be quarantined: it gets nothing before that is decided.
      const known = runner !== undefined && runner.state.candidate === plan.candidate && runner.state.revision === plan.revision;
      const shared = known ? runner.sharedWeight : undefined;
      const weight = known ? runner.weight : 0;
      const closed = known ? runner.closure : "unknown";
      runner?.given.changed(weight, closed);
      return [{ route: plan.route, variant: plan.candidate, weight, ...(shared === undefined ? {} : { shared }), ...(closed === null ? {} : { closed }) }];
    });
    return rooms.size === 0 ? weights : withinRoom(weights, rooms);
  }

  /** All edges as they are now: for a proxy thread that has just started. */
  edges(): readonly { readonly route: string; readonly edges: readonly VariantEdges[] }[] {
    return [...this.runners.values()].map((runner) => ({ route: runner.input.plan.route, edges: runner.edges() }));
  }

  /**
   * Reads the slab, judges and decides: every 100 ms.
   * @throws the first fault of a rollout, after all others were decided and published
   */
  tick(): void {
    const moment = this.moment();
    for (const { input, retryMs } of this.unloaded.values()) if (moment.monotonicMs >= retryMs) void this.load(input);
    this.ports.slab.refresh();
    let changed = false;
    const faults: unknown[] = [];
    const each = (of: Iterable<RolloutRunner>, run: (runner: RolloutRunner) => boolean): void => {
      for (const runner of of) {
        try {
          if (run(runner)) changed = true;
        } catch (error) {
          faults.push(error);
        }
      }
    };
    const moved = new Set<string>();
    each(this.runners.values(), (runner) => {
      const before = runner.state;
      const weighs = runner.tick(moment);
      if (runner.state !== before && runner.input.plan.group) moved.add(runner.input.plan.group);
      return weighs;
    });
    // Whoever was asked before another of its group moved is asked again: a group goes back in one revision.
    if (moved.size > 0) each(this.runners.values(), (runner) => moved.has(runner.input.plan.group ?? "") && runner.again(moment) && runner.weightChanged());
    if (changed) this.ports.publish(this.weights());
    if (faults.length > 0) throw faults[0];
  }

  /** Follows at once what was decided on another sidecar. @returns whether a weight changed; then all were published */
  adopt(): boolean {
    const moment = this.moment();
    let changed = false;
    for (const runner of this.runners.values()) {
      runner.adopt(moment);
      if (runner.weightChanged()) changed = true;
    }
    if (changed) this.ports.publish(this.weights());
    return changed;
  }

  /** Variants with declared probes, and whether they are to be asked now. */
  probing(): readonly { readonly route: string; readonly variant: string; readonly settings: ProbePlan; readonly active: boolean }[] {
    const all = [...this.runners.values()].flatMap(({ input: { plan }, state }) => {
      const settings = plan.probes;
      if (!settings) return [];
      const asked = probedVariants(plan, state);
      return [plan.baseline, plan.candidate].map((variant) => ({ route: plan.route, variant, settings, active: asked.includes(variant) }));
    });
    // Several candidates have one baseline, which is asked once, for whichever of them it is to be.
    const byVariant = Map.groupBy(all, ({ route, variant }) => `${route} ${variant}`);
    return [...byVariant.values()].map((same) => same.find(({ active }) => active) ?? same[0]!);
  }

  /** What external gates are to be asked, by who decides. */
  questions(): readonly GateQuestion[] {
    return [...this.runners.values()].flatMap((runner) => (runner.following ? [] : (gateQuestion(runner.input.plan, runner.state) ?? [])));
  }

  /** Whether copies of a route's requests may go to the variant: not to a candidate that was, or is being, rolled back. */
  mayCopy(route: string, variant: string): boolean {
    const runner = this.runners.get(rolloutName(route, variant)) ?? this.runners.get(rolloutName(route, null));
    if (runner?.input.plan.candidate !== variant) return ![...this.unloaded.values()].some(({ input }) => input.plan.route === route);
    const { phase } = runner.state;
    return phase !== "rollingBack" && phase !== "verifying" && phase !== "rolledBack";
  }

  command(name: string, command: Command): CommandResult {
    if (!this.order.includes(name)) return { outcome: "unknown" };
    const runner = this.runners.get(name);
    if (runner === undefined) return { outcome: "refused", detail: "the rollout's state has not been read from the store yet: its candidate has no traffic; try again" };
    if (runner.following) return { outcome: "forwarded", detail: runner.forward(command) };
    const decision = runner.command(command, this.moment());
    if (runner.weightChanged()) this.ports.publish(this.weights());
    if (decision === null) return { outcome: "refused", detail: "something more urgent was decided first: look at the status, and ask again" };
    return decision.refusal === null ? { outcome: "accepted", decision } : { outcome: "refused", detail: decision.refusal };
  }

  /** By name: of the rollouts whose state is known. */
  states(): ReadonlyMap<string, RolloutState> {
    return new Map([...this.runners].map(([name, { state }]) => [name, state]));
  }

  status(): readonly RolloutStatus[] {
    const moment = this.moment();
    return this.order.flatMap((name) => this.runners.get(name)?.status(moment) ?? []);
  }

  onDecision(listener: (decision: ExplainedDecision) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Writes what waits for the store: before the process ends. @returns false where the store refused */
  async flush(): Promise<boolean> {
    const written = await Promise.all([...this.retiring.values(), ...[...this.runners.values()].map((runner) => runner.flush())]);
    return written.every((ok) => ok);
  }

  /** What its group's other rollouts look like to one of them. One whose state is not known yet is ready for nothing. */
  private peersOf(name: string): Peer[] {
    const group = (this.runners.get(name) ?? this.unloaded.get(name))?.input.plan.group;
    // Asked for each rollout at each tick, and most have no group.
    if (!group) return [];
    const plans = new Map([...this.unloaded, ...this.runners].map(([key, { input }]) => [key, input.plan]));
    return [...plans].flatMap(([key, plan]) => {
      if (key === name || plan.group !== group) return [];
      return [this.runners.get(key)?.peer() ?? { route: plan.route, phase: "pending" as const, rank: -1, ready: false }];
    });
  }

  /** The other rollouts of the same route, as far as their states are known. */
  private others({ route, name }: Pick<RolloutPlan, "route" | "name">): RolloutRunner[] {
    return [...this.runners.values()].filter(({ input: { plan } }) => plan.route === route && plan.name !== name);
  }

  /** One whose state is not known yet may have all that it could have: nobody's weight rises beside it. */
  private siblingsOf(mine: RolloutPlan): Sibling[] {
    const unknown = [...this.unloaded.values()].flatMap(({ input: { plan } }) => (plan.route === mine.route && plan.name !== mine.name ? [{ candidate: plan.candidate, weight: mine.experiment?.room ?? 0, chosen: false }] : []));
    return [...this.others(mine).map((runner) => runner.sibling()), ...unknown];
  }

  private moment(): Moment {
    const monotonicMs = this.ports.clock.monotonicMs();
    return { monotonicMs, nowMs: this.originMs + monotonicMs };
  }

  private async load(input: RolloutInput): Promise<void> {
    const { name, route } = input.plan;
    const mine: Unloaded = { input, retryMs: Number.POSITIVE_INFINITY };
    this.unloaded.set(name, mine);
    const key = stateKey(name);
    try {
      // Also what the route's rollout was called before it had several candidates, or had them.
      await Promise.all([...this.retiring].flatMap(([left, written]) => (routeOf(left) === route ? [written] : [])));
      const stored = await (this.ports.fleet?.load(name) ?? this.ports.store.get(key));
      const quarantined = await quarantinedAround(this.ports.store, input.plan, stored?.value);
      // A later configuration has taken over meanwhile.
      if (this.unloaded.get(name) !== mine) return;
      const moment = this.moment();
      const state = withQuarantined(stored === undefined ? initialState(input.plan, moment.nowMs) : this.resume(input, stored.value, moment), quarantined);
      this.unloaded.delete(name);
      const told = (decision: ExplainedDecision): void => this.listeners.forEach((listener) => listener(decision));
      const links = {
        told, written: (late: boolean) => this.written(name, late), edges: this.edgesByRoute, peers: () => this.peersOf(name),
        siblings: () => this.siblingsOf(this.runners.get(name)?.input.plan ?? input.plan),
      };
      this.runners.set(name, new RolloutRunner(this.ports, input, { state, revision: stored?.revision ?? 0, key }, moment, links));
    } catch (error) {
      if (this.unloaded.get(name) === mine) this.unloaded.set(name, { input, retryMs: this.moment().monotonicMs + loadRetryMs });
      this.ports.storeFailed(error);
    }
  }

  /** What was raised counts from when it is written. */
  private written(name: string, late: boolean): void {
    const runner = this.runners.get(name);
    if (late) runner?.beginLate(this.moment());
    if (runner?.weightChanged() === true) this.ports.publish(this.weights());
  }

  private resume(input: RolloutInput, value: unknown, { nowMs }: Moment): RolloutState {
    const state = parseState(value);
    if (typeof state === "string") {
      const { name } = input.plan;
      this.ports.storeFailed(new Error(`the stored state '${stateKey(name)}' ${state}: the rollout is paused at weight 0; resume it to start over`));
      return { ...initialState(input.plan, nowMs), phase: "paused", paused: { by: "command", phase: "pending", waiting: null } };
    }
    // A clock that was set back must not make a dwell endless.
    const notAfter = (atMs: number | null, latestMs: number): number | null => (atMs === null ? null : Math.min(atMs, latestMs));
    return {
      ...state, sinceMs: Math.min(state.sinceMs, nowMs), stepSinceMs: Math.min(state.stepSinceMs, nowMs), bakeSinceMs: notAfter(state.bakeSinceMs, nowMs),
      cooldownUntilMs: notAfter(state.cooldownUntilMs, nowMs + (input.plan.cooldown?.maxMs ?? 0)),
      ...(state.drill === undefined ? {} : { drill: { ...state.drill, atMs: Math.min(state.drill.atMs, nowMs) } }),
    };
  }
}
