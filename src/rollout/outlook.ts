/** What one rollout sees around it: its region, its group, its store, its probes, and what its step has shown so far. */
import { notWorseThreshold } from "../judge/advance.ts";
import type { Edit } from "../config/edition.ts";
import type { RolloutPlan } from "../config/rollout-plan.ts";
import type { RolloutPorts } from "./ports.ts";
import { gateQuestion } from "./questions.ts";
import type { Evidence, GateAnswer, Peer, ProbeEvidence, RolloutState, Surroundings } from "./types.ts";

type OutlookPorts = Pick<RolloutPorts, "region" | "partitioned" | "probes" | "externalGates">;

interface ProbeMark {
  readonly sent: number;
  readonly failed: number;
}

export class Outlook {
  private readonly ports: OutlookPorts;
  private readonly route: string;
  private readonly peers: () => readonly Peer[];
  private shown: boolean[] = [];
  private mark: Readonly<Record<string, ProbeMark>> = {};

  constructor(ports: OutlookPorts, route: string, peers: () => readonly Peer[]) {
    this.ports = ports;
    this.route = route;
    this.peers = peers;
  }

  /** A step begins, or its evidence starts over: what was shown and probed before counts no more. */
  beginStep(...variants: readonly string[]): void {
    this.shown = [];
    this.mark = Object.fromEntries(variants.map((variant) => {
      const probes = this.ports.probes?.(this.route, variant) ?? null;
      return [variant, { sent: probes?.sent ?? 0, failed: probes?.failed ?? 0 }];
    }));
  }

  /** Takes in the moment's evidence, and gives it with its surroundings. @param storeFailing the last write failed @param edits of the route, newest first @param acknowledged see `Surroundings.acknowledgedAfterMs` */
  around(evidence: Evidence, plan: RolloutPlan, state: RolloutState, storeFailing: boolean, edits: readonly Edit[] = [], acknowledged?: number | null): Evidence {
    this.shown = evidence.limits.map((limit, i) => this.shown[i] === true || limit.notWorse >= notWorseThreshold);
    const answers = this.gates(plan, state);
    const around: Surroundings = {
      region: evidence.around?.region ?? this.ports.region ?? null,
      partitioned: storeFailing || (this.ports.partitioned?.() ?? false),
      peers: this.peers(),
      candidateProbes: this.probes(plan.candidate),
      baselineProbes: this.probes(plan.baseline),
      ...(answers === null ? {} : { externalGates: answers }),
      shown: this.shown,
      ...(edits.length === 0 ? {} : { document: documentOf(edits, state.edition) }),
      ...(acknowledged === undefined ? {} : { acknowledgedAfterMs: acknowledged }),
    };
    return { ...evidence, around };
  }

  /** What external gates have said of the next step; null: it asks none. */
  gates(plan: RolloutPlan, state: RolloutState): readonly GateAnswer[] | null {
    const question = gateQuestion(plan, state);
    return question === null ? null : (this.ports.externalGates?.(question) ?? []);
  }

  /** Of this step. */
  probes(variant: string): ProbeEvidence | null {
    const now = this.ports.probes?.(this.route, variant) ?? null;
    if (now === null) return null;
    const mark = this.mark[variant] ?? { sent: 0, failed: 0 };
    const sent = now.sent - mark.sent;
    if (sent < 0) return now;
    return { sent, failed: now.failed - mark.failed, goodInRow: Math.min(now.goodInRow, sent), failedInRow: Math.min(now.failedInRow, sent) };
  }
}

/** @param edits newest first @param known the edition that was decided on last; null: none was, and only who made the newest is of this revision for certain */
function documentOf(edits: readonly Edit[], known: string | null): NonNullable<Surroundings["document"]> {
  const at = known === null ? 1 : edits.findIndex(({ edition }) => edition === known);
  const since = at < 0 ? edits : edits.slice(0, at);
  return { edition: edits[0]!.edition, by: since.flatMap(({ by }) => by ?? []).toReversed() };
}
