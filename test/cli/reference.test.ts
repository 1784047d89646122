import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generatedFiles } from "../../scripts/cli-reference.ts";
import { commandHelp, programHelp } from "../../src/cli/help.ts";
import { commands } from "../../src/commands.ts";

test("docs/cli.md and the man page are what the commands' tables say: node scripts/cli-reference.ts", async () => {
  for (const [path, text] of await generatedFiles()) expect(readFileSync(path, "utf8"), path).toBe(text);
});

test.skipIf(spawnSync("mandoc", ["-V"]).error !== undefined)("mandoc finds no fault in the man page, and it shows every command", () => {
  expect(spawnSync("mandoc", ["-T", "lint", "-W", "warning", "man/ebbgate.1"], { encoding: "utf8" }).stdout.replace(/^.*missing date.*\n/, "")).toBe("");
  // Bold is a sign printed over itself.
  const parts = spawnSync("mandoc", ["-T", "ascii", "man/ebbgate.1"], { encoding: "utf8" }).stdout.split("\b");
  const shown = parts.map((part, i) => (i < parts.length - 1 ? part.slice(0, -1) : part)).join("");
  for (const { name } of commands) expect(shown).toContain(`ebbgate ${name} [options]`);
});

test("every command's help needs no other page: what each option, argument and exit code means, and how it is used", async () => {
  for (const { name, load } of commands) {
    const { spec } = await load();
    expect(spec.name).toBe(name);
    const help = commandHelp(spec);
    for (const [option, { help: says, type, value, choices }] of Object.entries(spec.options)) {
      expect(help, `${name} --${option}`).toContain(`--${option}`);
      expect(says, `${name} --${option}`).toMatch(/\.$/);
      expect(type === "boolean" || value !== undefined || choices !== undefined, `${name} --${option} names its value`).toBe(true);
    }
    expect(spec.examples.length, `${name} has examples`).toBeGreaterThan(0);
    for (const [command] of spec.examples) expect(command).toContain(`ebbgate ${name}`);
    expect(spec.exits?.map(([code]) => code) ?? [], `${name} says its exit codes`).toEqual(expect.arrayContaining([0, 2]));
    expect(programHelp(commands)).toContain(name);
  }
});
