/** Tells one target what the audit log says. */
import { notifiedSeverities, type WebhookTarget } from "../config/webhook-settings.ts";
import type { AuditRecord, Fence } from "../store/store.ts";
import { tokenRefusal } from "../config/webhook-schema.ts";
import { reveal, type Message } from "./caller.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { deliver, type DeliveryPorts } from "./delivery.ts";
import { eventOf, type HookEvent } from "./event.ts";
import type { Following } from "./follower.ts";
import { messageOf } from "./formats.ts";
import type { HookLog } from "./ports.ts";

export interface NotifierPorts extends DeliveryPorts {
  readonly log: HookLog;
  readonly source: string;
  readonly letters: DeadLetters;
  fence(): Fence | undefined | null;
  /** The target could not be told. */
  gaveUp(target: string): void;
}

export const notifierKey = (target: string): string => `hooks/told/${target}`;

export class Notifier implements Following {
  readonly key: string;
  private readonly ports: NotifierPorts;
  private readonly target: WebhookTarget;

  constructor(ports: NotifierPorts, target: WebhookTarget) {
    this.ports = ports;
    this.target = target;
    this.key = notifierKey(target.name);
  }

  wants(record: AuditRecord): boolean {
    const event = eventOf(record);
    return event !== null && isFor(this.target, event);
  }

  async take(record: AuditRecord, signal: AbortSignal): Promise<void> {
    const { ports, target } = this;
    const event = eventOf(record)!;
    const { result, attempts } = await deliver(ports, target, () => messageFor(target, event, ports.source), Date.parse(record.time) + target.giveUpAfterMs, signal);
    if (result.outcome === "taken") return;
    const { detail } = result;
    const since = new Date(ports.clock.wallMs()).toISOString();
    const lost = await ports.letters.keep({ version: 1, target: target.name, event, since, attempts, detail }, ports.fence() ?? undefined);
    ports.gaveUp(target.name);
    ports.log.error({ target: target.name, event: event.id, attempts, detail, lost }, "A notification could not be delivered; it is kept as a dead letter.");
  }
}

/** @throws Error where its routing key cannot be read */
export async function messageFor(target: WebhookTarget, event: HookEvent, source: string): Promise<Message> {
  return messageOf(target.format, event, source, target.routingKey === null ? "" : await reveal(target.routingKey, "routingKey", tokenRefusal));
}

const rank = (severity: HookEvent["severity"]): number => notifiedSeverities.indexOf(severity);

/** Whoever is told that something goes wrong is told when it is over, too: else an alert would stay open. */
function isFor({ notify, format }: WebhookTarget, { severity, route, incident }: HookEvent): boolean {
  if (notify === null || (notify.routes !== null && route !== null && !notify.routes.includes(route))) return false;
  return rank(severity) >= rank(notify.from) || (format === "pagerduty" && incident?.over === true);
}
