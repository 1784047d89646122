/** What people may ask of a rollout: a row for each command. */

export type Verb = "promote" | "pause" | "resume" | "rollback" | "approve" | "override" | "drill";

export interface VerbRow {
  readonly verb: Verb;
  /** Of the command, for its help. */
  readonly summary: string;
  /** It may give the candidate more: it is held against what was seen (If-Match), and a person at a terminal is asked first. */
  readonly raises: boolean;
  readonly reason: "demanded" | "optional";
  readonly examples: readonly (readonly [command: string, does: string])[];
}

export const verbTable: readonly VerbRow[] = [
  {
    verb: "promote", raises: true, reason: "optional",
    summary: "Enter the next step now, without waiting for its time and evidence; at the last one, end the bake. Freeze windows, approvals and external gates still hold.",
    examples: [["ebbgate promote shop", "the next step, after a question"], ["ebbgate promote shop --yes --json", "for scripts"]],
  },
  {
    verb: "pause", raises: false, reason: "optional",
    summary: "Keep a rollout at its weight until somebody resumes it. It can still be rolled back, by itself too.",
    examples: [["ebbgate pause shop --reason 'we look at the logs'", "stays where it is"]],
  },
  {
    verb: "resume", raises: true, reason: "optional",
    summary: "Go on after a pause, or take regions back in that a limit took out.",
    examples: [["ebbgate resume shop", "goes on from where it was"]],
  },
  {
    verb: "rollback", raises: false, reason: "demanded",
    summary: "Take the candidate's users away now and quarantine its revision; the route's playbook then reverts code and configuration, and the recovery is verified.",
    examples: [
      ["ebbgate rollback shop --reason 'orders are lost'", "routing at once, then the playbook: one command"],
      ["ebbgate rollback shop --reason 'orders are lost' --store redis://redis:6379", "no sidecar's admin port can be reached"],
      ["ebbgate rollback shop --reason x && ebbgate watch shop --until-done", "and see it verified"],
    ],
  },
  {
    verb: "approve", raises: true, reason: "optional",
    summary: "Allow the step that asks for an approval. The weight rises when its evidence is there too.",
    examples: [["ebbgate approve shop --reason 'load test is good'", "the step that waits"]],
  },
  {
    verb: "override", raises: true, reason: "demanded",
    summary: "Break the glass: run a quarantined revision again, or end a cooldown. Who and why stand in the audit log.",
    examples: [["ebbgate override shop --reason 'the database was the cause'", "starts over from the first step"]],
  },
  {
    verb: "drill", raises: true, reason: "demanded",
    summary: "Rehearse a rollback while nothing is wrong: the candidate's users are taken away, it is measured how long everything takes, and they come back. Nothing is quarantined.",
    examples: [["ebbgate drill shop --reason 'game day'", "then watch it: ebbgate watch shop"]],
  },
];

/** What became of it. */
export interface Outcome {
  readonly outcome: "accepted" | "forwarded" | "left";
  /** One sentence for people. */
  readonly detail: string;
  /** As the audit log has it; null: it is not there yet. */
  readonly decision: object | null;
}

/** Who asks for what. */
export interface Asked {
  readonly row: VerbRow;
  readonly name: string;
  readonly reason: string;
  readonly yes: boolean;
}
