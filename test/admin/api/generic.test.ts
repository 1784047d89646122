/** A client that only knows the OpenAPI document calls a running sidecar 5,000 times. */
import { afterAll, beforeAll, expect, it } from "vitest";
import fc from "fast-check";
import { Pool } from "undici";
import { TwoVersions } from "../../support/two-versions.ts";
import type { SidecarProcess } from "../../support/sidecar.ts";
import { GenericClient, type CallOf, type OpenApi } from "./generic-client.ts";

const calls = 5_000;
/** A stream does not end; what is awaited of it is in events.test.ts. */
const endless = ["streamEvents"];

const service = new TwoVersions();
let sidecar: SidecarProcess;
let pool: Pool;
beforeAll(async () => {
  sidecar = await service.start({ steps: [{ weight: 10 }, { weight: 50, approval: true }, { weight: 100 }], bake: "1m" }, {}, { gates: [{ name: "shop", route: "shop", variant: "v2", owner: "o", description: "d", ticket: "t", created: "2026-11-01", sunset: "2027-01-01", criteria: "c", rules: [{ name: "beta", effect: "allow", when: { headers: [{ name: "x-beta" }] } }] }] });
  pool = new Pool(sidecar.admin, { connections: 8, pipelining: 1 });
});
afterAll(async () => {
  await pool.close();
  service.clear();
});

async function call({ method, path, headers, body }: CallOf): Promise<{ status: number; type: string | null; text: string }> {
  const answer = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
  const type = answer.headers["content-type"];
  return { status: answer.statusCode, type: typeof type === "string" ? type : null, text: await answer.body.text() };
}

it(`finds no fault of ours, and no answer that the document does not have, in ${calls} calls`, async () => {
  const document = (await (await fetch(`${sidecar.admin}/openapi.json`)).json()) as OpenApi;
  const client = new GenericClient(document);
  const etag = (await fetch(`${sidecar.admin}/api/v1/rollouts/shop`)).headers.get("etag")!;
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(fc.array(client.calls({ name: ["shop"], "If-Match": [etag, "*"], "Idempotency-Key": ["a", "b", "c"], cursor: ["3", "shop"], route: ["shop"] }, endless), { minLength: 25, maxLength: 25 }), async (batch) => {
    const found = await Promise.all(
      batch.map(async (one) => {
        const { status, type, text } = await call(one);
        const key = `${status}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        return client.complaints(one, status, type, text).map((complaint) => `${one.method} ${one.path} ${JSON.stringify(one.headers)} ${one.body ?? ""}: ${complaint}`);
      }),
    );
    expect(found.flat()).toEqual([]);
  });
  await fc.assert(property, { numRuns: calls / 25, endOnFailure: true });
  // It got through to what the rows do, and was refused for each kind of wrong.
  for (const status of ["200", "400", "404", "405", "409", "412", "415", "422", "428"]) expect([status, seen.get(status) ?? 0]).not.toEqual([status, 0]);
}, 120_000);
