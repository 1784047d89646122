/** What machines ask: probes, scrapers, and the page. */
import { z } from "zod";
import { Metrics } from "../exposition.ts";
import { statusPage } from "../page.ts";
import type { AdminPorts } from "../ports.ts";
import { json } from "../problem.ts";
import { readiness } from "../readiness.ts";
import { statusOf } from "../status.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { readinessShape, status } from "./shapes-status.ts";

export function systemEndpoints(ports: AdminPorts): readonly Endpoint[] {
  const metrics = new Metrics(ports);
  const tag = "system";
  // Probes and scrapers add what they like.
  const query = z.object({});
  return [
    endpoint({ method: "GET", path: "/", query, id: "getPage", tag, summary: "The dashboard, for a browser.", permission: "none", answers: { 200: { means: "A page.", contentType: "text/html" } }, handle: () => statusPage }),
    endpoint({
      method: "GET", path: "/healthz", query, id: "getHealth", tag, summary: "Whether the process is alive.", permission: "none",
      answers: { 200: { means: "It is.", schema: z.object({ status: z.literal("alive") }).meta({ id: "Alive" }) } },
      handle: () => json(200, { status: "alive" }),
    }),
    endpoint({
      method: "GET", path: "/readyz", query, id: "getReadiness", tag, summary: "Whether traffic should be sent here.", permission: "none",
      answers: { 200: { means: "Yes.", schema: readinessShape }, 503: { means: "No, and why.", schema: readinessShape } },
      handle() {
        const state = readiness(ports);
        return json(state.ready ? 200 : 503, state);
      },
    }),
    endpoint({
      method: "GET", path: "/metrics", query, id: "getMetrics", tag, summary: "Prometheus' text format, or OpenMetrics to who accepts it.", permission: "look",
      answers: { 200: { means: "All of docs/metrics.md.", contentType: "text/plain" } },
      async handle({ question }) {
        const { contentType, body } = await metrics.expose(question.header("accept"));
        return { status: 200, contentType, body };
      },
    }),
    endpoint({
      method: "GET", path: "/api/v1/status", id: "getStatus", tag, summary: "What runs and how it fares.", permission: "read",
      answers: { 200: { means: "Everything that this sidecar shows of itself.", schema: status } }, handle: () => json(200, statusOf(ports)),
    }),
  ];
}
