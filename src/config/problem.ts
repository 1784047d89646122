/** Keys and list positions from the document's root. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a document: where, what was found, why it is wrong, and what to write instead. */
export interface ConfigProblem {
  readonly file: string;
  /** 1-based; 0 where the file as a whole is meant. */
  readonly line: number;
  /** 1-based; 0 where the file as a whole is meant. */
  readonly column: number;
  /** As `routes[0].variants[1].weight`; empty for the document itself. */
  readonly path: string;
  /** The offending value as JSON, shortened; absent where a key is missing or the key itself is wrong. A value that came
   * from the environment is shown as it is written in the file: it may be a secret. */
  readonly value?: string;
  readonly message: string;
  readonly remedy: string;
}

/** A problem before it has a place: what schema and semantic checks return. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
  readonly remedy: string;
  /** Points at the key instead of its value: an unknown or misplaced key. */
  readonly atKey?: boolean;
}

/** One line: `file:line:column: path: message (value). Remedy.` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === "" ? "" : ` ${problem.path}:`;
  const value = problem.value === undefined ? "" : ` (got ${problem.value})`;
  return `${place}:${path} ${problem.message}${value}. ${problem.remedy}.`;
}

export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Of a value in a message. */
export const shownCharactersMax = 80;
