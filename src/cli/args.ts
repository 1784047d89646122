import { parseArgs } from "node:util";
import { nearest } from "../config/nearest.ts";
import { commandHelp, programHelp } from "./help.ts";

/** What a command may touch of the process. Data goes to `stdout`, messages to `stderr`. */
export interface CliIo {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths on the command line start here. */
  readonly cwd: string;
}

export interface TextSink {
  write(text: string): unknown;
  /** Decides about colours, live updates and prompts. */
  readonly isTTY?: boolean;
}

/** What every command's exit code means; a command documents any other one in its help. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What the value is called in the help, as `FILE`. */
  readonly value?: string;
  /** The only values that are taken. */
  readonly choices?: readonly string[];
  /** What a shell offers for the value, where it is none of `choices`. */
  readonly completes?: Completes;
  readonly help: string;
}

export type Completes = "file" | "directory" | "rollout";

export interface PositionalsSpec {
  readonly name: string;
  readonly min: number;
  /** Infinity takes any number. */
  readonly max: number;
  /** The only values that are taken. */
  readonly choices?: readonly string[];
  /** The only values that the first one may have. */
  readonly first?: readonly string[];
  readonly completes?: Completes;
  readonly help: string;
}

export interface ArgumentsSpec {
  readonly name: string;
  readonly summary: string;
  readonly positionals?: PositionalsSpec;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** Codes beyond `exitCodes`, or what one of them means here. */
  readonly exits?: readonly (readonly [code: number, means: string])[];
}

type OptionValue<O extends OptionSpec> = O["type"] extends "boolean" ? boolean : O extends { readonly multiple: true } ? string[] : string | undefined;

export interface Arguments<S extends ArgumentsSpec> {
  readonly values: { readonly [K in keyof S["options"]]: OptionValue<S["options"][K]> };
  readonly positionals: readonly string[];
}

/** One row of the command table. A command's module is loaded only when it is asked for: start-up stays fast. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** The heading that the list of commands puts it under. */
  readonly group?: string;
  readonly load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** What the command takes: its help, its page of the reference and what shells complete are made from it. */
  readonly spec: ArgumentsSpec;
  readonly run: (argv: readonly string[], io: CliIo) => number | Promise<number>;
}

/**
 * Parses a command's own arguments (without its name). `--help` and a usage error are answered here.
 *
 * @returns the arguments, or the exit code where the command is done already
 */
export function parseArguments<const S extends ArgumentsSpec>(spec: S, argv: readonly string[], io: CliIo): Arguments<S> | number {
  const options: Readonly<Record<string, OptionSpec>> = { ...spec.options, help: helpOption };
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(Object.entries(options).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const refuse = (message: string): number => {
    io.stderr.write(`ebbgate ${spec.name}: ${message} (see ebbgate ${spec.name} --help)\n`);
    return exitCodes.usage;
  };
  const values = new Map<string, boolean | string | string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) return refuse(`unknown option ${token.rawName}${didYouMean(token.name, Object.keys(options), "--")}`);
    if (option.type === "boolean") {
      if (token.value !== undefined) return refuse(`--${token.name} takes no value, but got '${token.value}'`);
      values.set(token.name, true);
      continue;
    }
    const value = token.value;
    // A value that looks like an option is more often a forgotten value; `--name=-x` still gives it.
    if (value === undefined || (!token.inlineValue && value.length > 1 && value.startsWith("-"))) {
      return refuse(`--${token.name} needs a value: --${token.name} ${option.value ?? "VALUE"}`);
    }
    if (option.choices !== undefined && !option.choices.includes(value)) return refuse(notOneOf(`--${token.name}`, value, option.choices));
    const before = values.get(token.name);
    if (option.multiple === true) values.set(token.name, Array.isArray(before) ? [...before, value] : [value]);
    else if (before !== undefined) return refuse(`--${token.name} is given twice`);
    else values.set(token.name, value);
  }
  if (values.get("help") === true) {
    io.stdout.write(commandHelp(spec));
    return exitCodes.ok;
  }
  const problem = positionalProblem(spec, positionals);
  if (problem !== undefined) return refuse(problem);
  const filled = Object.entries(spec.options).map(([name, option]): [string, unknown] => [name, values.get(name) ?? absent(option)]);
  return { values: Object.fromEntries(filled) as Arguments<S>["values"], positionals };
}

/**
 * Runs the command that `argv` (without node and script) names, or answers `--help` and `--version`.
 *
 * @returns the exit code; an error that a command throws passes through
 */
export async function dispatch(commands: readonly Command[], argv: readonly string[], io: CliIo, version: string): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    (name === undefined ? io.stderr : io.stdout).write(programHelp(commands));
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (name === "--version" || name === "-V") {
    io.stdout.write(`${version}\n`);
    return exitCodes.ok;
  }
  const wanted = name === "help" ? rest[0]! : name;
  const command = commands.find((one) => one.name === wanted);
  if (command === undefined) {
    const what = wanted.startsWith("-") ? "option" : "command";
    io.stderr.write(`ebbgate: unknown ${what} '${wanted}'${didYouMean(wanted, commands.map((one) => one.name))} (see ebbgate --help)\n`);
    return exitCodes.usage;
  }
  const module = await command.load();
  return module.run(name === "help" ? ["--help"] : rest, io);
}

export const helpOption: OptionSpec = { type: "boolean", short: "h", help: "Show this help." };

function absent(option: OptionSpec): boolean | string[] | undefined {
  if (option.type === "boolean") return false;
  return option.multiple === true ? [] : undefined;
}

function didYouMean(word: string, names: readonly string[], prefix = ""): string {
  const near = nearest(word, names);
  return near === undefined ? "" : `; did you mean ${prefix}${near}?`;
}

function positionalProblem(spec: ArgumentsSpec, given: readonly string[]): string | undefined {
  const { name, min, max, choices, first }: PositionalsSpec = spec.positionals ?? { name: "", min: 0, max: 0, help: "" };
  if (given.length > max) return `unexpected argument '${given[max]}'`;
  if (given.length < min) return `${name} is missing`;
  if (first !== undefined && given[0] !== undefined && !first.includes(given[0])) return notOneOf(name.split(" ")[0]!, given[0], first);
  const wrong = choices === undefined ? undefined : given.find((one) => !choices.includes(one));
  return wrong === undefined || choices === undefined ? undefined : notOneOf(name, wrong, choices);
}

const notOneOf = (name: string, wrong: string, choices: readonly string[]): string => `${name} is one of ${choices.join(", ")}, not '${wrong}'${didYouMean(wrong, choices)}`;
