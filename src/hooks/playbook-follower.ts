/**
 * Runs the playbook of a route's rollbacks: one step after the other, each until it is taken or its time is up, each outcome a record of the audit log.
 * What is in the log is done: after a restart, or on the next leader, the rest follows. The rollback is verified meanwhile, and waits for none of it.
 */
import type { PlaybookStep } from "../config/rollout-plan.ts";
import type { WebhookTarget } from "../config/webhook-settings.ts";
import { redactText } from "../core/redact.ts";
import { beginsDrill, beginsRollback, isDecisionRecord } from "../rollout/decision-record.ts";
import { explain } from "../rollout/explain.ts";
import { severityOf } from "../rollout/severity.ts";
import type { DecisionRecord } from "../rollout/types.ts";
import type { AuditRecord, Fence } from "../store/store.ts";
import { deliver, type DeliveryPorts } from "./delivery.ts";
import { type HookEvent, idOf, incidentOf } from "./event.ts";
import type { Following } from "./follower.ts";
import { messageFor } from "./notifier.ts";
import { isPlaybookRecord, type PlaybookRecord } from "../rollout/playbook-record.ts";
import type { HookLog, HookStore } from "./ports.ts";

const pageRecords = 64;

export interface PlaybookPorts extends DeliveryPorts {
  readonly store: HookStore;
  readonly log: HookLog;
  readonly source: string;
  targetOf(name: string): WebhookTarget | undefined;
  fence(): Fence | undefined | null;
  gaveUp(target: string): void;
}

export const playbookKey = (route: string): string => `hooks/playbook/${route}`;

export class PlaybookFollower implements Following {
  readonly key: string;
  private readonly ports: PlaybookPorts;
  private readonly route: string;

  constructor(ports: PlaybookPorts, route: string) {
    this.ports = ports;
    this.route = route;
    this.key = playbookKey(route);
  }

  wants({ record }: AuditRecord): boolean {
    return isDecisionRecord(record) && record.route === this.route && (beginsRollback(record) || beginsDrill(record)) && stepsOf(record).length > 0;
  }

  async take(audit: AuditRecord, signal: AbortSignal): Promise<void> {
    const decision = audit.record as DecisionRecord;
    const known = await this.outcomes(audit.seq);
    let stopped = false;
    for (const [index, step] of stepsOf(decision).entries()) {
      const outcome = known.get(index) ?? (await this.run(audit, decision, index, stopped, signal)).outcome;
      if (outcome === "failed" && step.onFailure === "stop") stopped = true;
    }
  }

  /** What this rollback's playbook has come to, by the log. */
  private async outcomes(rollback: number): Promise<ReadonlyMap<number, PlaybookRecord["outcome"]>> {
    const known = new Map<number, PlaybookRecord["outcome"]>();
    for (let from = rollback + 1; ; ) {
      const page = await this.ports.store.audit(from, pageRecords);
      for (const { record } of page) if (isPlaybookRecord(record) && record.route === this.route && record.rollback === rollback) known.set(record.index, record.outcome);
      if (page.length < pageRecords) return known;
      from = page.at(-1)!.seq + 1;
    }
  }

  private async run(audit: AuditRecord, decision: DecisionRecord, index: number, stopped: boolean, signal: AbortSignal): Promise<PlaybookRecord> {
    const { ports } = this;
    const step = stepsOf(decision)[index]!;
    const startedMs = ports.clock.monotonicMs();
    const leftOut = beginsDrill(decision) && step.drill !== "call" ? "a drill leaves it out" : stopped ? "one before it failed" : null;
    const result = leftOut === null ? await this.call(audit, decision, index, signal) : ({ outcome: "skipped", attempts: 0, status: null, detail: leftOut } as const);
    const { route, rollout, candidate, revision } = decision;
    const record: PlaybookRecord = {
      kind: "playbook", route, ...(rollout === undefined ? {} : { rollout }), candidate, revision, rollback: audit.seq, index, step: step.name, target: step.target, ...(beginsDrill(decision) ? { drill: true } : {}), ...result, tookMs: Math.round(ports.clock.monotonicMs() - startedMs),
    };
    const fence = ports.fence() ?? undefined;
    await ports.store.append(record, { id: stepIdOf(audit, index), ...(fence === undefined ? {} : { fence }) });
    if (record.outcome === "done") ports.log.info({ playbook: record }, "A playbook's step is done.");
    else if (record.drill === true) ports.log.warn({ playbook: record }, record.outcome === "failed" ? "A playbook's step failed in a drill." : "A playbook's step was left out in a drill.");
    else ports.log.error({ playbook: record }, record.outcome === "failed" ? "A playbook's step failed." : "A playbook's step was left out, because one before it failed.");
    return record;
  }

  private async call(audit: AuditRecord, decision: DecisionRecord, index: number, signal: AbortSignal): Promise<Pick<PlaybookRecord, "outcome" | "attempts" | "status" | "detail">> {
    const { ports } = this;
    const { target: name } = stepsOf(decision)[index]!;
    const target = ports.targetOf(name);
    if (target === undefined) return { outcome: "failed", attempts: 0, status: null, detail: "this sidecar's webhooks.targets do not have it" };
    const event = stepEvent(audit, decision, index);
    const { result: { outcome, status, detail }, attempts } = await deliver(ports, target, () => messageFor(target, event, ports.source), ports.clock.wallMs() + target.giveUpAfterMs, signal);
    if (outcome !== "taken") ports.gaveUp(name);
    return { outcome: outcome === "taken" ? "done" : "failed", attempts, status, detail };
  }
}

const stepsOf = ({ inputs }: DecisionRecord): readonly PlaybookStep[] => inputs?.plan.playbook ?? [];

/** The same for every attempt, also of another process. */
const stepIdOf = (audit: AuditRecord, index: number): string => `${idOf(audit)}-step-${index + 1}`;

function stepEvent(audit: AuditRecord, decision: DecisionRecord, index: number): HookEvent {
  const steps = stepsOf(decision);
  const { route, candidate, revision, reason, command, badResponses, inputs } = decision;
  const step = steps[index]!.name;
  const why = redactText(explain(decision));
  const severity = severityOf(reason) === "info" ? "warn" : severityOf(reason);
  const drill = beginsDrill(decision);
  return {
    id: stepIdOf(audit, index), type: "dev.ebbgate.playbook.step", time: audit.time, route, severity, sentence: `${drill ? "Drill: " : ""}${route}: playbook step '${step}' (${index + 1} of ${steps.length}) is to be done: ${why}`,
    data: {
      drill, step, number: index + 1, of: steps.length, rollback: audit.seq, route, baseline: inputs!.plan.baseline, candidate, revision, reason, sentence: why, severity, badResponses,
      command: command === null ? null : { ...command, why: redactText(command.why) },
    },
    incident: { key: incidentOf(decision, drill), over: false },
  };
}
