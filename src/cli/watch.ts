/** `ebbgate watch [NAME]`: rollouts as they go, on a terminal as a picture, elsewhere as a line for each change. */
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../admin/status.ts";
import { parseDuration } from "../core/duration.ts";
import { adminOptions, withAdmin } from "./admin-access.ts";
import { type AdminClient, AdminError, noSuchRollout } from "./admin-client.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";
import { changes, changeText, type Change } from "./watch/changes.ts";
import { frame, type View } from "./watch/frame.ts";
import { withSample } from "./watch/history.ts";
import { plainText } from "./watch/spans.ts";
import { ascii, blocks } from "./watch/sparkline.ts";
import { Terminal } from "./watch/terminal.ts";

export const spec = {
  name: "watch",
  summary: "Watch rollouts live: weights, both versions' rates, errors and quantiles with curves, verdicts, what comes next, and why. Ends with q or Ctrl-C. Without a terminal: a line for each change.",
  positionals: { name: "NAME", min: 0, max: 1, completes: "rollout", help: "Only this rollout." },
  options: {
    every: { type: "string", value: "DURATION", help: "How often it looks, 100ms to 1h (default 1s)." },
    "until-done": { type: "boolean", help: "End by itself when every watched rollout has succeeded or was rolled back: for pipelines." },
    json: { type: "boolean", help: "Print a JSON object for each change, one a line." },
    ...adminOptions,
  },
  examples: [
    ["ebbgate watch", "all rollouts of the sidecar on this machine"],
    ["ebbgate watch shop --until-done > rollout.log", "in a pipeline: 0 if it succeeded, 1 if it was rolled back"],
    ["ebbgate watch shop --json | jq -r .text", "for scripts"],
  ],
  exits: [
    [0, "ended by q or Ctrl-C; with --until-done: every rollout has succeeded"],
    [1, "there is no such rollout, or this may not be read; with --until-done: one was rolled back, or taken out of the configuration"],
    [2, "wrong usage"],
    [3, "the sidecar could not be reached at the start; later it is asked again"],
    [130, "with --until-done: ended by q or Ctrl-C"],
  ],
} as const;

const interrupted = 130;

export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const { values, positionals: [only = null] } = args;
  const everyMs = parseDuration(values.every ?? "1s");
  if (everyMs === undefined || everyMs < 100 || everyMs > 3_600_000) {
    io.stderr.write(`ebbgate watch: --every is '${values.every}'; give a duration from 100ms to 1h\n`);
    return exitCodes.usage;
  }
  const live = io.stdout.isTTY === true && !values.json && io.env["TERM"] !== "dumb";
  return withAdmin("watch", values, io, (client) => new Watch(client, io, only, everyMs, values["until-done"], live ? "live" : values.json ? "json" : "text").run());
}

class Watch {
  private readonly client: AdminClient;
  private readonly io: CliIo;
  private readonly everyMs: number;
  private readonly untilDone: boolean;
  private readonly as: "live" | "json" | "text";
  private readonly stop = new AbortController();
  private readonly terminal: Terminal | null;
  private view: View;

  constructor(client: AdminClient, io: CliIo, only: string | null, everyMs: number, untilDone: boolean, as: Watch["as"]) {
    this.client = client;
    this.io = io;
    this.everyMs = everyMs;
    this.untilDone = untilDone;
    this.as = as;
    this.terminal = as === "live" ? new Terminal(process.stdout, process.stdin.isTTY ? process.stdin : null, (io.env["NO_COLOR"] ?? "") === "") : null;
    const locale = io.env["LC_ALL"] || io.env["LC_CTYPE"] || io.env["LANG"] || "UTF-8";
    this.view = { url: client.url, status: null, fault: null, history: new Map(), only, signs: /utf-?8/i.test(locale) ? blocks : ascii };
  }

  async run(): Promise<number> {
    const quit = (): void => this.stop.abort();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, quit);
    try {
      await this.first();
      this.terminal?.start(() => this.draw(), quit);
      for (;;) {
        this.draw();
        const code = this.outcome();
        if (code !== null) return code;
        await delay(this.everyMs, undefined, { signal: this.stop.signal }).catch(() => undefined);
        if (this.stop.signal.aborted) return this.untilDone ? interrupted : exitCodes.ok;
        await this.look();
      }
    } finally {
      this.terminal?.end();
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, quit);
      // The last picture stays, where the shell goes on.
      if (this.terminal !== null && this.view.status !== null) this.io.stdout.write(plainText(frame(this.view, { columns: this.terminal.size.columns, rows: Number.POSITIVE_INFINITY })));
    }
  }

  private async first(): Promise<void> {
    const { only } = this.view;
    const { body: status } = await this.client.ask<Status>("/api/v1/status");
    if (only !== null && !status.rollouts.some(({ name }) => name === only)) throw noSuchRollout(only, status.rollouts.map(({ name }) => name));
    this.seen(status);
  }

  private async look(): Promise<void> {
    try {
      this.seen((await this.client.ask<Status>("/api/v1/status")).body);
    } catch (error) {
      if (!(error instanceof AdminError) || error.exit !== exitCodes.unreachable) throw error;
      const nowMs = Date.now();
      if (this.view.fault === null) this.tell([{ kind: "sidecar", time: new Date(nowMs).toISOString(), ok: false, text: error.message }]);
      this.view = { ...this.view, fault: this.view.fault ?? { why: error.message, sinceMs: nowMs }, history: withSample(this.view.history, null) };
    }
  }

  private seen(status: Status): void {
    const { view } = this;
    if (view.fault !== null) this.tell([{ kind: "sidecar", time: status.time, ok: true, text: `${view.url} answers again` }]);
    this.tell(changes(view.status, status, view.only));
    this.view = { ...view, status, fault: null, history: withSample(view.history, status) };
  }

  private tell(found: readonly Change[]): void {
    if (this.as === "live") return;
    for (const change of found) this.io.stdout.write(`${this.as === "json" ? JSON.stringify(change) : changeText(change)}\n`);
  }

  private draw(): void {
    if (this.terminal !== null) this.terminal.draw(frame(this.view, this.terminal.size));
  }

  /** Null: it goes on. */
  private outcome(): number | null {
    const { status, only, fault } = this.view;
    if (!this.untilDone || status === null || fault !== null) return null;
    const rollouts = status.rollouts.filter(({ name }) => only === null || name === only);
    if (only !== null && rollouts.length === 0) return exitCodes.failed;
    if (rollouts.some(({ phase }) => phase !== "succeeded" && phase !== "rolledBack" && phase !== "retired")) return null;
    return rollouts.some(({ phase }) => phase === "rolledBack") ? exitCodes.failed : exitCodes.ok;
  }
}
