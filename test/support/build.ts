/**
 * What the tests' processes run: the program and its dependencies in one piece, made anew whenever the source is another. A sidecar starts from it with half
 * of the CPU time that a few hundred source files take, and the suite starts hundreds (decision 106). EBBGATE_TEST_ENTRY names another one: `src/main.ts`, or a published `dist/main.js`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { rolldown } from "rolldown";
import type { TestProject } from "vitest/node";
import config from "../../rolldown.config.ts";
import { compileCache } from "./compile-cache.ts";

const root = join(import.meta.dirname, "../..");
const builds = join(root, "node_modules/.cache/ebbgate/builds");
/** Other runs, of the same source or of the one before, may still run theirs. */
const kept = 3;
const entries = new Set(Object.keys(config.input as object).map((name) => `${name}.js`));

/** Vitest's global setup. */
export async function setup(project: TestProject): Promise<void> {
  if (process.env["EBBGATE_TEST_ENTRY"] !== undefined) return;
  const use = async (): Promise<void> => void (process.env["EBBGATE_TEST_ENTRY"] = join(await current(), "dist/main.js"));
  await use();
  project.onTestsRerun(use);
}

/** @returns the directory of this source's build */
async function current(): Promise<string> {
  const wanted = join(builds, digest());
  if (existsSync(wanted)) return wanted;
  mkdirSync(builds, { recursive: true });
  const made = mkdtempSync(join(builds, "making-"));
  await build(join(made, "dist"));
  copyFileSync(join(root, "package.json"), join(made, "package.json"));
  // Two test runs at once: the first one wins, and both have a whole one.
  try {
    renameSync(made, wanted);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(wanted)) throw error;
  }
  compile(wanted);
  forget();
  return wanted;
}

async function build(dir: string): Promise<void> {
  const { output, external: _outside, ...inputs } = config;
  const bundle = await rolldown({ ...inputs, cwd: root, external: [/^node:/], logLevel: "silent" });
  await bundle.write({ ...(output as object), dir, sourcemap: false });
  await bundle.close();
}

/** Most processes of the tests are killed, and only one that ends by itself keeps what it compiled for others. */
function compile(directory: string): void {
  const pieces = readdirSync(join(directory, "dist")).filter((name) => name.endsWith(".js") && !entries.has(name));
  const script = pieces.map((name) => `import ${JSON.stringify(join(directory, "dist", name))};`).join("");
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", env: { ...process.env, NODE_COMPILE_CACHE: compileCache } });
  if (status !== 0) throw new Error(`the build for the tests cannot be loaded: ${stderr}`);
}

function forget(): void {
  const made = readdirSync(builds).map((name) => ({ path: join(builds, name), atMs: statSync(join(builds, name)).mtimeMs }));
  for (const { path } of made.toSorted((a, b) => b.atMs - a.atMs).slice(kept)) rmSync(path, { recursive: true, force: true });
}

/** Of everything that goes into it. */
function digest(): string {
  const sources = ["src", "examples/shop"].flatMap((directory) => readdirSync(join(root, directory), { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name)));
  const others = ["package.json", "package-lock.json", "rolldown.config.ts", "test/support/build.ts"].map((name) => join(root, name));
  const hash = createHash("sha256");
  for (const path of [...sources.toSorted(), ...others]) hash.update(relative(root, path)).update("\0").update(readFileSync(path)).update("\0");
  return hash.digest("hex").slice(0, 16);
}
