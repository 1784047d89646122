import fc from "fast-check";
import { expect, it } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { frame } from "../support/ebbgate-framing.ts";
import { RawClient } from "../support/raw-client.ts";
import { ok } from "../support/raw-upstream.ts";
import { RequestGenerator } from "../support/request-generator.ts";
import { stage } from "../support/stage.ts";

/** The bytes cut after every `size` of them, the first piece `first` long. */
function pieces(bytes: Buffer, first: number, size: number): Buffer[] {
  const all = [bytes.subarray(0, first)];
  for (let at = first; at < bytes.length; at += size) all.push(bytes.subarray(at, at + size));
  return all;
}

/** Which of two faults is named depends on what arrives first; what is accepted, and whether the rest is refused, does not. */
function framed(parts: readonly Buffer[]): object {
  const { accepted, error } = frame(parts);
  return { accepted, refused: error !== null };
}

it("10,000 connections are framed the same, wherever their bytes are cut", () => {
  const generator = new RequestGenerator(seededRandom(41));
  const random = seededRandom(42);
  for (let i = 0; i < 10_000; i++) {
    const bytes = generator.connection();
    const whole = framed([bytes]);
    const size = 1 + Math.floor(random() * 9);
    expect(framed(pieces(bytes, Math.floor(random() * bytes.length), size))).toEqual(whole);
    expect(framed(pieces(bytes, 0, 1))).toEqual(whole);
  }
});

const cohort = { mode: "key", sources: [{ kind: "ip" }], salt: "pieces", sticky: null } as const;
const { port, upstream } = await stage((request) => ok(`${request.method} ${request.target} ${request.body}`), { cohort });

it("a connection's answers and what the service gets are the same, wherever its bytes are cut", async () => {
  const generator = new RequestGenerator(seededRandom(43));
  const talk = async (parts: readonly Buffer[]): Promise<{ received: string; forwarded: string[] }> => {
    const from = upstream.requests.length;
    const client = await RawClient.connect(port);
    for (const part of parts) {
      client.send(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.ended;
    client.destroy();
    // Which of two faults is named, and whether the method is known by then, depends on what arrives first; the status does not.
    const received = client.received.replaceAll(/content-length: \d+\r\n(connection: close\r\n\r\n)(?:\{"type".*?\})?/gs, "$1");
    return { received, forwarded: upstream.requests.slice(from).map(({ head, body }) => head + body) };
  };
  await fc.assert(
    fc.asyncProperty(fc.constant(null), fc.integer({ min: 1, max: 40 }), async (_, size) => {
      // Only what is whole, and refused or answered: the rest would swallow the request that ends the conversation.
      let bytes = generator.connection();
      for (let framing = frame([bytes]); framing.error === null && (framing.accepted.at(-1)?.end !== bytes.length || framing.accepted.at(-1)?.last === true); framing = frame([bytes])) bytes = generator.connection();
      const whole = await talk([bytes]);
      expect(await talk(pieces(bytes, 0, size))).toEqual(whole);
    }),
    { numRuns: 250, endOnFailure: true },
  );
});
