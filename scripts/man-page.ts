/** man/ebbgate.1: the commands' tables in roff's man macros, which every man reads. */
import { environment, optionLabel, optionText, positionalText, usageLine, usualExits } from "../src/cli/help.ts";
import type { Section } from "./cli-reference.ts";

export function manPage(sections: readonly Section[]): string {
  const commands = sections.flatMap(({ group, members }) => [
    `.SS ${roff(group)}`,
    ...members.flatMap((spec) => [
      ".TP", `.B ${roff(usageLine(spec))}`, roff(spec.summary), ".RS",
      ...(spec.positionals === undefined ? [] : item(spec.positionals.name, positionalText(spec.positionals))),
      ...Object.entries(spec.options).flatMap(([name, option]) => item(optionLabel(name, option).trim(), optionText(option))),
      ".PP", "Examples:", ".PP", ".nf", ...spec.examples.flatMap(([command, does]) => [`\\& # ${roff(does)}`, `\\& ${roff(command)}`]), ".fi",
      ...(spec.exits === undefined ? [] : [".PP", `Exit codes: ${roff(spec.exits.map(([code, means]) => `${code} ${means}`).join("; "))}.`]),
      ".RE",
    ]),
  ]);
  return [
    '.\\" Made by scripts/cli-reference.ts from the commands\\(aq own tables. Do not edit.',
    '.TH EBBGATE 1 "" "ebbgate" "User Commands"',
    ".SH NAME", "ebbgate \\- a sidecar reverse proxy that makes releasing safe",
    ".SH SYNOPSIS", ".B ebbgate", ".I COMMAND", "[options]",
    ".SH DESCRIPTION",
    roff("It stands in front of the versions of a service, splits traffic between them by user, measures every version itself, and moves traffic back to the baseline by itself when what it measured breaches the limits."),
    ".PP", roff("Data goes to stdout and messages to stderr. --json gives scripts what people read in tables. A question is asked only on a terminal."),
    ".SH COMMANDS", ...commands,
    ".SH ENVIRONMENT", ...environment.flatMap(([name, means]) => item(name, means)),
    ".SH EXIT STATUS", ...usualExits.flatMap(([code, means]) => item(String(code), means)), "",
  ].join("\n");
}

const item = (name: string, text: string): string[] => [".TP", `.B ${roff(name)}`, roff(text)];

/** Signs that roff would read as its own. */
const roff = (text: string): string => text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll('"', "\\(dq").replaceAll("`", "\\(ga").replaceAll("^", "\\(ha").replaceAll("~", "\\(ti").replace(/^\./, "\\&.");
