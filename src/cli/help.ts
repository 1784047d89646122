import type { ArgumentsSpec, Command, OptionSpec, PositionalsSpec } from "./args.ts";

/** As `ebbgate audit [options] ACTION`. */
export const usageLine = ({ name, positionals }: ArgumentsSpec): string => ["ebbgate", name, "[options]", ...(positionals === undefined ? [] : [positionalLabel(positionals)])].join(" ");

/** The help of one command: usage, options, examples, exit codes. Plain text, made from the same table that parses. */
export function commandHelp(spec: ArgumentsSpec): string {
  const options: [string, string][] = Object.entries(spec.options).map(([name, option]) => [optionLabel(name, option), optionText(option)]);
  options.push(["-h, --help", "Show this help."]);
  const positional = spec.positionals;
  const sections = [`${spec.summary}\n`, `Usage:\n  ${usageLine(spec)}\n`];
  if (positional !== undefined) sections.push(`Arguments:\n${table([[positional.name, positionalText(positional)]])}`);
  sections.push(`Options:\n${table(options)}`);
  if (spec.examples.length > 0) sections.push(`Examples:\n${table(spec.examples)}`);
  if (spec.exits !== undefined) sections.push(`Exit codes:\n${table(spec.exits.map(([code, means]) => [String(code), means]))}`);
  return sections.join("\n");
}

/** What a code means where a command's own help says nothing else. */
export const usualExits: readonly (readonly [code: number, means: string])[] = [
  [0, "done"],
  [1, "what was asked was refused, or failed"],
  [2, "wrong usage"],
  [3, "the sidecar, or Redis, could not be reached"],
];

/** What the environment may say. Secrets stand here, and never on a command line, which every user of the machine can read. */
export const environment: readonly (readonly [name: string, means: string])[] = [
  ["EBBGATE_ADMIN", "where the admin API is, as --admin (default http://127.0.0.1:9901)"],
  ["EBBGATE_TOKEN", "a token for the admin API, where it asks for one; or --token-file"],
  ["EBBGATE_STORE_PASSWORD", "the password for --store redis://..."],
  ["EBBGATE_USER", "who asks, for the audit log (default: the user's name)"],
  ["NO_COLOR", "no colours, if it is anything but empty"],
];

/** The list of commands. */
export function programHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const groups = grouped(commands).map(([group, members]) => `${group}:\n${table(members.map(({ name, summary }) => [name.padEnd(width), summary]))}`);
  return [
    "ebbgate: a sidecar reverse proxy that makes releasing safe.\n",
    "Usage:\n  ebbgate COMMAND [options]\n",
    ...groups,
    "Run 'ebbgate COMMAND --help' for a command's options, examples and exit codes.\n",
    `Environment:\n${table(environment)}`,
    `Exit codes:\n${table(usualExits.map(([code, means]) => [String(code), means]))}`,
  ].join("\n");
}

/** In the table's order; what has no group comes first. */
export function grouped(commands: readonly Command[]): [group: string, members: Command[]][] {
  return [...Map.groupBy(commands, ({ group }) => group ?? "Commands")];
}

export function optionLabel(name: string, option: OptionSpec): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${name}${option.type === "boolean" ? "" : ` ${option.value ?? "VALUE"}`}`;
}

export function optionText(option: OptionSpec): string {
  const choices = option.choices === undefined ? "" : ` One of: ${option.choices.join(", ")}.`;
  return `${option.help}${choices}${option.multiple === true ? " May be given several times." : ""}`;
}

export function positionalText({ choices, help }: PositionalsSpec): string {
  // What is listed in the help already is not listed twice.
  return choices === undefined || choices.every((choice) => help.includes(choice)) ? help : `${help} One of: ${choices.join(", ")}.`;
}

function positionalLabel({ name, min, max }: PositionalsSpec): string {
  const dots = max > 1 && !name.includes(" ") ? "..." : "";
  return min === 0 ? `[${name}${dots}]` : `${name}${dots}`;
}

/** What is longer goes on below itself: most terminals are wider than this. */
const lineMax = 116;
const textMin = 40;

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  const textMax = Math.max(textMin, lineMax - width - 4);
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${wrapped(right, textMax).join(`\n${" ".repeat(width + 4)}`)}\n`).join("");
}

/** @returns lines of at most `max` signs, and longer words alone on theirs */
function wrapped(text: string, max: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= max) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
