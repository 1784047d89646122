import { METHODS } from "node:http";
import { expect, it } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { frame, type Framed } from "../support/ebbgate-framing.ts";
import { nodeFrame, type NodeRequest } from "../support/node-framing.ts";
import { RequestGenerator } from "../support/request-generator.ts";

const cases = 100_000;
const batchBytes = 200_000;
/** Node knows a fixed list of methods; a proxy passes on those that it does not know too. */
const known = new Set(METHODS);

interface Case {
  readonly bytes: Buffer;
  readonly expected: readonly NodeRequest[];
}

/** Many connections' worth on one: a boundary that is off by one byte anywhere puts all that follows out of step. */
class Batches {
  private cases: Case[] = [];
  private size = 0;
  readonly differences: { bytes: string; expected: readonly NodeRequest[]; node: unknown }[] = [];

  async add(one: Case, last: boolean): Promise<void> {
    this.cases.push(one);
    this.size += one.bytes.length;
    if (last || this.size > batchBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.cases;
    this.cases = [];
    this.size = 0;
    if (batch.length === 0 || (await this.agrees(Buffer.concat(batch.map(({ bytes }) => bytes)), batch.flatMap(({ expected }) => expected)))) return;
    for (const { bytes, expected } of batch) {
      if (!(await this.agrees(bytes, expected))) this.differences.push({ bytes: bytes.toString("latin1"), expected, node: await nodeFrame(bytes) });
      if (this.differences.length > 20) return;
    }
  }

  private async agrees(bytes: Buffer, expected: readonly NodeRequest[]): Promise<boolean> {
    const { requests, error } = await nodeFrame(bytes);
    return error === null && requests.length === expected.length && requests.every((request, i) => same(request, expected[i]!));
  }
}

const same = (a: NodeRequest, b: NodeRequest): boolean => a.method === b.method && a.target === b.target && a.host === b.host && a.body === b.body;
const asWritten = ({ method, rawTarget, body }: Framed, host: string): NodeRequest => ({ method, target: rawTarget, host, body });

it("whatever Ebbgate accepts of 100,000 generated and mutated requests, Node's strict parser frames the same way: as the client wrote it, and as the service gets it", async () => {
  const generator = new RequestGenerator(seededRandom(20_261_122));
  const written = new Batches();
  const forwarded = new Batches();
  let accepted = 0;
  let refused = 0;
  let unknown = 0;
  for (let i = 0; i < cases; i++) {
    const bytes = generator.connection();
    const framing = frame([bytes]);
    if (framing.error !== null) refused++;
    // What Node has no name for ends the case before it.
    const foreign = framing.accepted.findIndex(({ method }) => !known.has(method));
    if (foreign >= 0) unknown++;
    const taken = foreign < 0 ? framing.accepted : framing.accepted.slice(0, foreign);
    if (taken.length === 0) continue;
    accepted += taken.length;
    const last = taken.at(-1)!;
    await written.add({ bytes: bytes.subarray(0, last.end), expected: taken.map((one) => asWritten(one, hostAsWritten(bytes, one))) }, last.last);
    await forwarded.add({ bytes: Buffer.from(taken.map((one) => one.forwarded).join(""), "latin1"), expected: taken.map(({ method, target, host, body }) => ({ method, target, host, body })) }, false);
  }
  await written.flush();
  await forwarded.flush();
  expect(written.differences).toEqual([]);
  expect(forwarded.differences).toEqual([]);
  // The corpus is worth something only while it holds much of both.
  expect(accepted).toBeGreaterThan(cases / 2);
  expect(refused).toBeGreaterThan(cases / 4);
  expect(unknown).toBeLessThan(cases / 20);
}, 60_000);

/** The Host field's own text, which an absolute-form target overrides. */
function hostAsWritten(bytes: Buffer, { rawTarget, host, end }: Framed): string {
  if (rawTarget.startsWith("/")) return host;
  const before = bytes.toString("latin1", 0, end);
  const head = before.slice(before.lastIndexOf(rawTarget));
  return /\r\nhost:[ \t]*([^\r]*?)[ \t]*\r\n/i.exec(head)![1]!;
}
