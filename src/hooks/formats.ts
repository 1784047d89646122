/** An event as a receiver wants it. Pure. */
import type { WebhookFormat } from "../config/webhook-settings.ts";
import type { Message } from "./caller.ts";
import type { HookEvent } from "./event.ts";

const slackCharactersMax = 2_900;
/** https://developer.pagerduty.com/docs/events-api-v2-overview: 1,024 of the summary, 255 of the key. */
const summaryCharactersMax = 1_024;
const dedupKeyCharactersMax = 255;

/** @param source CloudEvents' source @param routingKey of PagerDuty */
export function messageOf(format: WebhookFormat, event: HookEvent, source: string, routingKey: string): Message {
  const body = format === "cloudevents" ? cloudEvent(event, source) : format === "slack" ? slackMessage(event) : pagerdutyEvent(event, source, routingKey);
  return { id: event.id, contentType: format === "cloudevents" ? "application/cloudevents+json; charset=utf-8" : "application/json; charset=utf-8", body: JSON.stringify(body) };
}

/** CloudEvents 1.0.2, JSON format, structured mode of the HTTP binding. */
function cloudEvent({ id, type, time, route, data }: HookEvent, source: string): object {
  return { specversion: "1.0", id, source, type, ...(route === null ? {} : { subject: route }), time, datacontenttype: "application/json", data };
}

const marks = { info: ":white_check_mark:", warn: ":warning:", page: ":rotating_light:" } as const;

/** An incoming webhook's message: https://api.slack.com/messaging/webhooks. */
function slackMessage({ severity, sentence, time, type, id }: HookEvent): object {
  const text = `${marks[severity]} ${escaped(cut(sentence, slackCharactersMax))}`;
  return {
    text,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text } },
      { type: "context", elements: [{ type: "mrkdwn", text: escaped(`${type} · ${time} · ${id}`) }] },
    ],
  };
}

/** `<!channel>` and links are Slack's markup: what a person or a service wrote must not become it. */
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function pagerdutyEvent(event: HookEvent, source: string, routingKey: string): object {
  const { incident, severity, sentence, time, route, type, data } = event;
  const dedup_key = cut(`${source}:${incident?.key ?? event.id}`, dedupKeyCharactersMax);
  if (incident?.over === true) return { routing_key: routingKey, event_action: "resolve", dedup_key };
  return {
    routing_key: routingKey,
    event_action: "trigger",
    dedup_key,
    client: "Ebbgate",
    payload: {
      summary: cut(sentence, summaryCharactersMax), source, timestamp: time, severity: { info: "info", warn: "error", page: "critical" }[severity],
      ...(route === null ? {} : { component: route }), class: type, custom_details: data,
    },
  };
}

const cut = (text: string, charactersMax: number): string => (text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`);
