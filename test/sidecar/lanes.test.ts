/** Two sidecars in a row, as processes, as config/lanes.yaml and config/lanes-pricing.yaml have them. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { bucketOf } from "../../src/split/bucket.ts";
import { Workplace, type SidecarProcess } from "../support/sidecar.ts";

const servers: Server[] = [];
const places: Workplace[] = [];
afterAll(() => {
  for (const place of places) place.clear();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (headers: IncomingHttpHeaders) => string | Promise<string>): Promise<string> {
  const server = createServer((asked, response) => void Promise.resolve(answer(asked.headers)).then((text) => response.end(text), (error: unknown) => response.writeHead(500).end(String(error))));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(url: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** A sample's sidecar, on free ports and before other endpoints. */
async function sidecar(sample: string, endpoints: Readonly<Record<string, string>>): Promise<SidecarProcess> {
  const place = new Workplace();
  places.push(place);
  let text = readFileSync(join(import.meta.dirname, "../../config", sample), "utf8").replaceAll(/(address: 127\.0\.0\.1):\d+/g, "$1:0");
  if (!text.includes("admin:")) text += "\nadmin: { address: 127.0.0.1:0 }\n";
  for (const [from, to] of Object.entries(endpoints)) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  place.writeText(text);
  return place.start();
}

it("a candidate calls a candidate, and a baseline a baseline, where the service passes on its headers or its baggage", async () => {
  const pricing = await Promise.all(["p1", "p2"].map((name) => serve((headers) => `${name} in ${String(headers["baggage"] ?? "-")}`)));
  const back = await sidecar("lanes-pricing.yaml", { "http://127.0.0.1:3011": pricing[0]!, "http://127.0.0.1:3012": pricing[1]! });
  // As an instrumented service does (OpenTelemetry carries baggage), or one that copies the header by hand, or one that does neither.
  const shop = (name: string) => (headers: IncomingHttpHeaders): Promise<string> => {
    const carry = headers["x-carry"] as "baggage" | "ebbgate-variant" | undefined;
    return ask(back.proxy, carry === undefined ? {} : { [carry]: headers[carry] as string }).then((text) => `${name} > ${text}`);
  };
  const shops = await Promise.all(["s1", "s2"].map((name) => serve(shop(name))));
  const front = await sidecar("lanes.yaml", { "http://127.0.0.1:3001": shops[0]!, "http://127.0.0.1:3002": shops[1]! });
  const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
  for (const carry of ["baggage", "ebbgate-variant"]) {
    for (const user of users) {
      const lane = bucketOf("shop", user) < 20_000 ? 2 : 1;
      // A client's own word for its lane is worth nothing at the first sidecar.
      const answer = await ask(front.proxy, { "x-user": user, "x-carry": carry, baggage: `ebbgate-variant=v${3 - lane},theirs=1`, "ebbgate-variant": `v${3 - lane}` });
      expect(answer).toBe(`s${lane} > p${lane} in ${carry === "baggage" ? "theirs=1," : ""}ebbgate-variant=v${lane}`);
    }
  }
  expect(users.filter((user) => bucketOf("shop", user) < 20_000).length).toBeGreaterThan(2);
  // Nothing is carried: the lane ends, and version 2 of the prices has next to no users of its own.
  expect(await ask(front.proxy, { "x-user": "user-0" })).toContain("p1 in ebbgate-variant=v1");
  await Promise.all([front.stop(), back.stop()]);
}, 60_000);
