/** The demo in the terminal: redrawn in place on a TTY, one line a second elsewhere. */
import type { VariantStatus } from "../../admin/status.ts";
import type { CliIo } from "../args.ts";
import type { View } from "./sidecar.ts";
import type { Tally } from "./tally.ts";

const plainEveryMs = 1_000;
const liveEveryMs = 200;
const bold = "1";
const red = "31";
const green = "32";
const yellow = "33";
const grey = "90";

const percent = (share: number | null): string => (share === null ? "-" : `${(share * 100).toFixed(1)}%`);
const millis = (ms: number | null): string => (ms === null ? "-" : `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`);

export class Screen {
  readonly #io: CliIo;
  readonly #live: boolean;
  readonly #colours: boolean;
  readonly #startedMs = performance.now();
  readonly #decisionsSeen = new Set<string>();
  #linesDrawn = 0;
  #shownMs = Number.NEGATIVE_INFINITY;

  constructor(io: CliIo) {
    this.#io = io;
    this.#live = io.stdout.isTTY === true && io.env["TERM"] !== "dumb";
    this.#colours = this.#live && (io.env["NO_COLOR"] ?? "") === "";
  }

  /** A line that stays. */
  say(text: string, kind: "plain" | "good" | "bad" | "event" = "plain"): void {
    const colour = { plain: null, good: green, bad: red, event: yellow }[kind];
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(5);
    this.#io.stdout.write(`${this.#eraser()}${this.#paint(grey, `${seconds}s`)}  ${colour === null ? text : this.#paint(colour, text)}\n`);
  }

  /** The state of things, and every decision that is new since the last call. */
  show(view: View, tally: Tally, openTickers: number): void {
    for (const decision of view.rollout.decisions) {
      const key = `${decision.atMs} ${decision.reason} ${decision.to}`;
      if (this.#decisionsSeen.has(key)) continue;
      this.#decisionsSeen.add(key);
      const bad = decision.weight < decision.fromWeight;
      this.say(`decision ${decision.reason}: ${decision.sentence}`, bad ? "bad" : "event");
    }
    const nowMs = performance.now();
    // A line that stays has erased the picture: it is drawn again at once.
    if (nowMs - this.#shownMs < (this.#live ? liveEveryMs : plainEveryMs) && !(this.#live && this.#linesDrawn === 0)) return;
    this.#shownMs = nowMs;
    if (this.#live) this.#draw(liveLines(view, tally, openTickers, (code, text) => this.#paint(code, text)));
    else this.say(plainLine(view, tally));
  }

  /** Leaves the last picture where it is. */
  end(): void {
    this.#linesDrawn = 0;
  }

  #draw(lines: readonly string[]): void {
    this.#io.stdout.write(`${this.#eraser()}${lines.join("\n")}\n`);
    this.#linesDrawn = lines.length;
  }

  /** What takes the last picture away, to be written before anything else: in one write, so that nothing flickers. */
  #eraser(): string {
    const lines = this.#linesDrawn;
    this.#linesDrawn = 0;
    return lines > 0 ? `\u001b[${lines}A\u001b[J` : "";
  }

  #paint(code: string, text: string): string {
    return this.#colours ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

function liveLines(view: View, tally: Tally, openTickers: number, paint: (code: string, text: string) => string): string[] {
  const { rollout } = view;
  const steps = rollout.steps.map((weight, i) => (i === rollout.step ? paint(bold, `[${weight}%]`) : `${weight}%`)).join(" > ");
  const waiting = rollout.waiting === null ? "" : ` for ${rollout.waiting}`;
  const cells = (name: string, { weight, recent, inFlight }: VariantStatus): string => {
    const errors = percent(recent.errorRate).padStart(8);
    return [
      name.padEnd(14),
      `${weight}%`.padStart(7),
      recent.requestsPerSecond.toFixed(0).padStart(8),
      (recent.errorRate ?? 0) > 0.01 ? paint(red, errors) : errors,
      millis(recent.p50Ms).padStart(10),
      millis(recent.p99Ms).padStart(10),
      String(inFlight).padStart(10),
    ].join("");
  };
  const bad = tally.total((stage) => stage.bad);
  return [
    "",
    `  ${steps}   ${paint(bold, rollout.phase)}${waiting}`,
    paint(grey, `  ${"version".padEnd(14)} weight     rps  errors       p50       p99 in flight`),
    `  ${cells("v1 baseline", view.v1)}`,
    `  ${cells("v2 candidate", view.v2)}`,
    `  users: ${tally.total((stage) => stage.requests)} requests, ${paint(bad > 0 ? yellow : green, `${bad} ended badly`)}, ${openTickers} price tickers open`,
  ];
}

function plainLine(view: View, tally: Tally): string {
  const { rollout } = view;
  const cells = ({ name, weight, recent }: VariantStatus): string =>
    `${name} ${weight}% ${recent.requestsPerSecond.toFixed(0)}/s errors ${percent(recent.errorRate)} p50 ${millis(recent.p50Ms)} p99 ${millis(recent.p99Ms)}`;
  const waiting = rollout.waiting === null ? "" : ` (${rollout.waiting})`;
  const users = `users: ${tally.total((stage) => stage.requests)} requests, ${tally.total((stage) => stage.bad)} ended badly`;
  return `${rollout.phase}${waiting} | ${cells(view.v1)} | ${cells(view.v2)} | ${users}`;
}
