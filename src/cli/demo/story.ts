/** Watches the sidecar, breaks the candidate at the right moment, and sees what comes of it. */
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import type { Clock } from "../../core/clock.ts";
import type { Child } from "./children.ts";
import type { Screen } from "./screen.ts";
import type { StatusClient, View } from "./sidecar.ts";
import type { DemoFault, Timeline } from "./summary.ts";
import type { Tally } from "./tally.ts";
import type { Tickers } from "./tickers.ts";

const pollMs = 50;
/** The fault comes this long after half of the users have the candidate: time to see that it was well. */
const healthyMs = 3_000;
/** Traffic is watched for at least so long after the rollback. */
const watchMs = 3_000;
const faultWeight = 50;
/** A sidecar that does not answer for so long is gone. */
const silenceMs = 5_000;

const inWords: Readonly<Record<DemoFault, string>> = {
  errors: "version 2 loses its database: nearly every request fails",
  latency: "version 2 misses an index: every request takes 250 ms longer",
  hang: "version 2 hangs: it accepts requests and never answers",
  crash: "version 2 crashes: its process exits",
  none: "nothing breaks",
};

export interface StoryParts {
  readonly screen: Screen;
  readonly client: StatusClient;
  readonly tally: Tally;
  readonly tickers: Tickers;
  readonly sidecar: Child;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly fault: DemoFault;
  /** Where version 2 is told to break. */
  readonly controlUrl: string;
  /** On the clock's monotonic line: the story ends by then. */
  readonly deadlineMs: number;
}

/** @throws when the sidecar ends or falls silent, or the signal comes */
export async function tellStory(parts: StoryParts): Promise<{ last: View; times: Timeline }> {
  const { screen, clock, fault, tally } = parts;
  const startedMs = clock.monotonicMs();
  let faultMs: number | null = null;
  let rollbackMs: number | null = null;
  let atRollback: View | null = null;
  let atHalfMs: number | null = null;
  for (;;) {
    const view = await look(parts);
    const nowMs = clock.monotonicMs();
    const done = { last: view, times: { startedMs, faultMs, rollbackMs, atRollback } };
    if (nowMs > parts.deadlineMs) {
      screen.say("the time is up", "bad");
      return done;
    }
    const { phase } = view.rollout;
    if (fault === "none" && (phase === "succeeded" || phase === "retired")) return done;
    if (view.v2.weight >= faultWeight) atHalfMs ??= nowMs;
    if (faultMs === null) {
      if (phase === "rollingBack" || phase === "verifying" || phase === "rolledBack") {
        screen.say("version 2 was rolled back although nothing was wrong with it", "bad");
        return done;
      }
      if (fault === "none" || atHalfMs === null || nowMs - atHalfMs < healthyMs) continue;
      screen.say(`NOW ${inWords[fault]}`, "bad");
      tally.stage = "fault";
      faultMs = clock.monotonicMs();
      await breakVersion2(parts);
    } else if (rollbackMs === null) {
      const everywhere = view.status.threads.every(({ revision }) => revision >= view.status.revision);
      if (view.v2.weight > 0 || !everywhere) continue;
      rollbackMs = nowMs;
      atRollback = view;
      tally.stage = "after";
      screen.say(`version 2 has no users any more, ${((rollbackMs - faultMs) / 1000).toFixed(2)} s after the fault`, "good");
    } else if (phase === "rolledBack" && nowMs - rollbackMs >= watchMs) {
      return done;
    }
  }
}

/** Shows on until the signal comes. */
export async function showOn(parts: StoryParts): Promise<void> {
  while (!parts.signal.aborted) await look(parts);
}

/** One look at the sidecar, shown. Takes a poll's time. */
async function look({ client, screen, tally, tickers, sidecar, signal, clock }: StoryParts): Promise<View> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    await delay(pollMs, undefined, { signal });
    const view = await client.read();
    if (view !== null) {
      screen.show(view, tally, tickers.open);
      return view;
    }
    if (sidecar.ended()) throw new Error(`the sidecar ended\n${sidecar.output().trim()}`);
    if (clock.monotonicMs() - startedMs > silenceMs) throw new Error(`the sidecar's admin API does not answer\n${sidecar.output().trim()}`);
  }
}

async function breakVersion2({ controlUrl, fault }: StoryParts): Promise<void> {
  const { statusCode, body } = await request(`${controlUrl}/fault/${fault}`, { method: "POST" });
  await body.dump();
  if (statusCode !== 200) throw new Error(`version 2 did not take the fault '${fault}': it answered ${statusCode}`);
}
