/** `ebbgate completion`, in the shells themselves. A shell that is not installed is left out: apt-get install zsh fish. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandModule } from "../../src/cli/args.ts";
import { commands } from "../../src/commands.ts";
import { run, spec as completionSpec } from "../../src/cli/completion.ts";
import { capture } from "./capture.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

const place = mkdtempSync(join(tmpdir(), "ebbgate-completion-"));
const scripts = new Map<Shell, string>();

beforeAll(async () => {
  for (const name of shells) {
    const io = capture();
    if ((await run([name], io, commands, "1.2.3")) !== 0) throw new Error(io.err());
    const script = join(place, `ebbgate.${name}`);
    writeFileSync(script, io.out());
    scripts.set(name, script);
  }
  mkdirSync(join(place, "work", "here.d"), { recursive: true });
  writeFileSync(join(place, "work", "routes new.yaml"), "");
  // What the scripts ask for the names of rollouts: one of them is not what it seems.
  mkdirSync(join(place, "bin"));
  writeFileSync(join(place, "bin", "ebbgate"), `#!/bin/sh\n[ "$*" = "status --names" ] && printf '%s\\n' shop shipping '$(touch ${join(place, "harm")})'\n`);
  chmodSync(join(place, "bin", "ebbgate"), 0o755);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const has = (name: Shell): boolean => spawnSync(name, ["--version"]).status === 0;

function shell(program: string, args: readonly string[]): string[] {
  const ran = spawnSync(program, args, { cwd: join(place, "work"), encoding: "utf8", timeout: 20_000, env: { ...process.env, PATH: `${join(place, "bin")}${delimiter}${process.env["PATH"]}`, HOME: place, TERM: "dumb" } });
  expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: "" });
  return ran.stdout.split("\n").filter((line) => line !== "");
}

const rows: readonly (readonly [line: string, right: readonly string[], wrong: readonly string[]])[] = [
  ["ebbgate val", ["validate"], ["audit"]],
  ["ebbgate help rep", ["replay", "report"], ["validate"]],
  ["ebbgate audit ", ["list", "verify", "export"], ["shop"]],
  ["ebbgate audit list --js", ["--json"], []],
  ["ebbgate report ", ["shop", "shipping"], []],
  ["ebbgate report shop --format ", ["markdown", "html", "json"], ["shop"]],
  ["ebbgate report --format=h", ["html"], ["shop"]],
  ["ebbgate replay routes", ["routes new.yaml"], []],
  ["ebbgate apply -f routes", ["routes new.yaml"], []],
  ["ebbgate simulate --svg here", ["here.d/"], []],
  ["ebbgate completion ", ["bash", "zsh", "fish"], []],
  ["ebbgate gates re", ["report", "revive"], ["kill"]],
];
const harmful = "ebbgate report $";

/** One interactive zsh for all lines: compinit is slow. */
let known: Map<string, string[]> | undefined;
function zshHits(): Map<string, string[]> {
  if (known !== undefined) return known;
  const [hits, done, setup] = ["hits", "done", "setup"].map((name) => join(place, name)) as [string, string, string];
  writeFileSync(setup, `
autoload -U compinit && compinit -u -D
source ${scripts.get("zsh")!}
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a found; builtin compadd -A found "$@"; print -rl -- $found >> ${hits}
  builtin compadd "$@"
}
finish() { print -r -- "--end" >> ${hits}; : > ${done}; zle kill-buffer }
zle -N finish; bindkey '^I' complete-word; bindkey '^X' finish; setopt no_beep; zstyle ':completion:*' menu no
`);
  const lines = [...rows.map(([line]) => line), harmful];
  const asks = lines.map((line) => `zpty -w -n z '${line}'$'\\t\\C-x'; while [[ ! -e ${done} ]]; do zselect -t 2; zpty -r -t z dump; done; rm ${done}`);
  shell("zsh", ["-f", "-c", `zmodload zsh/zpty zsh/zselect; zpty z zsh -f -i; zpty -w z "source ${setup}"\n${asks.join("\n")}\nzpty -d z; :`]);
  const found = readFileSync(hits, "utf8").split("--end\n");
  known = new Map(lines.map((line, i) => [line, (found[i] ?? "").split("\n").flatMap((hit) => (hit === "" ? [] : [hit.replace(/=$/, "")]))]));
  return known;
}

/** What is offered at the end of the line. */
const offered: Readonly<Record<Shell, (line: string) => string[]>> = {
  bash: (line) => {
    // As readline breaks words: = stands alone.
    const words = line.split(" ").flatMap((word) => word.split(/(=)/).filter((part, i, all) => part !== "" || all.length === 1 || i === all.length - 1));
    if (words.at(-1) === "" && words.at(-2) === "=") words.pop();
    const quoted = words.map((word) => `'${word}'`).join(" ");
    return shell("bash", ["--norc", "-c", `source "$0"; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _ebbgate 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`, scripts.get("bash")!]);
  },
  zsh: (line) => zshHits().get(line) ?? [],
  fish: (line) => shell("fish", ["--no-config", "-c", `source ${scripts.get("fish")!}; complete -C '${line}'`]).map((hit) => hit.split("\t")[0]!),
};

describe.each(shells)("%s", (name) => {
  const ask = offered[name];

  test.skipIf(!has(name))("reads the script without a word of complaint", () => {
    expect(shell(name, ["-n", scripts.get(name)!])).toEqual([]);
  });

  test.skipIf(!has(name)).each(rows)("%s", (line, right, wrong) => {
    // A shell writes names with spaces and directories in its own way.
    const found = ask(line).map((word) => word.replaceAll("\\", "").replace(/\/$/, "").replace(/^--format=/, ""));
    for (const word of right) expect(found, line).toContain(word.replace(/\/$/, ""));
    for (const word of wrong) expect(found, line).not.toContain(word);
  });

  test.skipIf(!has(name))("names of rollouts are words, and never run", () => {
    expect(ask(harmful).join()).not.toContain("shop");
    expect(shell("ls", [place])).not.toContain("harm");
  });
});

test.skipIf(!has("bash"))("every command and every option is offered", async () => {
  const modules = await Promise.all(commands.map(async ({ name, load }): Promise<readonly [string, CommandModule]> => [name, await load()]));
  expect(offered.bash("ebbgate ")).toEqual([...modules.map(([name]) => name), "help", "--help", "--version"]);
  for (const [name, { spec }] of modules) {
    expect(spec.name).toBe(name);
    expect(offered.bash(`ebbgate ${name} --`)).toEqual([...Object.keys(spec.options), "help"].map((option) => `--${option}`));
  }
});

test("a shell that is not known is told the nearest, with exit code 2", async () => {
  const io = capture();
  expect(await run(["fihs"], io, commands, "1.2.3")).toBe(2);
  expect(io.err()).toBe(`ebbgate completion: SHELL is one of ${completionSpec.positionals.choices.join(", ")}, not 'fihs'; did you mean fish? (see ebbgate completion --help)\n`);
});
