import { expect, it } from "vitest";
import { converse, RawClient } from "../support/raw-client.ts";
import { ok, type UpstreamRequest } from "../support/raw-upstream.ts";
import { expectAtRest, stage } from "../support/stage.ts";

const describeRequest = ({ method, target, body }: UpstreamRequest): string => `${method} ${target} ${body}`;
const { port, upstream, proxy } = await stage((request) => ok(request.method === "HEAD" ? "" : describeRequest(request)));
const get = (path: string, method = "GET", lines = ""): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;

it("pipelined requests of mixed methods and framings are answered in their order", async () => {
  const requests: [method: string, bytes: string, body: string][] = [];
  for (let i = 0; i < 60; i++) {
    const path = `/${i}`;
    requests.push(
      ["GET", get(path), `GET ${path} `],
      ["HEAD", get(path, "HEAD"), ""],
      ["POST", `${get(path, "POST", "Content-Length: 3\r\n")}abc`, `POST ${path} abc`],
      ["DELETE", `${get(path, "DELETE", "Transfer-Encoding: chunked\r\n")}2\r\nde\r\n0\r\n\r\n`, `DELETE ${path} de`],
      ["OPTIONS", get(path, "OPTIONS"), `OPTIONS ${path} `],
    );
  }
  const client = await RawClient.connect(port, requests.map(([, bytes]) => bytes).join(""));
  for (const [method, , body] of requests) expect((await client.response(method)).body).toBe(body);
  expect(client.rest).toBe("");
  client.destroy();
});

it("an answer waits for those before it, and no request overtakes", async () => {
  let answerFirst: () => void = () => {};
  const { port: at, upstream: slow } = await stage((request) => {
    if (request.target !== "/first") return ok(request.target);
    answerFirst = (): void => void request.connection.socket.write(ok("/first"));
    return undefined;
  });
  const client = await RawClient.connect(at, get("/first") + get("/second") + get("/third"));
  await slow.until(() => slow.requests.length > 0);
  expect(client.received).toBe("");
  answerFirst();
  for (const path of ["/first", "/second", "/third"]) expect((await client.response()).body).toBe(path);
  client.destroy();
});

it("what follows a refused request is not a request", async () => {
  const before = upstream.requests.length;
  const { received } = await converse(port, get("/1") + get("/2", "GET", "X : y\r\n") + get("/3"));
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 400"]);
  expect(upstream.requests.slice(before).map(({ target }) => target)).toEqual(["/1"]);
});

it("what follows Connection: close is not a request", async () => {
  const before = upstream.requests.length;
  const { received, ending } = await converse(port, get("/1", "GET", "Connection: close\r\n") + get("/2"));
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
  expect(ending).toBe("clean");
  expect(upstream.requests.slice(before)).toHaveLength(1);
});

it("a request that no route matches is answered in its place, and the connection serves on", async () => {
  const { port: at } = await stage((request) => ok(request.target), { match: { hosts: [], path: { kind: "prefix", value: "/api" }, methods: [], headers: [] } });
  const client = await RawClient.connect(at, get("/api/1") + get("/other") + get("/other", "HEAD") + get("/api/2"));
  expect((await client.response()).body).toBe("/api/1");
  expect((await client.response()).status).toBe(404);
  expect((await client.response("HEAD")).status).toBe(404);
  expect((await client.response()).body).toBe("/api/2");
  client.destroy();
});

it("one empty line between requests is tolerated, as old clients send it after a body", async () => {
  const client = await RawClient.connect(port, `${get("/1", "POST", "Content-Length: 1\r\n")}x\r\n${get("/2")}`);
  expect((await client.response("POST")).status).toBe(200);
  expect((await client.response()).body).toBe("GET /2 ");
  client.destroy();
});

it("a client that pipelines without reading is read no further than a bound", async () => {
  const { port: at, upstream: big, proxy: gate } = await stage(() => ok("x".repeat(100_000)));
  const client = await RawClient.connect(at);
  client.socket.pause();
  const batch = get("/").repeat(1_000);
  for (let i = 0; i < 100; i++) client.send(batch);
  // The service stops being asked long before 100,000 answers of 100 kB.
  let seen = -1;
  while (seen !== big.requests.length) {
    seen = big.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(big.requests.length).toBeLessThan(1_000);
  client.destroy();
  await expectAtRest(gate);
});

it("after all that, nothing is under way", async () => {
  await expectAtRest(proxy);
});
