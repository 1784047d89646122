/** All that the admin API answers. */
import { z } from "zod";
import type { AdminPorts } from "../ports.ts";
import { json } from "../problem.ts";
import { auditEndpoints } from "./audit.ts";
import { configEndpoints } from "./config.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { eventEndpoints } from "./events.ts";
import type { EventStreams } from "./event-streams.ts";
import { flagEndpoints } from "./flags.ts";
import { gateEndpoints } from "./gates.ts";
import { openapi } from "./openapi.ts";
import { reportEndpoints } from "./reports.ts";
import { rolloutEndpoints } from "./rollouts.ts";
import { systemEndpoints } from "./system.ts";
import { webhookEndpoints } from "./webhooks.ts";

export interface Api {
  readonly table: readonly Endpoint[];
  readonly streams: EventStreams;
}

export function api(ports: AdminPorts): Api {
  const events = eventEndpoints(ports);
  const table: Endpoint[] = [...systemEndpoints(ports), ...rolloutEndpoints(ports), ...reportEndpoints(ports), ...gateEndpoints(ports), ...configEndpoints(ports), ...auditEndpoints(ports), ...webhookEndpoints(ports), ...events.rows, ...flagEndpoints(ports)];
  let document: object | null = null;
  table.push(
    endpoint({
      method: "GET", path: "/openapi.json", id: "getOpenapi", tag: "system", summary: "This document.", permission: "look",
      answers: { 200: { means: "OpenAPI 3.1.", schema: z.record(z.string(), z.unknown()) } },
      handle: () => json(200, (document ??= openapi(table, ports.identity.version))),
    }),
  );
  return { table, streams: events.streams };
}
