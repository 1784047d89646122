import { parseArgs } from "node:util";
import { wholeNumber } from "../cpu/options.ts";
import { clientAborts } from "./aborts.ts";
import { passes } from "./check.ts";
import type { Check, Soak } from "./check.ts";
import { drain } from "./drain.ts";
import { nonReaders } from "./non-readers.ts";
import { reloads } from "./reloads.ts";
import { slowTransfer } from "./slow-transfer.ts";

const soaks: readonly Soak[] = [reloads, nonReaders, clientAborts, drain, slowTransfer];

/** `npm run bench -- soak`. @returns the exit status: 0 when every bound was kept */
export async function run(argv: readonly string[]): Promise<number> {
  const say = (message: string): void => void process.stderr.write(`${message}\n`);
  let chosen: readonly Soak[];
  let json: boolean;
  let mib: number;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { json: { type: "boolean", default: false }, only: { type: "string" }, mib: { type: "string", default: "1024" } },
    });
    const names = values.only?.split(",") ?? soaks.map(({ name }) => name);
    for (const name of names) {
      if (!soaks.some((soak) => soak.name === name)) throw new Error(`--only is '${name}'; give ${soaks.map((soak) => soak.name).join(", ")}`);
    }
    chosen = soaks.filter(({ name }) => names.includes(name));
    mib = wholeNumber("mib", values.mib, 1_048_576);
    json = values.json;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 2;
  }
  const found: Record<string, Check[]> = {};
  for (const { name, about, run: measure } of chosen) {
    say(`${name}: ${about}`);
    found[name] = await measure({ mib, say: (message) => say(`  ${message}`) });
    for (const check of found[name]) {
      const verdict = passes(check) ? "ok    " : "FAILED";
      say(`  ${verdict} ${check.what}: ${check.measured} ${check.unit} (at most ${check.max})`);
    }
  }
  const passed = Object.values(found).flat().every(passes);
  process.stdout.write(json ? `${JSON.stringify({ passed, soaks: found })}\n` : `${passed ? "every bound was kept" : "a bound was broken"}\n`);
  return passed ? 0 : 1;
}
