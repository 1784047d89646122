/** Many large transfers at once: each gets its turns, and none is forgotten in the queue of those that wait for one. */
import { createHash } from "node:crypto";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, it } from "vitest";
import { proxyFor } from "../support/stage.ts";

const transfers = 80;
const bytesEach = 2 * 1_048_576;
const bodyOf = (n: number): Buffer => Buffer.alloc(bytesEach, `transfer ${n};`);
const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const server = createServer((request, response) => {
  if (request.method === "GET") return void response.end(bodyOf(Number(request.url!.slice(1))));
  const hash = createHash("sha256");
  request.on("data", (bytes: Buffer) => hash.update(bytes));
  request.on("end", () => response.end(hash.digest("hex")));
}).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
afterAll(() => server.close());
const proxy = await proxyFor([{ variants: { v1: { endpoints: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`] } } }]);

function download(n: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port: proxy.port, host: "127.0.0.1", path: `/${n}`, agent: false }, (response) => {
      const hash = createHash("sha256");
      response.on("data", (bytes: Buffer) => hash.update(bytes)).on("end", () => resolve(hash.digest("hex"))).on("error", reject);
    }).on("error", reject);
  });
}

async function upload(n: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${proxy.port}/${n}`, { method: "POST", body: new Uint8Array(bodyOf(n)) });
  return response.text();
}

it("80 downloads and 80 uploads of 2 MiB at once all arrive whole", async () => {
  const all = Array.from({ length: transfers }, (_, n) => n);
  const expected = all.map((n) => digest(bodyOf(n)));
  const [down, up] = await Promise.all([Promise.all(all.map(download)), Promise.all(all.map(upload))]);
  expect(down).toEqual(expected);
  expect(up).toEqual(expected);
});
