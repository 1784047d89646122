/**
 * A verb straight on the store, where no admin port can be reached: in a fleet as the message that a following sidecar sends to the leader, on a sidecar of its own as a
 * message in the store's directory. Whoever can write the store is trusted: no token is asked for, and the name in the audit log is what they say.
 */
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfiguration } from "../../config/load.ts";
import { formatProblem } from "../../config/problem.ts";
import { leaseName } from "../../fleet/leadership.ts";
import { reportsChannel } from "../../fleet/post.ts";
import { explain } from "../../rollout/explain.ts";
import type { CommandResult } from "../../rollout/status.ts";
import { nameOfKey, stateKey } from "../../rollout/stored-state.ts";
import type { Command, Decision } from "../../rollout/types.ts";
import { isLocked } from "../../store/directory-lock.ts";
import { fetchAnswer, leaveMessage } from "../../store/inbox.ts";
import { isTaken } from "../../store/inbox-wait.ts";
import type { Store } from "../../store/store.ts";
import { AdminError, noSuchRollout, oneLine } from "../admin-client.ts";
import { type CliIo, exitCodes } from "../args.ts";
import { caller } from "../caller.ts";
import { openSharedStore } from "../shared-store.ts";
import { NoStore, type StoreChoice } from "../store-choice.ts";
import { decidedOutcome } from "./over-api.ts";
import type { Asked, Outcome } from "./table.ts";

const pollMs = 50;
/** What lowers may be said twice: the second time it is refused, and nothing is lost. */
const repeatMs = 1_000;

/** @param withinMs how long an answer is waited for @throws AdminError, NoStore, StoreError */
export async function askOverStore(choice: StoreChoice, asked: Asked, withinMs: number, io: CliIo): Promise<Outcome> {
  const command = { verb: asked.row.verb, by: caller(io), why: asked.reason, verified: false } as Command;
  if (choice.store === undefined) {
    const loaded = await loadConfiguration(resolve(io.cwd, choice.config ?? "ebbgate.yaml"), io.env);
    if (!loaded.ok) throw new NoStore(loaded.problems.map(formatProblem).join("\n"));
    const { bootstrap: { store }, dynamic } = loaded.value;
    if (store.type === "memory") throw new NoStore("a memory store is in its sidecar's process alone: nothing outside can reach it; use the admin API");
    if (store.type === "file") {
      const names = dynamic.routes.flatMap(({ rollouts }) => rollouts.map((rollout) => rollout.name));
      if (!names.includes(asked.name)) throw noSuchRollout(asked.name, names);
      return inDirectory(store.directory, asked, command, withinMs);
    }
  }
  const { store } = await openSharedStore(choice, io);
  try {
    return await inFleet(store, asked, command, withinMs);
  } finally {
    await store.close();
  }
}

async function inDirectory(directory: string, { row, name }: Asked, command: Command, withinMs: number): Promise<Outcome> {
  const message = await leaveMessage(directory, { route: name, command }, "commands");
  // A sidecar that has just been started has the directory before it takes messages.
  if ((await isTaken(message, 500)) || ((await isLocked(directory)) && (await isTaken(message, withinMs)))) return answered((await fetchAnswer(message)) as CommandResult | undefined, name);
  if (!row.raises) return { outcome: "left", detail: `no sidecar is running on ${directory}: the next one to start takes it`, decision: null };
  await rm(message, { force: true });
  throw new AdminError(`no sidecar is running on ${directory}, so nothing was done: a ${row.verb} is not left for later`, exitCodes.unreachable);
}

function answered(result: CommandResult | undefined, name: string): Outcome {
  switch (result?.outcome) {
    case "accepted":
      return { outcome: "accepted", detail: result.decision.sentence, decision: result.decision };
    case "forwarded":
      return { outcome: "forwarded", detail: result.detail, decision: null };
    case "refused":
      throw new AdminError(oneLine(result.detail), exitCodes.failed);
    case "unknown":
      throw new AdminError(`the running sidecar has no rollout '${name}': is its configuration another one?`, exitCodes.failed);
    case undefined:
      return { outcome: "forwarded", detail: "the sidecar has taken it: the status shows what came of it", decision: null };
  }
}

async function inFleet(store: Store, { row, name }: Asked, command: Command, withinMs: number): Promise<Outcome> {
  const prefix = stateKey("");
  if ((await store.get(stateKey(name))) === undefined) throw noSuchRollout(name, (await store.keys(prefix)).map(nameOfKey));
  const from = (await store.auditEnd()) + 1;
  let saidMs = Number.NEGATIVE_INFINITY;
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; await delay(pollMs)) {
    const leads = (await store.leaseOf(leaseName)) !== undefined;
    // Nobody hears it while nobody leads. What raises is said once: it must not count twice.
    if (leads && (saidMs === Number.NEGATIVE_INFINITY || (!row.raises && performance.now() - saidMs > repeatMs))) {
      await store.publish(reportsChannel, JSON.stringify({ route: name, command }));
      saidMs = performance.now();
    }
    const found = (await store.audit(from, 1_000)).find(({ record }) => fits(record as Partial<Decision>, name, command))?.record as Decision | undefined;
    if (found !== undefined) return decidedOutcome(found, explain(found));
  }
  const why = saidMs === Number.NEGATIVE_INFINITY ? "no sidecar leads this fleet, so nobody heard it: is one running?" : "the leader was told and has not answered: look at ebbgate audit list before you ask again";
  throw new AdminError(why, exitCodes.unreachable);
}

const fits = ({ route, rollout = route, command }: Partial<Decision>, name: string, { verb, by, why }: Command): boolean => rollout === name && command?.verb === verb && command.by === by && command.why === why;
