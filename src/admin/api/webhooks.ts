/** Targets of notifications, playbooks and external gates: how they fare, and what could not be told. */
import { z } from "zod";
import type { DeadLetter } from "../../hooks/dead-letters.ts";
import type { Replay, TargetStatus } from "../../hooks/hooks.ts";
import type { AdminPorts } from "../ports.ts";
import { type Answer, json, noSuch, problem } from "../problem.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { named, page, pageLimit } from "./shapes.ts";
import { targetStatus } from "./shapes-status.ts";

const eventId = z.string().regex(/^[0-9a-f-]{1,64}$/, "is none of an event: as 42-9f2c51b0a7d3e48816c0aa35");

const letter = z
  .object({
    id: z.string().describe("Of its event: the receiver gets the same one again."), type: z.string(), time: z.string(), route: z.string().nullable(), severity: z.enum(["info", "warn", "page"]),
    sentence: z.string(), since: z.string().describe("Since when it is given up."), attempts: z.int().min(1), detail: z.string().describe("What the last attempt ended with."),
  })
  .meta({ id: "DeadLetter", description: "An event that a target could not be told in its time." });

const replay: z.ZodType<Replay> = z
  .object({
    sent: z.array(z.object({ id: z.string(), taken: z.boolean(), detail: z.string() })).describe("Oldest first; it ends at the first that fails, and after 100."),
    left: z.int().min(0).describe("Dead letters of those that were asked for that still are."),
  })
  .meta({ id: "Replay" });

const shown = ({ event: { id, type, time, route, severity, sentence }, since, attempts, detail }: DeadLetter): z.input<typeof letter> => ({ id, type, time, route, severity, sentence, since, attempts, detail });

export function webhookEndpoints({ webhooks, letters }: Pick<AdminPorts, "webhooks" | "letters">): readonly Endpoint[] {
  const targets = (): readonly TargetStatus[] => webhooks?.() ?? [];
  const missing = (name: string): Answer | null => {
    const names = targets().map(({ target }) => target);
    if (letters !== undefined && names.includes(name)) return null;
    return noSuch("target", name, names, "webhooks.targets of the bootstrap document is empty");
  };
  const [tag, params] = ["webhooks", named("target")];
  return [
    endpoint({
      method: "GET", path: "/api/v1/webhooks", id: "listWebhooks", tag, summary: "How each target fares: what it took, how far behind it is, its dead letters.", permission: "read",
      answers: { 200: { means: "All targets.", schema: z.object({ items: z.array(targetStatus) }).meta({ id: "Webhooks" }) } },
      handle: () => json(200, { items: targets() }),
    }),
    endpoint({
      method: "GET", path: "/api/v1/webhooks/{name}/dead-letters", id: "listDeadLetters", tag, summary: "Events that a target could not be told, oldest first.", permission: "read", params,
      query: z.strictObject({ limit: pageLimit, cursor: eventId.optional() }),
      answers: { 200: { means: "A page of them.", schema: page(letter, "DeadLetterPage") }, 404: { means: "There is no such target." } },
      async handle({ params: { name }, query: { limit, cursor } }) {
        const none = missing(name);
        if (none !== null) return none;
        const found = await letters!.deadLetters(name, cursor ?? null, limit + 1);
        const items = found.slice(0, limit);
        return json(200, { items: items.map(shown), next: found.length > limit ? items.at(-1)!.event.id : null });
      },
    }),
    endpoint({
      method: "POST", path: "/api/v1/webhooks/{name}/replay", id: "replayDeadLetters", tag, summary: "Send a target's dead letters again; those that it takes are dead no more.", permission: "raise", params, idempotent: true,
      body: { schema: z.strictObject({ event: eventId.optional().describe("Only this one; left out: all, oldest first.") }) },
      answers: { 200: { means: "What became of them.", schema: replay }, 404: { means: "There is no such target, or it has no such dead letter." } },
      async handle({ params: { name }, body: { event }, principal }) {
        const none = missing(name);
        if (none !== null) return none;
        const done = await letters!.replay(name, principal.name, event);
        return event !== undefined && done.sent.length === 0 ? problem(404, `Target ${name} has no dead letter ${event}: it was sent again already, or never was one.`) : json(200, done);
      },
    }),
  ];
}
