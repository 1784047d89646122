/** The admin API's paths, as a table; and what is refused before any of them is asked. No socket is known here. */
import type { AdminSettings } from "../config/settings.ts";
import { hostIsAllowed } from "./binding.ts";
import { Metrics } from "./exposition.ts";
import { isOfrep, Ofrep } from "./ofrep.ts";
import { statusPage } from "./page.ts";
import type { AdminPorts } from "./ports.ts";
import { json, problem, type Answer } from "./problem.ts";
import { readiness } from "./readiness.ts";
import { statusOf } from "./status.ts";

/** What of a request the endpoints may know. */
export interface Question {
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  readonly host: string | undefined;
  readonly accept: string | undefined;
  readonly hasBody: boolean;
  readonly contentType: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** @returns the whole body, or null where it is longer than `bytesMax` */
  readonly body: (bytesMax: number) => Promise<Uint8Array | null>;
}

type Endpoint = (question: Question) => Answer | Promise<Answer>;

export class Endpoints {
  private readonly settings: AdminSettings;
  private readonly table: ReadonlyMap<string, Endpoint>;
  private readonly ofrep: Ofrep;

  constructor(settings: AdminSettings, ports: AdminPorts) {
    this.settings = settings;
    const metrics = new Metrics(ports);
    this.ofrep = new Ofrep(ports);
    this.table = new Map<string, Endpoint>([
      ["/", () => statusPage],
      ["/healthz", () => json(200, { status: "alive" })],
      [
        "/readyz",
        () => {
          const state = readiness(ports);
          return json(state.ready ? 200 : 503, state);
        },
      ],
      [
        "/metrics",
        async ({ accept }) => {
          const { contentType, body } = await metrics.expose(accept);
          return { status: 200, contentType, body };
        },
      ],
      ["/api/v1/status", () => json(200, statusOf(ports))],
    ]);
  }

  async answer(question: Question): Promise<Answer> {
    const { method, target, host } = question;
    if (!hostIsAllowed(host, this.settings)) {
      return problem(421, `The Host ${JSON.stringify(host?.slice(0, 100) ?? "")} is not this server's. Use its IP address or localhost, or add the name to admin.hostNames.`);
    }
    const path = target.split("?", 1)[0]!;
    if (isOfrep(path)) return this.ofrep.answer({ ...question, path });
    if (question.hasBody) return problem(413, "Nothing here takes a request body yet.", { connection: "close" });
    const endpoint = this.table.get(path);
    if (endpoint === undefined) return problem(404, `There is nothing at ${JSON.stringify(path.slice(0, 200))}. There is: ${[...this.table.keys()].join(", ")}.`);
    if (method !== "GET" && method !== "HEAD") return problem(405, `${method} is not possible at ${path}: only GET and HEAD.`, { allow: "GET, HEAD" });
    return endpoint(question);
  }
}
