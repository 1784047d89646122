/** One rollout at work: its state, its judge and its writer. It applies what `decide` answers, and decides nothing. */
import type { Closure } from "../core/gates.ts";
import { closureOf, Given } from "./closure.ts";
import { decide } from "./decide.ts";
import { acknowledgedAfter, awaitsAcknowledgement, drilling } from "./drill.ts";
import { explain } from "./explain.ts";
import { siblingOf } from "./experiment.ts";
import { RolloutJudge } from "./judging.ts";
import { Outlook } from "./outlook.ts";
import { judgedPart, type FleetTie, type Moment, type RolloutInput, type RolloutPorts, type RolloutWriter, type VariantEdges } from "./ports.ts";
import { regionalWeight } from "./regions.ts";
import { withQuarantined } from "./quarantine.ts";
import { readersOf, splitWatchOf } from "./readers.ts";
import { edgesOf, retiredOf, statusOf } from "./runner-views.ts";
import { StateWriter } from "./state-writer.ts";
import { recentDecisionsMax, type ExplainedDecision, type RolloutStatus } from "./status.ts";
import type { SplitWatch } from "./split-watch.ts";
import { ready } from "./step-end.ts";
import { peerOf } from "./surroundings.ts";
import type { RunnerLinks } from "./runner-links.ts";
import { exposed } from "./turn.ts";
import type { Command, Decision, DecisionRecord, Effect, Evidence, Peer, RolloutState, Sibling } from "./types.ts";

/** A growing count of bad responses is written at this pace, so that a restart does not refill the exposure budget. */
const budgetWriteMs = 5_000;

export class RolloutRunner {
  input: RolloutInput;
  state: RolloutState;
  private readonly ports: RolloutPorts;
  private readonly links: RunnerLinks;
  private readonly outlook: Outlook;
  private ready = false;
  private judge: RolloutJudge;
  private judged: string;
  private split: SplitWatch;
  /** To the same rollout on other sidecars; null: there are none. */
  private readonly tie: FleetTie | null;
  private readonly writer: RolloutWriter;
  private readonly decisions: ExplainedDecision[] = [];
  /** The newest edges that were sent. */
  private generation = 0;
  private budgetWrittenMs = 0;
  private edgesSent = false;
  /** What the newest snapshot gives: a weight that is lowered before the first tick is a change. */
  readonly given = new Given();

  constructor(
    ports: RolloutPorts, input: RolloutInput, stored: { readonly state: RolloutState; readonly revision: number; readonly key: string },
    moment: Moment, links: RunnerLinks,
  ) {
    this.ports = ports;
    this.input = input;
    this.state = stored.state;
    this.links = links;
    this.outlook = new Outlook(ports, input.plan.route, links);
    this.tie = ports.fleet?.tie(input.plan.name) ?? null;
    this.writer = this.tie?.writer ?? new StateWriter(ports.store, stored.key, { revision: stored.revision, weight: stored.state.weight }, { failed: (error) => ports.storeFailed(error), written: links.written });
    this.split = splitWatchOf(this.ports.slab, this.input.plan);
    this.judge = this.newJudge(stored.state.badResponses, moment);
    this.judged = judgedPart(input);
    if (this.state.phase === "verifying") this.judge.beginVerify();
  }

  /** Follows a changed plan; the evidence starts over only where what is judged has changed. @param quarantined revisions that other rollouts of the route have taken back */
  follow(input: RolloutInput, quarantined: () => readonly string[], moment: Moment): void {
    this.input = input;
    if (input.plan.revision !== this.state.revision) this.state = withQuarantined(this.state, quarantined());
    const judged = judgedPart(input);
    if (judged === this.judged) return;
    this.judged = judged;
    const { badResponses } = this.judge.evidence(null, moment.monotonicMs);
    this.split = splitWatchOf(this.ports.slab, this.input.plan);
    this.judge = this.newJudge(badResponses, moment);
    if (this.state.phase === "verifying") this.judge.beginVerify();
    this.edgesSent = false;
  }

