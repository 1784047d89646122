import { expect, it } from "vitest";
import { seededRandom, type Random } from "../../src/core/random.ts";
import { RawClient } from "../support/raw-client.ts";
import type { RawResponse } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import { RequestGenerator } from "../support/request-generator.ts";
import { expectAtRest, proxyFor, stage, upstreamFor } from "../support/stage.ts";

const sound = [
  "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: v\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 204 No Content\r\nETag: x\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
  "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
];
const bytes = ["\r", "\n", "\0", " ", "\t", ":", ";", ",", "0", "1", "9", "f", "g", "+", "-", '"', "\x0b", "\x7f", "\xff", "\r\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\n", "chunked", "Content-Length: 3\r\n"];

function garbled(random: Random): string {
  const below = (n: number): number => Math.floor(random() * n);
  let answer = sound[below(sound.length)]!;
  for (let n = below(3); n >= 0; n--) {
    const at = below(answer.length + 1);
    const kind = below(4);
    if (kind === 0) answer = answer.slice(0, at);
    else if (kind === 1) answer = answer.slice(0, at) + answer.slice(at + 1 + below(3));
    else answer = answer.slice(0, at) + bytes[below(bytes.length)]! + answer.slice(at + (kind === 2 ? 1 : 0));
  }
  return answer;
}

it("2,000 garbled answers hang nothing, crash nothing, and never become part of another one's answer", async () => {
  const random = seededRandom(99);
  const { port, proxy } = await stage((request) => {
    if (request.target !== "/garbled") return ok(request.target);
    request.connection.socket.end(garbled(random), "latin1");
    return undefined;
  }, { timeouts: { firstByteMs: 500, idleMs: 500 } });
  const outcomes = { answered: 0, refused: 0, reset: 0 };
  const worker = async (worked: number): Promise<void> => {
    let client = await RawClient.connect(port);
    for (let i = 0; i < 100; i++) {
      const clean = `/${worked}/${i}`;
      client.send(`GET /garbled HTTP/1.1\r\nHost: a\r\n\r\nGET ${clean} HTTP/1.1\r\nHost: a\r\n\r\n`);
      let first: RawResponse;
      try {
        first = await client.response();
      } catch {
        outcomes.reset++;
        client.destroy();
        client = await RawClient.connect(port);
        continue;
      }
      if (first.status === 502) outcomes.refused++;
      else outcomes.answered++;
      expect(await client.response()).toMatchObject({ status: 200, body: clean });
    }
    client.destroy();
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => worker(n)));
  expect(outcomes.answered + outcomes.refused + outcomes.reset).toBe(2_000);
  for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(50);
  await expectAtRest(proxy);
});

it("1,000 hostile connections crash nothing, and the service sees only requests that stand on their own", async () => {
  const stable = await upstreamFor((request) => ok(request.target));
  const proxy = await proxyFor([{ name: "shop", variants: { stable: { endpoints: [stable.id] } } }]);
  const generator = new RequestGenerator(seededRandom(77));
  const worker = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) {
      const client = await RawClient.connect(proxy.port);
      client.send(generator.connection());
      client.socket.end();
      await client.ended;
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  await expectAtRest(proxy);
  expect(stable.requests.length).toBeGreaterThan(250);
  // Each begins with a request line and carries the proxy's own fields once: nothing was smuggled behind another.
  for (const request of stable.requests) {
    expect(request.startLine).toMatch(/^[!-~]+ \/[!-~]* HTTP\/1\.1$/);
    const names = request.fields.map(([name]) => name.toLowerCase());
    for (const name of ["host", "x-forwarded-for", "x-forwarded-proto", "ebbgate-variant"]) expect(names.filter((other) => other === name)).toHaveLength(1);
  }
});
