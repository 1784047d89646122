import type { ArgumentsSpec, Command, OptionSpec } from "./args.ts";

/** The help of one command: usage, options, examples, exit codes. Plain text, made from the same table that parses. */
export function commandHelp(spec: ArgumentsSpec): string {
  const options: [string, string][] = Object.entries(spec.options).map(([name, option]) => [optionLabel(name, option), optionText(option)]);
  options.push(["-h, --help", "Show this help."]);
  const positional = spec.positionals;
  const usage = ["ebbgate", spec.name, "[options]", ...(positional === undefined ? [] : [positionalLabel(positional)])].join(" ");
  const sections = [`${spec.summary}\n`, `Usage:\n  ${usage}\n`];
  if (positional !== undefined) sections.push(`Arguments:\n${table([[positional.name, positional.help]])}`);
  sections.push(`Options:\n${table(options)}`);
  if (spec.examples.length > 0) sections.push(`Examples:\n${table(spec.examples)}`);
  if (spec.exits !== undefined) sections.push(`Exit codes:\n${table(spec.exits.map(([code, means]) => [String(code), means]))}`);
  return sections.join("\n");
}

/** The list of commands. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }): [string, string] => [name, summary]);
  return [
    "ebbgate: a sidecar reverse proxy that makes releasing safe.\n",
    "Usage:\n  ebbgate COMMAND [options]\n",
    `Commands:\n${table(rows)}`,
    "Run 'ebbgate COMMAND --help' for a command's options and examples.\n",
    "Exit codes:\n" + table([["0", "done"], ["1", "what was asked failed"], ["2", "wrong usage"], ["3", "the sidecar could not be reached"]]),
  ].join("\n");
}

function optionLabel(name: string, option: OptionSpec): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}--${name}${option.type === "boolean" ? "" : ` ${option.value ?? "VALUE"}`}`;
}

function optionText(option: OptionSpec): string {
  const choices = option.choices === undefined ? "" : ` One of: ${option.choices.join(", ")}.`;
  return `${option.help}${choices}${option.multiple === true ? " May be given several times." : ""}`;
}

function positionalLabel({ name, min, max }: { readonly name: string; readonly min: number; readonly max: number }): string {
  const dots = max > 1 ? "..." : "";
  return min === 0 ? `[${name}${dots}]` : `${name}${dots}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
