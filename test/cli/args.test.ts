import { expect, test } from "vitest";
import { type Command, dispatch, parseArguments } from "../../src/cli/args.ts";
import { capture } from "./capture.ts";

const spec = {
  name: "deploy",
  summary: "Deploy something.",
  positionals: { name: "TARGET", min: 1, max: 2, help: "Where to." },
  options: {
    json: { type: "boolean", short: "j", help: "As JSON." },
    file: { type: "string", short: "f", value: "FILE", help: "From this file." },
    tag: { type: "string", multiple: true, help: "A tag." },
    mode: { type: "string", choices: ["fast", "slow"], help: "How." },
  },
  examples: [["ebbgate deploy prod", "to production"]],
  exits: [[0, "deployed"]],
} as const;

test("options and arguments are parsed in any order, short and long", () => {
  expect(parseArguments(spec, ["a", "-jf", "x.yaml", "--tag", "1", "--tag=2", "--mode=fast", "--", "--b"], capture())).toEqual({
    values: { json: true, file: "x.yaml", tag: ["1", "2"], mode: "fast" },
    positionals: ["a", "--b"],
  });
  expect(parseArguments(spec, ["a"], capture())).toEqual({ values: { json: false, file: undefined, tag: [], mode: undefined }, positionals: ["a"] });
});

test.each([
  [["a", "--jsn"], "unknown option --jsn; did you mean --json?"],
  [["a", "-x"], "unknown option -x"],
  [["a", "--file"], "--file needs a value: --file FILE"],
  [["a", "--file", "--json"], "--file needs a value: --file FILE"],
  [["a", "--json=1"], "--json takes no value, but got '1'"],
  [["a", "--file=1", "--file=2"], "--file is given twice"],
  [["a", "--mode", "fsat"], "--mode is one of fast, slow, not 'fsat'; did you mean fast?"],
  [["a", "--constructor"], "unknown option --constructor"],
  [[], "TARGET is missing"],
  [["a", "b", "c"], "unexpected argument 'c'"],
])("%j is a usage error with exit code 2, on stderr", (argv, message) => {
  const io = capture();
  expect(parseArguments(spec, argv, io)).toBe(2);
  expect(io.err()).toBe(`ebbgate deploy: ${message} (see ebbgate deploy --help)\n`);
  expect(io.out()).toBe("");
});

test("--help shows every option, the examples and the exit codes, on stdout", () => {
  const io = capture();
  expect(parseArguments(spec, ["--help"], io)).toBe(0);
  for (const part of ["ebbgate deploy [options] TARGET...", "-f, --file FILE", "One of: fast, slow.", "ebbgate deploy prod", "0  deployed"]) expect(io.out()).toContain(part);
  expect(io.err()).toBe("");
});

test("help is no wider than a terminal, and loses no word", () => {
  const io = capture();
  const long = "What this option does takes many words, ".repeat(10).trim();
  parseArguments({ ...spec, options: { ...spec.options, mode: { ...spec.options.mode, help: long } } }, ["--help"], io);
  for (const line of io.out().split("\n")) expect(line.length).toBeLessThanOrEqual(116);
  expect(io.out().replaceAll(/\s+/g, " ")).toContain(long);
});

const commands: Command[] = ["deploy", "status"].map((name) => ({
  name,
  summary: `Do ${name}.`,
  load: () => Promise.resolve({ spec: { name, summary: "", options: {}, examples: [] }, run: (argv, io) => (io.stdout.write(`${name} ${argv.join(" ")}`), 1) }),
}));

test("a command gets its arguments, and its exit code is the program's", async () => {
  const io = capture();
  expect(await dispatch(commands, ["deploy", "x", "--y"], io, "1.2.3")).toBe(1);
  expect(io.out()).toBe("deploy x --y");
});

test.each([[["--help"], 0], [["help"], 0], [["-h"], 0], [["help", "deploy"], 1], [["--version"], 0]])("%j is answered on stdout", async (argv, code) => {
  const io = capture();
  expect(await dispatch(commands, argv, io, "1.2.3")).toBe(code);
  expect(io.out()).not.toBe("");
  expect(io.err()).toBe("");
});

test("a wrong command is told the nearest one, with exit code 2; so is no command", async () => {
  const io = capture();
  expect(await dispatch(commands, ["stauts"], io, "1.2.3")).toBe(2);
  expect(io.err()).toContain("unknown command 'stauts'; did you mean status?");
  expect(await dispatch(commands, [], io, "1.2.3")).toBe(2);
  expect(io.out()).toBe("");
});
