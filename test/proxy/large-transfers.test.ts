/** Many large transfers at once: each gets its turns, and none is forgotten in the queue of those that wait for one. */
import { createHash } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, it } from "vitest";
import { proxyFor } from "../support/stage.ts";

const transfers = 80;
const bytesEach = 2 * 1_048_576;
const bodyOf = (n: number): Buffer => Buffer.alloc(bytesEach, `transfer ${n};`);
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const server = createServer((incoming, response) => {
  if (incoming.method === "GET") return void response.end(bodyOf(Number(incoming.url!.slice(1))));
  const hash = createHash("sha256");
  incoming.on("data", (bytes: Buffer) => hash.update(bytes));
  incoming.on("end", () => response.end(hash.digest("hex")));
}).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
afterAll(() => server.close());
const proxy = await proxyFor([{ variants: { v1: { endpoints: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] } } }]);

/** @returns the digest of what came back, of a download; or of what the service got, of an upload. On a connection of its own. */
function transfer(n: number, upload: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: proxy.port, host: "127.0.0.1", path: `/${n}`, agent: false, method: upload ? "POST" : "GET" }, (response) => {
      const parts: Buffer[] = [];
      response.on("error", reject).on("data", (bytes: Buffer) => parts.push(bytes));
      response.on("end", () => resolve(upload ? Buffer.concat(parts).toString() : digest(Buffer.concat(parts))));
    });
    sent.on("error", reject).end(upload ? bodyOf(n) : undefined);
  });
}

it("80 downloads and 80 uploads of 2 MiB at once all arrive whole", async () => {
  const all = Array.from({ length: transfers }, (_, n) => n);
  const expected = all.map((n) => digest(bodyOf(n)));
  const [down, up] = await Promise.all([Promise.all(all.map((n) => transfer(n, false))), Promise.all(all.map((n) => transfer(n, true)))]);
  expect(down).toEqual(expected);
  expect(up).toEqual(expected);
});
