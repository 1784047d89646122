import { availableParallelism } from "node:os";
import { cpuMs, findCommand, freePort, scratchDirectory, untilListening } from "../processes.ts";
import type { Running } from "../processes.ts";
import type { Contestant, Setup } from "./contestant.ts";
import { ebbgate } from "./ebbgate.ts";
import { envoy } from "./envoy.ts";
import { haproxy } from "./haproxy.ts";
import { findLoad } from "./load.ts";
import type { Load } from "./load.ts";
import { nginx } from "./nginx.ts";
import { nodePeers } from "./node-peers.ts";
import { parseCpuOptions } from "./options.ts";
import type { CpuOptions } from "./options.ts";
import { summarise, table } from "./report.ts";
import type { Report, Round } from "./report.ts";
import { startUpstreams } from "./upstreams.ts";
import type { Upstreams } from "./upstreams.ts";
import { validate } from "./validate.ts";

const contestants: readonly Contestant[] = [ebbgate, nginx, haproxy, envoy, ...nodePeers];
/** Untimed, so that a just-in-time compiler has seen the code before anyone looks. */
const warmUpSeconds = 2;
const failedShareMax = 0.000_1;

interface Entry {
  readonly contestant: Contestant;
  readonly process: Running;
  readonly port: number;
  readonly rounds: Round[];
}

const say = (message: string): void => void process.stderr.write(`${message}\n`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `npm run bench -- cpu`. @returns the exit status: 1 when a contestant that is installed could not be timed */
export async function run(argv: readonly string[]): Promise<number> {
  let options: CpuOptions;
  try {
    options = parseCpuOptions(argv);
  } catch (error) {
    say(messageOf(error));
    return 2;
  }
  const pinned = availableParallelism() >= 2 && findCommand("taskset") !== null;
  const [proxyCore, otherCore] = pinned ? [0, 1] : [null, null];
  const load = findLoad(options.load ?? (findCommand("wrk") === null ? "autocannon" : "wrk"));
  if (load === null) {
    say("--load is 'wrk', which is not installed; give autocannon");
    return 2;
  }
  const directory = scratchDirectory();
  const upstreams = await startUpstreams(directory, otherCore);
  say(`load: ${load.name}, 64 connections; upstreams: ${upstreams.name}; ${pinned ? "proxy on core 0, the rest on core 1" : "cores not pinned"}`);
  const refused: Record<string, string> = {};
  const entries = await enter(options, upstreams, directory, proxyCore, refused);
  try {
    for (const entry of entries) await load.run(entry.port, warmUpSeconds, otherCore);
    // Interleaved, so that a machine that grows slower or busier is as unkind to all.
    for (let round = 0; round < options.rounds; round++) {
      for (const entry of entries) await time(entry, load, options.seconds, otherCore);
    }
  } finally {
    await Promise.all([...entries.map((entry) => entry.process.stop()), upstreams.process.stop()]);
  }
  const report: Report = {
    load: load.name,
    upstreams: upstreams.name,
    node: process.version,
    cores: availableParallelism(),
    seconds: options.seconds,
    rounds: options.rounds,
    versions: Object.fromEntries(entries.map(({ contestant }) => [contestant.name, contestant.version() ?? "unknown"])),
    ...summarise(new Map(entries.map((entry) => [entry.contestant.name, entry.rounds]))),
    refused,
  };
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${table(report)}\n`);
  return Object.keys(refused).length > 0 ? 1 : 0;
}

/** Starts and validates every contestant that is installed; one that answers wrongly is stopped and not timed. */
async function enter(
  options: CpuOptions,
  upstreams: Upstreams,
  directory: string,
  core: number | null,
  refused: Record<string, string>,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const contestant of contestants) {
    if (options.only.length > 0 && !options.only.includes(contestant.name)) continue;
    if (contestant.version() === null) {
      say(`${contestant.name}: not installed`);
      continue;
    }
    const port = await freePort();
    const setup: Setup = { upstreams, port, adminPort: await freePort(), directory, core };
    const running = contestant.start(setup);
    try {
      await untilListening(running, port);
      await contestant.ready?.(setup);
      const validity = await validate(port);
      if (validity.wrong !== null) throw new Error(validity.wrong);
      if (contestant.split === "cohort" && !validity.sticky) throw new Error("a user who came twice got both variants");
      say(`${contestant.name} ${contestant.version()}: answers are right, ${validity.candidates} of 2000 users got the candidate`);
      entries.push({ contestant, process: running, port, rounds: [] });
    } catch (error) {
      refused[contestant.name] = messageOf(error);
      say(`${contestant.name}: not timed, because ${messageOf(error)}\n${running.output()}`);
      await running.stop();
    }
  }
  return entries;
}

async function time({ contestant, process: running, port, rounds }: Entry, load: Load, seconds: number, core: number | null): Promise<void> {
  const before = cpuMs(running.pid);
  const found = await load.run(port, seconds, core);
  const usedMs = cpuMs(running.pid) - before;
  if (found.failed > found.completed * failedShareMax) {
    throw new Error(`${contestant.name} failed ${found.failed} of ${found.completed} requests: nothing is compared`);
  }
  const round: Round = {
    cpuMicrosPerRequest: (usedMs * 1_000) / found.completed,
    requestsPerSecond: found.completed / found.seconds,
    p50Ms: found.p50Ms,
    p99Ms: found.p99Ms,
  };
  rounds.push(round);
  say(`${contestant.name.padEnd(20)} ${round.cpuMicrosPerRequest.toFixed(1).padStart(6)} us  ${Math.round(round.requestsPerSecond)} requests/s`);
}
