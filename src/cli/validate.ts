import { relative, resolve } from "node:path";
import type { DynamicConfiguration } from "../config/definition.ts";
import type { DocumentKind } from "../config/json-schema.ts";
import { loadConfiguration, loadDynamic, readSource } from "../config/load.ts";
import { type ConfigProblem, formatProblem } from "../config/problem.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";

export const spec = {
  name: "validate",
  summary: "Check configuration files, and the dynamic documents that they name, without running anything.",
  positionals: { name: "FILE", min: 1, max: Infinity, completes: "file", help: "A bootstrap or dynamic document, YAML or JSON." },
  options: {
    kind: { type: "string", choices: ["bootstrap", "dynamic"], value: "KIND", help: "What the files are. Left out: a file with routes and no listeners is dynamic." },
    json: { type: "boolean", help: "Print one JSON object instead of lines." },
    quiet: { type: "boolean", short: "q", help: "Say nothing about good files." },
  },
  examples: [
    ["ebbgate validate ebbgate.yaml", "before a deployment"],
    ["ebbgate validate --json config/*.yaml", "in a pipeline"],
  ],
  exits: [
    [0, "every file is good"],
    [1, "a file has problems, or cannot be read"],
    [2, "wrong usage"],
  ],
} as const;

interface FileReport {
  readonly file: string;
  readonly kind: DocumentKind;
  readonly valid: boolean;
  readonly problems: readonly ConfigProblem[];
  /** What the gate policy of a good file misses, where it only warns. */
  readonly warnings?: readonly string[];
  /** Of a good file. */
  readonly hash?: string;
  readonly routes?: number;
}

/** `ebbgate validate FILE...`: data on stdout, problems on stderr (in the JSON with `--json`). */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { kind, json, quiet } = args.values;
  const reports: FileReport[] = [];
  for (const file of args.positionals) reports.push(await validate(file, kind as DocumentKind | undefined, io));
  const valid = reports.every((report) => report.valid);
  if (json) io.stdout.write(`${JSON.stringify({ valid, files: reports })}\n`);
  else for (const report of reports) writeReport(report, quiet, io);
  return valid ? exitCodes.ok : exitCodes.failed;
}

async function validate(file: string, wanted: DocumentKind | undefined, io: CliIo): Promise<FileReport> {
  const path = resolve(io.cwd, file);
  const kind = wanted ?? (await guessKind(path, io));
  if (kind === "dynamic") {
    const loaded = await loadDynamic(path, io.env);
    return loaded.ok
      ? goodReport(file, kind, loaded.value)
      : { file, kind, valid: false, problems: shorten(loaded.problems, io) };
  }
  const loaded = await loadConfiguration(path, io.env);
  return loaded.ok
    ? goodReport(file, kind, loaded.value.dynamic)
    : { file, kind, valid: false, problems: shorten(loaded.problems, io) };
}

const goodReport = (file: string, kind: DocumentKind, { hash, routes, warnings }: DynamicConfiguration): FileReport => ({ file, kind, valid: true, problems: [], warnings, hash, routes: routes.length });

async function guessKind(path: string, io: CliIo): Promise<DocumentKind> {
  const read = await readSource(path, io.env);
  const data = read.ok ? read.source.data : undefined;
  const has = (key: string): boolean => typeof data === "object" && data !== null && Object.hasOwn(data, key);
  return has("routes") && !has("listeners") && !has("dynamic") ? "dynamic" : "bootstrap";
}

/** Paths as the caller would write them, where they are below the working directory. */
function shorten(problems: readonly ConfigProblem[], io: CliIo): ConfigProblem[] {
  return problems.map((problem) => {
    const near = relative(io.cwd, problem.file);
    return near.startsWith("..") ? problem : { ...problem, file: near };
  });
}

function writeReport(report: FileReport, quiet: boolean, io: CliIo): void {
  for (const warning of report.warnings ?? []) io.stderr.write(`${report.file}: warning: ${warning}\n`);
  for (const problem of report.problems) io.stderr.write(`${formatProblem(problem)}\n`);
  if (!report.valid) {
    const count = report.problems.length;
    io.stderr.write(`${report.file}: refused, ${count} ${count === 1 ? "problem" : "problems"}\n`);
  } else if (!quiet) {
    io.stdout.write(`${report.file}: good (${report.kind}, ${report.routes} ${report.routes === 1 ? "route" : "routes"})\n`);
  }
}
