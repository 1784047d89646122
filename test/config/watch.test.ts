import { type FileHandle, mkdir, mkdtemp, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Configuration } from "../../src/config/definition.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { type ConfigurationWatch, watchConfiguration } from "../../src/config/watch.ts";

/** What the watch reported, in order; `next` waits for the report after those already taken. */
class Reports {
  readonly all: string[] = [];
  private taken = 0;
  private wake: () => void = () => undefined;

  push(report: string): void {
    this.all.push(report);
    this.wake();
  }

  async next(): Promise<string> {
    while (this.all.length === this.taken) await new Promise<void>((done) => (this.wake = done));
    return this.all[this.taken++]!;
  }
}

let directory = "";
let watching: ConfigurationWatch | undefined;
let reports = new Reports();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ebbgate-watch-"));
  reports = new Reports();
});
afterEach(async () => {
  watching?.close();
  watching = undefined;
  await rm(directory, { recursive: true, force: true });
});

const yaml = (name: string): string => `listeners: [{ address: "127.0.0.1:8080" }]\ndynamic:\n  routes:\n    - name: ${name}\n      variants: [{ name: v1, endpoints: ["http://127.0.0.1:3001"] }]\n`;
const names = (loaded: Configuration): string => loaded.dynamic.routes.map((route) => route.name).join();

/** A poll that never comes shows that the system's notices alone suffice; `pollMs` small and no notices show the repair. */
async function start(file: string, pollMs = 3_600_000): Promise<ConfigurationWatch> {
  const loaded = await loadConfiguration(file, {});
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join());
  watching = watchConfiguration({
    file,
    environment: {},
    running: loaded.value,
    quietMs: 20,
    pollMs,
    onDocument: (document, restart) => reports.push([`took ${names(document)}`, ...restart].join(" ")),
    onRefused: (problems) => reports.push(`refused: ${problems[0]!.message}`),
  });
  await watching.check();
  return watching;
}

async function startWith(contents: string): Promise<{ file: string; watch: ConfigurationWatch }> {
  const file = join(directory, "ebbgate.yaml");
  await writeFile(file, contents);
  return { file, watch: await start(file) };
}

test("a change written in place is taken", async () => {
  const { file } = await startWith(yaml("one"));
  await writeFile(file, yaml("two"));
  expect(await reports.next()).toBe("took two");
});

test("a file replaced by rename, as editors do, is taken, and again after that", async () => {
  const { file } = await startWith(yaml("one"));
  for (const name of ["two", "three"]) {
    await writeFile(`${file}.swp`, yaml(name));
    await rename(`${file}.swp`, file);
    expect(await reports.next()).toBe(`took ${name}`);
  }
});

test("a ConfigMap's symbolic link swap is taken, and again after the old directory is gone", async () => {
  const version = async (name: string): Promise<void> => {
    await mkdir(join(directory, `..${name}`));
    await writeFile(join(directory, `..${name}`, "ebbgate.yaml"), yaml(name));
    await symlink(`..${name}`, join(directory, "..data_tmp"));
    await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  await version("one");
  await symlink("..data/ebbgate.yaml", join(directory, "ebbgate.yaml"));
  await start(join(directory, "ebbgate.yaml"));
  for (const [before, name] of [["one", "two"], ["two", "three"]] as const) {
    await version(name);
    await rm(join(directory, `..${before}`), { recursive: true });
    expect(await reports.next()).toBe(`took ${name}`);
  }
});

test("a file that is truncated and written in pieces is seen whole: no half of it is taken or refused", async () => {
  const { file } = await startWith(yaml("one"));
  const contents = yaml("two");
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "w");
    for (let at = 0; at < contents.length; at += 40) await handle.write(contents.slice(at, at + 40));
  } finally {
    await handle?.close();
  }
  expect(await reports.next()).toBe("took two");
  expect(reports.all).toEqual(["took two"]);
});

test("a bad document is refused whole, once, and its repair is taken", async () => {
  const { file, watch } = await startWith(yaml("one"));
  await writeFile(file, yaml("two words"));
  expect(await reports.next()).toBe("refused: is malformed");
  await watch.check();
  await watch.check();
  await writeFile(file, yaml("two"));
  expect(await reports.next()).toBe("took two");
  expect(reports.all).toEqual(["refused: is malformed", "took two"]);
});

test("going back to what runs after a refusal is told, so that an alarm can end", async () => {
  const { file } = await startWith(yaml("one"));
  await writeFile(file, "routes: [");
  expect(await reports.next()).toMatch(/^refused: is not well-formed/);
  await writeFile(file, yaml("one"));
  expect(await reports.next()).toBe("took one");
});

test("a file that goes away is refused, and taken when it returns", async () => {
  const { file } = await startWith(yaml("one"));
  await rm(file);
  expect(await reports.next()).toBe("refused: does not exist");
  await writeFile(file, yaml("two"));
  expect(await reports.next()).toBe("took two");
});

test("a directory that is removed and made again is watched again, by the poll", async () => {
  const below = join(directory, "below");
  await mkdir(below);
  await writeFile(join(below, "ebbgate.yaml"), yaml("one"));
  await start(join(below, "ebbgate.yaml"), 20);
  await rm(below, { recursive: true });
  expect(await reports.next()).toBe("refused: does not exist");
  await mkdir(below);
  await writeFile(join(below, "ebbgate.yaml"), yaml("two"));
  expect(await reports.next()).toBe("took two");
});

test("an unchanged file, or one with only another comment, is no news", async () => {
  const { file, watch } = await startWith(yaml("one"));
  await writeFile(file, `# the same\n${yaml("one")}`);
  await watch.check();
  await writeFile(file, yaml("two"));
  expect(await reports.next()).toBe("took two");
  expect(reports.all).toEqual(["took two"]);
});

test("the dynamic document's own file is watched, also when another one is named", async () => {
  const routes = (name: string): string => `routes:\n  - name: ${name}\n    variants: [{ name: v1, endpoints: ["http://127.0.0.1:3001"] }]\n`;
  await mkdir(join(directory, "elsewhere"));
  await writeFile(join(directory, "a.yaml"), routes("one"));
  await writeFile(join(directory, "elsewhere/b.yaml"), routes("two"));
  const { file } = await startWith('listeners: [{ address: "127.0.0.1:8080" }]\ndynamic: a.yaml\n');
  await writeFile(join(directory, "a.yaml"), routes("three"));
  expect(await reports.next()).toBe("took three");
  await writeFile(file, 'listeners: [{ address: "127.0.0.1:8080" }]\ndynamic: elsewhere/b.yaml\n');
  expect(await reports.next()).toBe("took two");
  await writeFile(join(directory, "elsewhere/b.yaml"), routes("four"));
  expect(await reports.next()).toBe("took four");
});

test("a change of the bootstrap document is told as needing a restart, while its routes are taken", async () => {
  const { file } = await startWith(yaml("one"));
  await writeFile(file, `threads: 2\n${yaml("two")}`);
  expect(await reports.next()).toBe("took two threads");
  await writeFile(file, yaml("two"));
  expect(await reports.next()).toBe("took two");
});

test("nothing is told after close", async () => {
  const { file, watch } = await startWith(yaml("one"));
  await writeFile(file, yaml("two"));
  watch.close();
  await watch.check();
  expect(reports.all).toEqual([]);
});