  /** Takes in the slab's last refresh and decides. @returns whether the weight changed */
  tick(moment: Moment): boolean {
    this.adopt(moment);
    this.split.tick(moment.monotonicMs, this.ports.split?.(this.input.plan.route) ?? null);
    const { links: { edges }, input: { plan: { route } } } = this;
    const model = this.judge.tick(moment.monotonicMs, exposed(this.state) || drilling(this.state), edges.generation(route) + 1);
    const newest = Math.max(model?.generation ?? 0, this.judge.numberModel?.generation ?? 0);
    const fresh = newest > this.generation;
    if (fresh) this.generation = newest;
    edges.made(route, newest);
    if (fresh || !this.edgesSent) this.sendEdges();
    this.tie?.observe(this.judge, this.own(null, moment), this.state, moment.monotonicMs);
    this.again(moment);
    this.writeBudget(moment);
    this.writer.pump(moment.monotonicMs);
    return this.weightChanged();
  }

  /** Once more: another rollout of the group has moved. @returns whether there was something to decide */
  again(moment: Moment): boolean {
    return this.decide(null, moment) !== null;
  }

  /** As the other rollouts of its group see it. */
  readonly peer = (): Peer => peerOf(this.input.plan, this.state, this.ready);

  /** As the other candidates of its experiment see it. */
  readonly sibling = (): Sibling => siblingOf(this.input.plan, this.state);

  /** The candidate's weight for this sidecar, in percent: lowered at once, raised when that is written. */
  get weight(): number {
    const weight = this.tie?.weights(this.state).own ?? Math.min(this.state.weight, this.writer.writtenWeight);
    return Math.min(weight, regionalWeight(this.input.plan, this.state, this.ports.region ?? null));
  }

  /** Why the candidate's gate is closed here; null: it is open. */
  get closure(): Closure | null {
    return closureOf(this.input.plan, this.state, this.weight, this.ports.region ?? null);
  }

  /** The candidate's weight for all sidecars, in percent; undefined: there are no others. */
  get sharedWeight(): number | undefined {
    return this.tie?.weights(this.state).shared;
  }

  /** The decisions are another sidecar's. */
  get following(): boolean {
    return this.tie !== null && !this.tie.leading;
  }

  /** Hands a command to who decides. @returns what became of it, for people */
  forward(command: Command): string {
    return this.tie?.forward(command) ?? "";
  }

  /** Follows what was decided on another sidecar. */
  adopt(moment: Moment): void {
    const adopted = this.tie?.adopt() ?? null;
    if (adopted === null) return;
    const before = this.state;
    this.state = adopted.state;
    for (const effect of adopted.effects) this.apply(effect, before, moment);
    if (adopted.decision !== null) this.tell(adopted.decision);
  }

  /**
   * Decides on a command at once. Something more urgent may be decided first.
   * @returns the decision on the command
   */
  command(command: Command, moment: Moment): ExplainedDecision | null {
    for (let i = 0; i < 4; i++) {
      const decided = this.decide(command, moment);
      if (decided === null) break;
      const answer = decided.find((decision) => decision.command !== null);
      if (answer !== undefined) {
        this.writer.pump(moment.monotonicMs);
        return answer;
      }
    }
    return null;
  }

  /** What raises the weight was decided while the store failed, and is given now only: its step's time and evidence begin now. */
  beginLate(moment: Moment): void {
    if (!exposed(this.state) || this.weight <= this.given.weight) return;
    this.state = { ...this.state, stepSinceMs: moment.nowMs };
    this.apply({ kind: "beginStep", step: this.state.step }, this.state, moment);
    this.writer.put(this.state);
  }

  /** Whether the weight, or whether the gate is open, changed since this was asked the last time. */
  weightChanged(): boolean {
    return this.given.changed(this.weight, this.closure);
  }

  /** Taken out of the configuration. The stored state stays, and with it the quarantine. */
  retire(moment: Moment): Promise<boolean> {
    if (this.following) return this.writer.flush();
    this.record(retiredOf(this.input.plan, this.state, this.judge.evidence(null, moment.monotonicMs), moment.nowMs), { inputs: null, effects: [], after: null });
    return this.writer.flush();
  }

  flush(): Promise<boolean> {
    return this.writer.flush();
  }

  edges(): VariantEdges[] {
    return edgesOf(this.judge, this.input.plan, this.ports.slab);
  }

  status(moment: Moment): RolloutStatus {
    return {
      ...statusOf(this.input.plan, this.state, this.evidence(null, moment), this.judge),
      regionalWeight: this.weight, externalGates: this.outlook.gates(this.input.plan, this.state),
      probes: { candidate: this.outlook.probes(this.input.plan.candidate), baseline: this.outlook.probes(this.input.plan.baseline) },
      split: this.split.evidence, decisions: [...this.decisions], persisted: this.writer.idle,
    };
  }

