/** What is asked of the admin API before its table: is it this server that is meant? No socket is known here. */
import type { AdminSettings } from "../config/settings.ts";
import type { Access } from "./access/access.ts";
import { Idempotency } from "./api/idempotency.ts";
import { Router } from "./api/router.ts";
import { api, type Api } from "./api/table.ts";
import { hostIsAllowed } from "./binding.ts";
import type { AdminPorts } from "./ports.ts";
import { problem, type Answer } from "./problem.ts";
import type { Question } from "./question.ts";

export class Endpoints {
  private readonly settings: Pick<AdminSettings, "hostNames">;
  private readonly router: Router;
  private readonly api: Api;

  constructor(settings: Pick<AdminSettings, "hostNames">, ports: AdminPorts, access: Access) {
    this.settings = settings;
    this.api = api(ports);
    this.router = new Router(this.api.table, access, new Idempotency(ports.clock));
  }

  answer(question: Question): Answer | Promise<Answer> {
    const host = question.header("host");
    if (hostIsAllowed(host, this.settings)) return this.router.answer(question);
    return problem(421, `The Host ${JSON.stringify(host?.slice(0, 100) ?? "")} is not this server's. Use its IP address or localhost, or add the name to admin.hostNames.`, question.hasBody ? { connection: "close" } : {});
  }

  /** Ends what would go on for ever. */
  close(): void {
    this.api.streams.close();
  }
}
