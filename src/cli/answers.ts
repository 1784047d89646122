/** What sidecars made of a document, for people. */
import type { SharedEvent } from "../store/shared-document.ts";

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