  private decide(command: Command | null, moment: Moment): ExplainedDecision[] | null {
    if (this.following) return null;
    const { input: { plan, edits }, state: before } = this;
    const atMs = awaitsAcknowledgement(before) ? (this.tie ?? this.ports).acknowledgedAtMs?.(moment.monotonicMs) : undefined;
    const evidence = this.outlook.around(this.evidence(command, moment), plan, before, this.writer.failing, edits, acknowledgedAfter(before, atMs, moment));
    const { state, effects, reasons } = decide(plan, before, evidence, moment.nowMs);
    if (plan.group) this.ready = reasons.length === 0 && ready({ plan, state, evidence, nowMs: moment.nowMs });
    if (reasons.length === 0) return null;
    this.state = state;
    for (const effect of effects) this.apply(effect, before, moment);
    this.tie?.decided(effects);
    if (state !== before) this.writer.put(state);
    return reasons.map((decision) => this.record(decision, { inputs: { plan, state: before, evidence }, effects, after: state }));
  }

  /** What this sidecar saw itself. */
  private own(command: Command | null, { monotonicMs }: Moment): Evidence {
    return { ...this.judge.evidence(command, monotonicMs, this.tie?.ownShare), split: this.split.evidence, candidateCohorts: this.split.exposed };
  }

  /** What is decided on: in a fleet, what all its sidecars saw. */
  private evidence(command: Command | null, moment: Moment): Evidence {
    const own = this.own(command, moment);
    return this.tie?.evidence(own, moment.monotonicMs) ?? own;
  }

  private apply(effect: Effect, before: RolloutState, { monotonicMs }: Moment): void {
    switch (effect.kind) {
      case "setWeight":
        // The state has the weight already; the controller publishes all weights in one revision.
        return this.judge.weightChanged(monotonicMs);
      case "beginStep":
        this.outlook.beginStep(this.input.plan.baseline, this.input.plan.candidate);
        return this.judge.beginStep(monotonicMs, before.weight === 0);
      case "resetEvidence":
        this.outlook.beginStep(this.input.plan.baseline, this.input.plan.candidate);
        return this.judge.resetEvidence(monotonicMs);
      case "beginCandidate":
        return this.judge.beginCandidate();
      case "rearmLimit":
        return this.judge.rearmLimit(effect.limit);
      case "resetBreaker":
        return this.judge.resetBreaker();
      case "beginVerify":
        return this.judge.beginVerify();
    }
  }

  private record(decision: Decision, from: Pick<DecisionRecord, "inputs" | "effects" | "after">): ExplainedDecision {
    const explained: ExplainedDecision = { ...decision, sentence: explain(decision) };
    this.writer.append({ ...decision, ...from });
    this.tell(explained);
    return explained;
  }

  private tell(decision: ExplainedDecision): void {
    this.decisions.push(decision);
    if (this.decisions.length > recentDecisionsMax) this.decisions.shift();
    this.links.told(decision);
  }

  private newJudge(badBefore: number, moment: Moment): RolloutJudge {
    const { plan } = this.input;
    const { baseline, candidate } = readersOf(this.ports.slab, plan);
    const nowMs = moment.monotonicMs;
    const judge = new RolloutJudge(this.input, baseline, candidate, badBefore, nowMs, this.split, () => this.ports.copies?.(plan.route, plan.candidate) ?? null, this.links.edges.of(this.input, baseline, nowMs));
    // After a restart, or under other limits, a step goes on with evidence of its own.
    if (exposed(this.state)) judge.beginStep(nowMs, true);
    this.tie?.begin(plan, this.state);
    return judge;
  }

  private sendEdges(): void {
    this.edgesSent = true;
    this.ports.sendEdges(this.input.plan.route, this.edges());
  }

  private writeBudget(moment: Moment): void {
    const { monotonicMs } = moment;
    if (this.following || this.input.plan.exposureBudget === null || !exposed(this.state) || monotonicMs - this.budgetWrittenMs < budgetWriteMs) return;
    this.budgetWrittenMs = monotonicMs;
    const { badResponses } = this.evidence(null, moment);
    if (badResponses === this.state.badResponses) return;
    this.state = { ...this.state, badResponses };
    this.writer.put(this.state);
  }
}
