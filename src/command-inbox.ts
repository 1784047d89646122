/** What people ask of rollouts through a store that is a directory: taken here, decided as if the admin API had been asked, and answered. */
import { forwardedOf } from "./fleet/forwarded.ts";
import type { CommandResult, RolloutControl } from "./rollout/status.ts";
import type { Inbox } from "./store/inbox.ts";

/** Makes the inbox that calls `take` for each message. */
export type MakeInbox = (take: (message: unknown) => Promise<object>) => Inbox;

export class CommandInbox {
  private readonly make: MakeInbox | null;
  private readonly rollouts: Pick<RolloutControl, "command" | "status">;
  private inbox: Inbox | null = null;

  /** @param make null: the store is none that a command could leave a message in */
  constructor(make: MakeInbox | null, rollouts: Pick<RolloutControl, "command" | "status">) {
    this.make = make;
    this.rollouts = rollouts;
  }

  /** After the rollouts are known. @throws the file system's error */
  async start(): Promise<void> {
    this.inbox = this.make?.((message) => Promise.resolve(this.take(message))) ?? null;
    await this.inbox?.start();
  }

  async close(): Promise<void> {
    await this.inbox?.close();
  }

  private take(message: unknown): CommandResult {
    const asked = forwardedOf(JSON.stringify(message ?? null));
    if (asked === null) return { outcome: "refused", detail: "this version of the sidecar knows no such command" };
    return this.rollouts.command(asked.route, asked.command);
  }
}
