/** Writes a shared document and listens to what the sidecars make of it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Change, HistoryEntry, SharedDocument, SharedEvent } from "../store/shared-document.ts";
import { withRevision } from "../config/shared.ts";

/** After the last answer: sidecars answer within milliseconds of each other. */
const quietMs = 300;

export interface Published {
  readonly revision: number;
  /** Null: somebody else wrote between our reading and our writing. */
  readonly answers: readonly SharedEvent[] | null;
}

/** The revision after all that anybody has used. */
export function nextRevision(history: readonly HistoryEntry[], current: number | null): number {
  return Math.max(0, current ?? 0, ...history.map((entry) => entry.revision ?? 0)) + 1;
}

/**
 * @param text the document; its revision is replaced
 * @param expected digest of what is there now; null: nothing
 * @param waitMs how long the first answer is waited for
 */
export async function publish(document: SharedDocument, text: string, expected: string | null, change: Omit<Change, "revision"> & { readonly revision: number }, waitMs: number): Promise<Published> {
  const { revision } = change;
  const written = withRevision(text, revision);
  const answers: SharedEvent[] = [];
  let wake: () => void = () => undefined;
  const live = Promise.withResolvers<void>();
  const end = document.onEvent((event) => {
    answers.push(event);
    wake();
  }, live.resolve);
  try {
    // Nobody's answer is to be missed; but a broken subscription must not keep a rollback from being written.
    if (waitMs > 0) await Promise.race([live.promise, delay(waitMs)]);
    if (!(await document.write(written, expected, change))) return { revision, answers: null };
    for (let patience = waitMs; patience > 0; ) {
      const answer = new Promise<true>((resolve) => (wake = () => resolve(true)));
      const more = await Promise.race([answer, delay(patience, false)]);
      patience = more ? Math.min(quietMs, waitMs) : 0;
    }
    const ours = new Map(answers.filter((event) => event.revision === revision || event.event === "refused").map((event) => [event.instance, event]));
    return { revision, answers: [...ours.values()].toSorted((a, b) => (a.instance < b.instance ? -1 : 1)) };
  } finally {
    end();
  }
}

/** What became of it, a line each, and whether everybody took it. */
export function describeAnswers(answers: readonly SharedEvent[]): { readonly text: string; readonly refused: boolean } {
  const taken = answers.filter(({ event }) => event === "taken").map(({ instance }) => instance);
  const refused = answers.filter(({ event }) => event !== "taken");
  const lines = [
    ...(answers.length === 0 ? ["no sidecar has answered yet: those that start later take it"] : []),
    ...(taken.length > 0 ? [`taken by ${taken.length} ${taken.length === 1 ? "sidecar" : "sidecars"}: ${taken.join(", ")}`] : []),
    ...refused.flatMap(({ instance, problems }) => [`refused by ${instance}:`, ...problems.map((problem) => `  ${problem}`)]),
  ];
  return { text: `${lines.join("\n")}\n`, refused: refused.length > 0 };
}
