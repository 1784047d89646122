/** What became of a playbook's step, as the audit log has it. */
export const stepOutcomes = ["done", "failed", "skipped"] as const;
export type StepOutcome = (typeof stepOutcomes)[number];

export interface PlaybookRecord {
  readonly kind: "playbook";
  readonly route: string;
  /** The rollout's name; absent: it is called as its route. */
  readonly rollout?: string;
  readonly candidate: string;
  readonly revision: string;
  /** Only a drill called for it. */
  readonly drill?: true;
  /** The seq of the rollback's own record, or of the drill's. */
  readonly rollback: number;
  /** From 0. */
  readonly index: number;
  /** The step's name. */
  readonly step: string;
  readonly target: string;
  readonly outcome: StepOutcome;
  readonly attempts: number;
  /** Of the last answer; null: there was none. */
  readonly status: number | null;
  /** For people. */
  readonly detail: string;
  /** Milliseconds from the first attempt to the outcome. */
  readonly tookMs: number;
}

export const isPlaybookRecord = (record: object): record is PlaybookRecord => "kind" in record && record.kind === "playbook" && "step" in record && typeof record.step === "string";
