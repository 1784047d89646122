/** Lines that know their colours but not yet how wide the screen is, nor whether it shows colours. */

export type Colour = "bold" | "good" | "bad" | "warning" | "grey";
export type Span = string | readonly [colour: Colour, text: string];
export type Line = readonly Span[];

const codes: Readonly<Record<Colour, string>> = { bold: "1", good: "32", bad: "31", warning: "33", grey: "90" };

/** @param columns what is longer is cut, with an ellipsis */
export function lineText(line: Line, columns: number, colours: boolean): string {
  let left = columns;
  let text = "";
  for (const span of line) {
    const [colour, written] = typeof span === "string" ? [null, span] : span;
    if (written === "") continue;
    const shown = printable(written);
    const cut = shown.length > left ? `${shown.slice(0, Math.max(0, left - 1))}…` : shown;
    text += colours && colour !== null ? `\u001b[${codes[colour]}m${cut}\u001b[0m` : cut;
    left -= cut.length;
    if (cut !== shown || left <= 0) break;
  }
  return text;
}

/** Texts come from others (reasons, names): nothing in them may steer the terminal. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, " ");

export const plainText = (lines: readonly Line[]): string => lines.map((line) => `${lineText(line, Number.POSITIVE_INFINITY, false).trimEnd()}\n`).join("");
