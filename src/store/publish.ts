/** Writes a shared document and listens to what the sidecars make of it. */
import { setTimeout as delay } from "node:timers/promises";
import { parseShared, withRevision } from "../config/shared.ts";
import type { Change, HistoryEntry, SharedDocument, SharedEvent, SharedText } from "./shared-document.ts";

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

/** What is there now; null: nothing. @throws StoreError */
export async function currentText(document: SharedDocument): Promise<SharedText | null> {
  const found = await document.read(null);
  return found === undefined || found === "same" ? null : found;
}

/** @param there what is to be replaced @param wanted what the new document says itself; null: nothing */
export async function revisionFor(document: SharedDocument, there: SharedText | null, wanted: number | null): Promise<number> {
  const running = there === null ? null : parseShared(there.text, document.place, null);
  return nextRevision(await document.history(), Math.max(wanted === null ? 0 : wanted - 1, running?.ok === true ? (running.value.revision ?? 0) : 0));
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
