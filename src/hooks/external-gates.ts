/**
 * Asks external gates whether a step may be taken. Their answers are evidence: what is decided of them is `decide`'s, and silence only means that nothing
 * is known. A question stays open, and is asked again and again, until the step is taken or nobody waits for it any more.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import type { WebhookTarget } from "../config/webhook-settings.ts";
import { jitteredMs } from "../core/backoff.ts";
import { redactText } from "../core/redact.ts";
import type { GateQuestion } from "../rollout/questions.ts";
import type { GateAnswer } from "../rollout/types.ts";
import type { Message } from "./caller.ts";
import type { DeliveryPorts } from "./delivery.ts";
import type { HookLog } from "./ports.ts";

const wordsMax = 200;

export interface GatePorts extends DeliveryPorts {
  readonly log: HookLog;
  readonly source: string;
  targetOf(name: string): WebhookTarget | undefined;
}

interface Open {
  readonly ends: AbortController;
  readonly answers: Map<string, GateAnswer>;
}

export class ExternalGates {
  private readonly ports: GatePorts;
  private readonly open = new Map<string, Open>();

  constructor(ports: GatePorts) {
    this.ports = ports;
  }

  /** What there is to ask now. Cheap where nothing has changed. */
  follow(questions: readonly GateQuestion[]): void {
    const wanted = new Map(questions.map((question) => [keyOf(question), question]));
    for (const [key, { ends }] of this.open) {
      if (wanted.has(key)) continue;
      ends.abort();
      this.open.delete(key);
    }
    for (const [key, question] of wanted) if (question.due && !this.open.has(key)) this.begin(key, question);
  }

  /** As far as there are any. */
  answers(question: GateQuestion): readonly GateAnswer[] {
    return [...(this.open.get(keyOf(question))?.answers.values() ?? [])];
  }

  close(): void {
    this.follow([]);
  }

  private begin(key: string, question: GateQuestion): void {
    const open: Open = { ends: new AbortController(), answers: new Map() };
    this.open.set(key, open);
    // It ends by its signal, and by nothing else.
    for (const target of new Set(question.targets)) void this.ask(question, target, open).catch(() => undefined);
  }

  private async ask(question: GateQuestion, name: string, { ends: { signal }, answers }: Open): Promise<void> {
    const { caller, random, pace, log } = this.ports;
    for (let silences = 0; ; ) {
      const target = this.ports.targetOf(name);
      const result = target === undefined ? null : await caller.call(target, () => messageOf(question, this.ports.source, new Date(this.ports.clock.wallMs()).toISOString()), signal, true);
      signal.throwIfAborted();
      if (result !== null) this.ports.attempted(name, result);
      const heard = result === null ? ({ answer: "silent", why: "this sidecar's webhooks.targets do not have it" } as const) : result.outcome === "taken" ? parseAnswer(result.answer) : ({ answer: "silent", why: result.detail } as const);
      const before = answers.get(name);
      answers.set(name, { target: name, ...heard });
      if (before?.answer !== heard.answer || before.why !== heard.why) log.info({ gate: name, route: question.route, candidate: question.candidate, step: question.step, ...heard }, "An external gate was asked.");
      silences = heard.answer === "silent" ? silences + 1 : 0;
      const everyMs = target?.askEveryMs ?? pace.retryMaxMs;
      await sleep(silences === 0 ? everyMs : jitteredMs(silences, random, Math.min(pace.retryFirstMs, everyMs), everyMs), undefined, { signal, ref: false });
    }
  }
}

const keyOf = ({ route, candidate, revision, step, targets }: GateQuestion): string => JSON.stringify([route, candidate, revision, step, targets]);

/** A CloudEvent, whatever the target's format: a question wants an answer, and no chat gives one. */
function messageOf({ route, candidate, revision, step, fromWeight, weight }: GateQuestion, source: string, time: string): Message {
  const id = `gate-${randomUUID()}`;
  const sentence = `${route}: may ${candidate} (${revision}) go from ${fromWeight}% to ${weight}%?`;
  const event = { specversion: "1.0", id, source, type: "dev.ebbgate.rollout.question", subject: route, time, datacontenttype: "application/json", data: { route, candidate, revision, step, fromWeight, weight, sentence } };
  return { id, contentType: "application/cloudevents+json; charset=utf-8", body: JSON.stringify(event) };
}

/** `{"allow": true}` or `{"allow": false}`, with a `reason` if there is one. Anything else says neither. */
function parseAnswer(text: string): Pick<GateAnswer, "answer" | "why"> {
  try {
    const { allow, reason } = JSON.parse(text) as { readonly allow?: unknown; readonly reason?: unknown };
    if (typeof allow === "boolean") return { answer: allow ? "yes" : "no", why: typeof reason === "string" ? words(reason) : "" };
  } catch {
    // Not JSON: it said neither.
  }
  return { answer: "silent", why: 'answered without {"allow": true} or {"allow": false}' };
}

/** What somebody else wrote, fit for a log and a page. */
const words = (text: string): string => redactText(text.slice(0, wordsMax).replaceAll(/\p{Cc}+/gu, " "));
