/** What happens, as it happens. */
import { z } from "zod";
import type { AdminPorts } from "../ports.ts";
import { problem } from "../problem.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { EventStreams, streamsMax } from "./event-streams.ts";

export function eventEndpoints(ports: Pick<AdminPorts, "audit" | "clock">): { readonly rows: readonly Endpoint[]; readonly streams: EventStreams } {
  const streams = new EventStreams(ports);
  const rows = [
    endpoint({
      method: "GET", path: "/api/v1/events", id: "streamEvents", tag: "events", summary: "Decisions, changes and playbooks as server-sent events.", permission: "read",
      more: "An event's `id` is the number of its audit record, its `event` the type that webhooks are told (docs/notifications.md). After a break, `Last-Event-ID` (a browser sends it by itself) or `after` goes on where the stream was: nothing is missed that is still in the log, also across a restart and on another sidecar of the fleet.",
      query: z.strictObject({ route: z.string().max(253).optional(), after: z.int("is the id of an event").min(0, "is the id of an event").optional() }),
      answers: { 200: { means: "A stream without end.", contentType: "text/event-stream" }, 503: { means: `There are ${streamsMax} streams already.` } },
      async handle({ query: { route, after }, question, stillAdmitted }) {
        if (streams.full) return problem(503, `There are ${streamsMax} streams already: end one, or follow /api/v1/audit.`, { "retry-after": "10" });
        const last = question.header("last-event-id");
        if (last !== undefined && !/^\d{1,15}$/.test(last)) return problem(400, "Last-Event-ID is not the id of an event: leave it out, or send the last `id` that came.", {}, [{ in: "header", field: "Last-Event-ID", detail: "is not a number" }]);
        const from = last === undefined ? (after ?? (await streams.end())) : Number(last);
        return { status: 200, contentType: "text/event-stream", body: "retry: 1000\n\n", stream: (sink) => streams.open(sink, from, route, stillAdmitted) };
      },
    }),
  ];
  return { rows, streams };
}
