/** Server-sent events over real sockets. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Access } from "../../../src/admin/access/access.ts";
import { streamsMax } from "../../../src/admin/api/event-streams.ts";
import { problem } from "../../../src/admin/problem.ts";
import { sinkOf } from "../../../src/admin/sink.ts";
import { ask, loopback, start } from "../client.ts";
import { type World, world } from "../world.ts";

const open: IncomingMessage[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) stream.destroy();
});

interface Reader {
  readonly head: IncomingMessage;
  /** The frames so far, comments left out. */
  readonly frames: { readonly id: string; readonly event: string; readonly data: { readonly type: string; readonly route: string | null } }[];
  /** Resolves when so many have come. */
  came(count: number): Promise<void>;
}

async function read({ port }: AddressInfo, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> {
  const sent = request({ host: "127.0.0.1", port, path, headers, agent: false }).end();
  const [head] = (await once(sent, "response")) as [IncomingMessage];
  open.push(head);
  head.on("error", () => undefined);
  const frames: Reader["frames"] = [];
  let [text, wake] = ["", (): void => undefined];
  head.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      text = text.slice(end + 2);
      if (fields["id"] !== undefined) frames.push({ id: fields["id"], event: fields["event"]!, data: JSON.parse(fields["data"]!) as Reader["frames"][number]["data"] });
    }
    wake();
  });
  return {
    head, frames,
    async came(count) {
      while (frames.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

const change = (revision: number): object => ({ kind: "configuration", action: "applied", who: "ada", revision, reason: null });
const write = async (w: World, ...revisions: number[]): Promise<void> => {
  for (const revision of revisions) await w.store.append(change(revision));
};

describe("the stream of events", () => {
  it("tells what is written down from now on, in order, each with the number of its record", async () => {
    const w = world();
    await write(w, 1, 2);
    const reader = await read(await start(w), "/api/v1/events");
    expect(reader.head.headers).toMatchObject({ "content-type": "text/event-stream", "cache-control": "no-store" });
    await write(w, 3, 4);
    await reader.came(2);
    expect(reader.frames.map(({ id, event }) => [id, event])).toEqual([["3", "dev.ebbgate.configuration.applied"], ["4", "dev.ebbgate.configuration.applied"]]);
  });

  it("goes on after Last-Event-ID, or from the beginning of a log that began anew", async () => {
    const w = world();
    await write(w, ...Array.from({ length: 40 }, (_, i) => i + 1));
    const at = await start(w);
    const resumed = await read(at, "/api/v1/events", { "last-event-id": "3" });
    await resumed.came(37);
    expect(resumed.frames.map(({ id }) => Number(id))).toEqual(Array.from({ length: 37 }, (_, i) => i + 4));
    const later = await read(at, "/api/v1/events?after=900");
    await later.came(40);
    expect(later.frames[0]!.id).toBe("1");
  });

  it("tells of one route, and of what concerns all of them", async () => {
    const w = world();
    const at = await start(w);
    const reader = await read(at, "/api/v1/events?route=shop&after=0");
    const playbook = (route: string): object => ({ kind: "playbook", route, candidate: "v2", revision: "1", rollback: 1, step: "s", index: 0, outcome: "done", target: "t", attempts: 1, detail: "", by: "i" });
    await w.store.append(playbook("other"));
    await w.store.append(playbook("shop"));
    await write(w, 1);
    await reader.came(2);
    expect(reader.frames.map(({ data }) => data.route)).toEqual(["shop", null]);
  });

  it("refuses what is no id, and more streams than it has room for", async () => {
    const at = await start();
    expect((await ask(at, "/api/v1/events", { headers: { "last-event-id": "x" } })).status).toBe(400);
    expect((await ask(at, "/api/v1/events?after=-1")).status).toBe(400);
    for (let i = 0; i < streamsMax; i++) await read(at, "/api/v1/events");
    expect(await ask(at, "/api/v1/events")).toMatchObject({ status: 503, headers: { "retry-after": "10" } });
    open.pop()!.destroy();
    const again = async (): Promise<number | undefined> => (await read(at, "/api/v1/events")).head.statusCode;
    await expect.poll(again).toBe(200);
  });

  it("waits for a reader that reads slowly, and holds up nobody else", async () => {
    const w = world();
    const long = "x".repeat(60_000);
    for (let revision = 1; revision <= 200; revision++) await w.store.append({ ...change(revision), reason: long });
    const at = await start(w);
    const slow = await read(at, "/api/v1/events?after=0");
    slow.head.pause();
    const quick = await read(at, "/api/v1/events?after=0");
    await quick.came(200);
    // What the slow one has not read is still in the log, not in memory.
    expect(slow.frames.length).toBeLessThan(200);
    slow.head.resume();
    await slow.came(200);
    expect(slow.frames.map(({ id }) => Number(id))).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  it("cuts a reader that does not read at all", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200);
      const sink = sinkOf(response, 50);
      const flood = async (): Promise<void> => {
        while (await sink.write("x".repeat(1_000_000)));
        server.emit("cut");
      };
      void flood();
    });
    const cut = once(server, "cut");
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    socket.on("error", () => undefined).pause();
    await expect(cut).resolves.toEqual([]);
    socket.destroy();
    server.close();
  });

  it("ends with the server, and when its reader may read no longer", async () => {
    const w = world();
    let admitted = true;
    const access: Access = { exposed: false, denied: () => undefined, admit: () => Promise.resolve(admitted ? { principal: { name: "ada", role: "viewer", verified: true } } : { answer: problem(401, "It was revoked.") }) };
    const at = await start(w, loopback, access);
    const reader = await read(at, "/api/v1/events");
    const ended = once(reader.head, "end");
    admitted = false;
    w.state.nowMs += 15_000;
    await expect(ended).resolves.toEqual([]);
  });
});
