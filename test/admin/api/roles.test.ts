/** Every endpoint x role: no role can do what it must not. The table here is written by hand, so that a row that is given the wrong permission is found. */
import { describe, expect, it } from "vitest";
import type { Access } from "../../../src/admin/access/access.ts";
import { Idempotency } from "../../../src/admin/api/idempotency.ts";
import { roles, type Role } from "../../../src/admin/api/roles.ts";
import { Router } from "../../../src/admin/api/router.ts";
import { api } from "../../../src/admin/api/table.ts";
import { problem } from "../../../src/admin/problem.ts";
import { world } from "../world.ts";

const everybody = ["nobody", ...roles] as const;
const known = roles;
const operators = ["operator", "admin"] as const;
const lowering = ["operator", "approver", "admin"] as const;

/** Who may, where strangers reach the port and tokens tell them apart. */
const may: Readonly<Record<string, readonly (Role | "nobody")[]>> = {
  "GET /": everybody, "GET /healthz": everybody, "GET /readyz": everybody,
  "GET /metrics": known, "GET /openapi.json": known, "GET /api/v1/status": known,
  "GET /api/v1/rollouts": known, "GET /api/v1/rollouts/{name}": known, "GET /api/v1/rollouts/{name}/report": known,
  "GET /api/v1/gates": known, "GET /api/v1/gates/{name}": known, "POST /api/v1/gates/{name}/explain": known,
  "GET /api/v1/config": known, "GET /api/v1/audit": known, "GET /api/v1/events": known,
  "POST /ofrep/v1/evaluate/flags": known, "POST /ofrep/v1/evaluate/flags/{name}": known,
  "GET /api/v1/webhooks": known, "GET /api/v1/webhooks/{name}/dead-letters": known, "POST /api/v1/webhooks/{name}/replay": operators,
  "POST /api/v1/rollouts/{name}/pause": lowering, "POST /api/v1/rollouts/{name}/rollback": lowering, "POST /api/v1/gates/{name}/kill": lowering,
  "POST /api/v1/rollouts/{name}/promote": operators, "POST /api/v1/rollouts/{name}/resume": operators, "POST /api/v1/rollouts/{name}/drill": operators, "POST /api/v1/gates/{name}/revive": operators,
  "PUT /api/v1/config": operators,
  "POST /api/v1/rollouts/{name}/approve": ["approver", "admin"],
  "POST /api/v1/rollouts/{name}/override": ["admin"],
};

const { ports } = world();
const { table } = api(ports);

async function ask(method: string, path: string, who: Role | "nobody"): Promise<number> {
  const access: Access = {
    exposed: true, denied: () => undefined,
    admit: () => Promise.resolve(who === "nobody" ? { answer: problem(401, "Who is it?") } : { principal: { name: who, role: who, verified: true } }),
  };
  const { status } = await new Router(table, access, new Idempotency(ports.clock)).answer({
    method, target: path.replace("{name}", "shop"), header: () => undefined, peer: "192.0.2.7", certificate: null, hasBody: false, body: () => Promise.resolve(new Uint8Array()),
  });
  return status;
}

it("knows every endpoint", () => {
  expect(table.map(({ method, path }) => `${method} ${path}`).toSorted((a, b) => a.localeCompare(b))).toEqual(Object.keys(may).toSorted((a, b) => a.localeCompare(b)));
});

describe.each(Object.entries(may))("%s", (endpoint, allowed) => {
  const [method, path] = endpoint.split(" ") as [string, string];

  it.each(everybody)("%s", async (who) => {
    const status = await ask(method, path, who);
    // Who may is refused for what is sent, if at all; who may not never gets so far.
    if (allowed.includes(who)) expect([401, 403]).not.toContain(status);
    else expect(status).toBe(who === "nobody" ? 401 : 403);
  });
});
