/** A verb through a sidecar's admin API. */
import { setTimeout as delay } from "node:timers/promises";
import type { ExplainedDecision, RolloutStatus } from "../../rollout/status.ts";
import type { Command } from "../../rollout/types.ts";
import { type AdminClient, AdminError, noSuchRollout, oneLine } from "../admin-client.ts";
import { exitCodes, type CliIo } from "../args.ts";
import { canAsk, confirm } from "../prompt.ts";
import { nextStep } from "../watch/next-step.ts";
import { titleOf } from "../watch/frame.ts";
import { lineText } from "../watch/spans.ts";
import type { Asked, Outcome, Verb } from "./table.ts";

/** The leader decides within milliseconds; when there is none, another leads after some seconds. */
const decidedWithinMs = 8_000;
const pollMs = 100;
/** The clocks of two machines. */
const skewMs = 5_000;

type Answer = { readonly outcome: "accepted"; readonly decision: ExplainedDecision } | { readonly outcome: "forwarded"; readonly detail: string };

/** @throws AdminError */
export async function askOverApi(client: AdminClient, { row, name, reason, yes }: Asked, io: CliIo): Promise<Outcome> {
  const path = `/api/v1/rollouts/${encodeURIComponent(name)}`;
  try {
    const seen = row.raises ? await client.ask<RolloutStatus>(path) : null;
    if (seen !== null && !yes && canAsk(io)) await ask(row.verb, seen.body);
    const askedMs = Date.now();
    const { body: answer } = await client.ask<Answer>(`${path}/${row.verb}`, { method: "POST", body: reason === "" ? {} : { reason }, ifMatch: seen?.etag ?? undefined, once: true });
    if (answer.outcome === "accepted") return { outcome: "accepted", detail: answer.decision.sentence, decision: answer.decision };
    return await decidedElsewhere(client, row.verb, name, reason, askedMs, answer.detail);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    if (error.status === 404) {
      const { body: status } = await client.ask<{ readonly rollouts: readonly RolloutStatus[] }>("/api/v1/status");
      if (!status.rollouts.some((rollout) => rollout.name === name)) throw noSuchRollout(name, status.rollouts.map((rollout) => rollout.name));
      throw new AdminError(`${client.url} knows no '${row.verb}': its version of Ebbgate is another one`, exitCodes.failed, 404);
    }
    if (error.status === 412) throw new AdminError(`'${name}' has changed since it was looked at, so nothing was done: look with ebbgate status ${name}, and ask again`, exitCodes.failed, 412);
    throw error;
  }
}

/** @throws AdminError where the answer is no */
async function ask(verb: Verb, rollout: RolloutStatus): Promise<void> {
  const nowMs = Date.now();
  process.stderr.write(`${lineText(titleOf(rollout, nowMs), Number.POSITIVE_INFINITY, false)}\nnext: ${oneLine(nextStep(rollout, nowMs))}\n`);
  if (!(await confirm(`${verb} ${oneLine(rollout.name)}?`))) throw new AdminError("nothing was done", exitCodes.failed);
}

/** The sidecar that was asked follows another one: what that decides is read from the log that they share. */
async function decidedElsewhere(client: AdminClient, verb: Verb, name: string, why: string, askedMs: number, handed: string): Promise<Outcome> {
  const since = new Date(askedMs - skewMs).toISOString();
  for (const endMs = performance.now() + decidedWithinMs; performance.now() < endMs; await delay(pollMs)) {
    const { body } = await client.ask<{ readonly items: readonly Entry[] }>(`/api/v1/audit?${new URLSearchParams({ route: name, since, limit: "50" }).toString()}`).catch(() => ({ body: { items: [] } }));
    const found = body.items.find(({ record }) => record.command?.verb === verb && record.command.why === why);
    if (found !== undefined) return decidedOutcome(found.record, found.sentence);
  }
  return { outcome: "forwarded", detail: oneLine(handed), decision: null };
}

interface Entry {
  readonly sentence: string | null;
  readonly record: { readonly command?: Command | null; readonly refusal?: string | null };
}

/** @throws AdminError where it was refused */
export function decidedOutcome(record: Entry["record"], sentence: string | null): Outcome {
  if (record.refusal) throw new AdminError(oneLine(record.refusal), exitCodes.failed, 409);
  return { outcome: "accepted", detail: sentence ?? "decided", decision: record };
}
