/**
 * Writes what is made from the commands' own tables: docs/cli.md and man/ebbgate.1. Run it after a change of a command: `node scripts/cli-reference.ts`.
 * A test holds the files against it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArgumentsSpec } from "../src/cli/args.ts";
import { environment, grouped, optionLabel, optionText, positionalText, usageLine, usualExits } from "../src/cli/help.ts";
import { commands } from "../src/commands.ts";
import { manPage } from "./man-page.ts";

export interface Section {
  readonly group: string;
  readonly members: readonly ArgumentsSpec[];
}

/** Path from the repository's root -> what the file must hold. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const sections = await Promise.all(grouped(commands).map(async ([group, members]): Promise<Section> => ({ group, members: await Promise.all(members.map(async ({ load }) => (await load()).spec)) })));
  return new Map([
    ["docs/cli.md", page(sections)],
    ["man/ebbgate.1", manPage(sections)],
  ]);
}

function page(sections: readonly Section[]): string {
  const list = sections.map(({ group, members }) => `- **${group}**: ${members.map(({ name }) => `[\`${name}\`](#${name})`).join(", ")}`).join("\n");
  return `# The command line

<!-- Made by scripts/cli-reference.ts from the commands' own tables in src/cli/. Do not edit. -->

\`ebbgate help\` lists the commands, \`ebbgate COMMAND --help\` says all of this page about one, \`man ebbgate\` has it after an installation with npm. Data goes to stdout and messages to stderr; \`--json\` gives scripts what
people read in tables; a question is asked only on a terminal.

${list}

**Completion**: \`source <(ebbgate completion bash)\` in \`~/.bashrc\`; \`ebbgate completion zsh > "\${fpath[1]}/_ebbgate"\`; \`ebbgate completion fish > ~/.config/fish/completions/ebbgate.fish\`. Names of rollouts are completed from the
running sidecar.

| exit code | means, where a command says nothing else |
|---|---|
${usualExits.map(([code, means]) => `| ${code} | ${means} |`).join("\n")}

| environment | |
|---|---|
${environment.map(([name, means]) => `| \`${name}\` | ${cell(means)} |`).join("\n")}

${sections.flatMap(({ members }) => members.map(commandPage)).join("\n")}`;
}

function commandPage(spec: ArgumentsSpec): string {
  const { positionals, options, examples, exits } = spec;
  const rows: [string, string][] = [
    ...(positionals === undefined ? [] : [[`\`${positionals.name}\``, positionalText(positionals)] as [string, string]]),
    ...Object.entries(options).map(([name, option]): [string, string] => [`\`${optionLabel(name, option).trim()}\``, optionText(option)]),
  ];
  const width = Math.max(...examples.map(([command]) => command.length));
  return `## ${spec.name}

${spec.summary}

\`\`\`sh
${usageLine(spec)}

${examples.map(([command, does]) => `${command.padEnd(width)}   # ${does}`).join("\n")}
\`\`\`
${rows.length === 0 ? "" : `\n| argument, option | |\n|---|---|\n${rows.map(([name, text]) => `| ${cell(name)} | ${cell(text)} |`).join("\n")}\n`}${exits === undefined ? "" : `\nExit codes: ${exits.map(([code, means]) => `${code} ${means}`).join("; ")}.\n`}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  for (const [path, text] of await generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
