/** `ebbgate demo`: two versions of a shop, the sidecar, load, and a fault. Needs nothing but this package. */
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import { exitCodes, parseArguments, type ArgumentsSpec, type CliIo } from "./args.ts";
import { play } from "./demo/scenario.ts";
import { Screen } from "./demo/screen.ts";
import { demoFaults, tell, type DemoFault, type Summary } from "./demo/summary.ts";

export const spec = {
  name: "demo",
  summary: "Show a release that goes wrong: ramp a candidate, break it, watch Ebbgate take its users back.",
  options: {
    fault: { type: "string", value: "FAULT", choices: demoFaults, help: "What breaks the candidate (default errors; none lets the release succeed)." },
    auto: { type: "boolean", help: "End after the rollback. Without it, a terminal stays open until Ctrl-C." },
    json: { type: "boolean", help: "Print only the last line, what happened as JSON; the story goes to stderr. Ends by itself." },
    rate: { type: "string", value: "N", help: "Requests per second, 50 to 5000 (default 500)." },
  },
  examples: [
    ["ebbgate demo", "the candidate starts to fail"],
    ["ebbgate demo --fault hang", "it stops answering instead"],
    ["ebbgate demo --auto | tail -1", "what happened, as JSON"],
  ],
  exits: [
    [0, "the candidate was rolled back and only the baseline answers (with --fault none: the release succeeded)"],
    [1, "anything else"],
    [2, "wrong usage"],
    [130, "ended by Ctrl-C or SIGTERM before there was an outcome"],
  ],
} as const satisfies ArgumentsSpec;

/** A demo that has no outcome by then has failed: with its ending, it stays within a minute. */
const timeoutMs = 42_000;
const interrupted = 130;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const fault = (args.values.fault ?? "errors") as DemoFault;
  const rate = args.values.rate ?? "500";
  if (!/^\d{2,4}$/.test(rate) || Number(rate) < 50 || Number(rate) > 5_000) {
    io.stderr.write(`ebbgate demo: --rate is '${rate}'; give a whole number from 50 to 5000\n`);
    return exitCodes.usage;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  const screen = new Screen(args.values.json ? { ...io, stdout: io.stderr } : io);
  const stay = !args.values.auto && !args.values.json && io.stdout.isTTY === true;
  let summary: Summary | undefined;
  const told = (outcome: Summary): void => {
    summary = outcome;
    for (const line of tell(outcome)) screen.say(line, succeeded(outcome) ? "good" : "bad");
    if (stay) screen.say("the shop stays open: look at the status page, or end with Ctrl-C");
  };
  try {
    await play(screen, { fault, requestsPerSecond: Number(rate), timeoutMs, signal: stop.signal, clock: systemClock, random: systemRandom, told, stay });
  } catch (error) {
    if (!stop.signal.aborted) {
      screen.end();
      io.stderr.write(`ebbgate demo: ${error instanceof Error ? error.message : String(error)}\n`);
      return exitCodes.failed;
    }
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
  screen.end();
  if (summary === undefined) return interrupted;
  io.stdout.write(`${JSON.stringify(summary)}\n`);
  return succeeded(summary) ? exitCodes.ok : exitCodes.failed;
}

const succeeded = (summary: Summary): boolean =>
  summary.fault === "none" ? summary.phase === "succeeded" || summary.phase === "retired" : summary.rolledBack;
