/** The story: two versions start, the candidate gets users step by step, breaks, and loses them again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import { Children, findScript, untilReady, type Child } from "./children.ts";
import { OpenLoad } from "./load.ts";
import type { Screen } from "./screen.ts";
import { configuration, freePort, StatusClient, writeConfiguration } from "./sidecar.ts";
import { showOn, tellStory, type StoryParts } from "./story.ts";
import { summarise, type DemoFault, type Summary } from "./summary.ts";
import { Tally } from "./tally.ts";
import { Tickers } from "./tickers.ts";

export interface ScenarioOptions {
  readonly fault: DemoFault;
  readonly requestsPerSecond: number;
  /** The whole story ends by then, whatever has happened. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  /** Called with the outcome while everything still runs. */
  readonly told: (summary: Summary) => void;
  /** Goes on serving and showing after that, until the signal comes. */
  readonly stay: boolean;
}

const users = 5_000;
const tickerCount = 5;
const patienceMs = 10_000;
const adminPortWanted = 9_901;

interface Shop {
  readonly child: Child;
  readonly url: string;
  readonly controlUrl: string;
}

export async function play(screen: Screen, options: ScenarioOptions): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-demo-"));
  const children = new Children();
  const started: Child[] = [];
  const adminPort = await freePort(adminPortWanted);
  const listenPort = await freePort();
  const origin = `http://127.0.0.1:${listenPort}`;
  const client = new StatusClient(adminPort);
  const { clock, random } = options;
  const tally = new Tally();
  const load = new OpenLoad({ origin, requestsPerSecond: options.requestsPerSecond, users, patienceMs, clock, random, tally });
  const tickers = new Tickers(origin);
  try {
    const [v1, v2] = await Promise.all([startShop(children, started, "1", directory), startShop(children, started, "2", directory)]);
    const file = writeConfiguration(directory, configuration(listenPort, adminPort, { v1: v1.url, v2: v2.url }, options.fault !== "none"));
    const sidecar = children.start("the sidecar", findScript("src/main.ts", "main.js"), ["run", "--config", file], directory);
    started.push(sidecar);
    await untilReady("the sidecar", sidecar, () => client.read());
    screen.say(`two versions of a shop run at ${v1.url} and ${v2.url}; Ebbgate stands in front at ${origin}`);
    screen.say(`status page: ${client.page}   load: ${options.requestsPerSecond} requests/s from ${users} users, ${tickerCount} WebSockets`);
    load.start();
    tickers.start(tickerCount);
    const { fault, signal } = options;
    const deadlineMs = clock.monotonicMs() + options.timeoutMs;
    const parts: StoryParts = { screen, client, tally, tickers, sidecar, clock, signal, fault, controlUrl: v2.controlUrl, deadlineMs };
    const { last, times } = await tellStory(parts);
    if (!options.stay) await load.stop();
    const summary = summarise(fault, (await client.read()) ?? last, tally, times, clock.monotonicMs());
    options.told(summary);
    if (options.stay) await showOn(parts);
  } finally {
    await Promise.allSettled([load.close(), tickers.close(), client.close()]);
    await Promise.all(started.map((child) => child.stop()));
    children.release();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startShop(children: Children, started: Child[], version: string, directory: string): Promise<Shop> {
  const name = `version ${version} of the shop`;
  const child = children.start(name, findScript("examples/shop/main.ts", "shop.js"), ["--version", version], directory);
  started.push(child);
  return untilReady(name, child, () => {
    const [, url, controlUrl] = /serves (\S+) \(control (\S+)\)/.exec(child.output()) ?? [];
    return url === undefined || controlUrl === undefined ? null : { child, url, controlUrl };
  });
}
