import { describe, expect, it } from "vitest";
import { ask, converse, RawClient } from "../support/raw-client.ts";
import { valuesOf, type RawResponse } from "../support/raw-messages.ts";
import { ok } from "../support/raw-upstream.ts";
import { expectAtRest, eventually, stage } from "../support/stage.ts";

const limits = { trailerBytesMax: 512, chunkLineBytesMax: 128 };
const { port, upstream, proxy } = await stage((request) => ok(`${request.method} ${request.body.length}`), { limits: { requestBodyBytesMax: 4_000_000 } }, { limits });
const head = (method: string, lines: string): string => `${method} / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const chunkedHead = (method = "POST", lines = ""): string => head(method, `Transfer-Encoding: chunked\r\n${lines}`);

describe("a request body", () => {
  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])("of %s keeps its framing, in either framing", async (method) => {
    for (const [lines, bytes, framing] of [["Content-Length: 5\r\n", "hello", "length"], ["Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "chunked"]] as const) {
      await ask(port, head(method, lines) + bytes);
      expect(upstream.requests.at(-1)).toMatchObject({ method, body: "hello", framing });
      expect(valuesOf(upstream.requests.at(-1)!, "content-length")).toEqual(framing === "length" ? ["5"] : []);
      expect(valuesOf(upstream.requests.at(-1)!, "transfer-encoding")).toEqual(framing === "chunked" ? ["chunked"] : []);
    }
  });

  it("that is empty stays a body, in either framing", async () => {
    await ask(port, head("POST", "Content-Length: 0\r\n"));
    expect(upstream.requests.at(-1)).toMatchObject({ framing: "length", body: "" });
    await ask(port, `${chunkedHead()}0\r\n\r\n`);
    expect(upstream.requests.at(-1)).toMatchObject({ framing: "chunked", body: "" });
  });

  it("arrives whole though its bytes drip in one by one", async () => {
    const client = await RawClient.connect(port);
    for (const byte of `${chunkedHead()}A\r\n0123456789\r\n1;a="b;c"\r\nx\r\n0\r\nX-T: v\r\n\r\n`) {
      client.send(byte);
      await new Promise((resolve) => client.socket.write("", resolve));
    }
    expect((await client.response()).body).toBe("POST 11");
    client.destroy();
  });

  it("of megabytes arrives byte for byte", async () => {
    const body = Array.from({ length: 3_000_000 }, (_, i) => String.fromCharCode((i * 7 + (i >> 8)) & 0xff)).join("");
    await ask(port, `${head("POST", `Content-Length: ${body.length}\r\n`)}${body}`);
    expect(upstream.requests.at(-1)!.body === body).toBe(true);
    const chunks = Array.from({ length: 30 }, (_, i) => `${(100_000).toString(16)}\r\n${body.slice(i * 100_000, (i + 1) * 100_000)}\r\n`).join("");
    await ask(port, `${chunkedHead()}${chunks}0\r\n\r\n`);
    expect(upstream.requests.at(-1)!.body === body).toBe(true);
  });

  it("in 20,000 chunks of one byte arrives whole", async () => {
    await ask(port, `${chunkedHead()}${"1\r\nx\r\n".repeat(20_000)}0\r\n\r\n`);
    expect(upstream.requests.at(-1)!.body.length).toBe(20_000);
  });
});

describe("trailers of a request", () => {
  it("arrive, without those that route or authorise", async () => {
    const lines = "X-Checksum: abc\r\nHost: evil\r\nAuthorization: evil\r\nX-Forwarded-For: evil\r\nX_Forwarded_For: evil\r\nebbgate-variant: evil\r\nVia: evil\r\nConnection: evil\r\nCookie: evil\r\nX-Last: z\r\n";
    await ask(port, `${chunkedHead("POST", "Trailer: X-Checksum\r\n")}1\r\nx\r\n0\r\n${lines}\r\n`);
    expect(upstream.requests.at(-1)!.trailers).toBe("X-Checksum: abc\r\nX-Last: z\r\n");
  });
});

describe("a chunked body that is not well-formed is refused, and its connection upstream is cut before it looks whole", () => {
  it.each([
    ["a plus sign", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a minus sign", "-5\r\nhello\r\n0\r\n\r\n"],
    ["0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
    ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["a tab after the size", "5\t\r\nhello\r\n0\r\n\r\n"],
    ["an underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n"],
    ["a letter beyond f", "5g\r\nhello\r\n0\r\n\r\n"],
    ["no size", "\r\nhello\r\n0\r\n\r\n"],
    ["an extension without a size", ";x\r\nhello\r\n0\r\n\r\n"],
    ["a size that overflows 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
    ["many leading zeros", `${"0".repeat(64)}5\r\nhello\r\n0\r\n\r\n`],
    ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
    ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
    ["CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n"],
    ["a bare LF after the data", "5\r\nhello\n0\r\n\r\n"],
    ["nothing after the data", "5\r\nhello0\r\n\r\n"],
    ["two bytes for CR LF after the data (TERM.EXT)", "5\r\nhelloXX0\r\n\r\n"],
    ["data longer than the size", "5\r\nhello!\r\n0\r\n\r\n"],
    ["a bare LF after the last size", "5\r\nhello\r\n0\n\r\n"],
    ["a bare LF at the end", "5\r\nhello\r\n0\r\n\n"],
    ["a bare CR at the end", "5\r\nhello\r\n0\r\n\rX: y\r\n\r\n"],
    ["a NUL in the size", "5\0\r\nhello\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
    ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
    ["CR LF in a quoted extension", '5;a="\r\n"\r\nhello\r\n0\r\n\r\n'],
    ["an extension without a name", "5;\r\nhello\r\n0\r\n\r\n"],
    ["an extension without a value", "5;a=\r\nhello\r\n0\r\n\r\n"],
    ["an extension beyond chunkLineBytesMax (CVE-2024-22019)", `5;${"a".repeat(200)}\r\nhello\r\n0\r\n\r\n`],
    ["endless small extensions", `${"1;a=b\r\nx\r\n".repeat(4_000)}0\r\n\r\n`],
    ["trailers beyond trailerBytesMax", `0\r\nX: ${"a".repeat(600)}\r\n\r\n`],
    ["a trailer with a space before the colon", "0\r\nX : y\r\n\r\n"],
    ["a trailer that is folded", "0\r\nX: y\r\n z\r\n\r\n"],
    ["a trailer with a bare LF", "0\r\nX: y\nZ: z\r\n\r\n"],
    ["a trailer that frames: Content-Length", "0\r\nContent-Length: 5\r\n\r\nhello"],
    ["a trailer that frames: Transfer-Encoding", "0\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["a request for a trailer", "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("%s", async (_what, bytes) => {
    const { requests } = upstream;
    const before = requests.length;
    const opened = upstream.connections.length;
    const { received } = await converse(port, chunkedHead() + bytes);
    expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual(["HTTP/1.1 400"]);
    expect(received).toContain('"invalid_chunk"');
    await Promise.all(upstream.connections.slice(opened).map((connection) => connection.closed));
    expect(requests.length).toBe(before);
  }, 3_000);

  it("a client that goes away inside its body takes the upstream's connection with it", async () => {
    for (const bytes of [`${head("POST", "Content-Length: 10\r\n")}hello`, `${chunkedHead()}5\r\nhello\r\n`, `${chunkedHead()}5\r\nhello\r\n0\r\n`]) {
      const opened = upstream.connections.length;
      const before = upstream.requests.length;
      const client = await RawClient.connect(port, bytes);
      await upstream.until(() => upstream.connections.slice(opened).some(({ received }) => received.includes("hello")) || upstream.connections.some(({ received }) => received.endsWith("hello") || received.endsWith("hello\r\n")));
      client.socket.end();
      await client.ended;
      client.destroy();
      await expectAtRest(proxy);
      expect(upstream.requests.length).toBe(before);
    }
  });
});

describe("a body over requestBodyBytesMax", () => {
  it("in chunks is cut with 413 as soon as it is over", async () => {
    const client = await RawClient.connect(port, chunkedHead());
    const piece = `${(65_536).toString(16)}\r\n${"x".repeat(65_536)}\r\n`;
    for (let i = 0; i < 70; i++) client.send(piece);
    expect((await client.response()).status).toBe(413);
    client.destroy();
  });

  it("by its length is refused before a byte of it is read", async () => {
    const client = await RawClient.connect(port, head("POST", "Content-Length: 5000000\r\nExpect: 100-continue\r\n"));
    expect((await client.response()).status).toBe(413);
    expect(client.received).not.toContain("100 Continue");
    client.destroy();
  });
});

describe("an early answer to a large upload", () => {
  const refusing = (bytes: string, end: "stay" | "close" | "reset") =>
    stage(undefined, {}, {
      onBytes: (connection) => {
        if (connection.requests++ > 0) return true;
        connection.socket.write(bytes, "latin1", () => {
          if (end === "close") connection.socket.destroy();
          if (end === "reset") connection.socket.resetAndDestroy();
        });
        return true;
      },
    });
  const tooLarge = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbig!";

  it.each(["stay", "close", "reset"] as const)("reaches a client that uploads 32 MB, from a service that then does: %s", async (end) => {
    const { port: at, proxy: gate } = await refusing(tooLarge, end);
    for (let round = 0; round < 5; round++) {
      const client = await RawClient.connect(at, head("POST", `Content-Length: ${32 * 1024 * 1024}\r\n`));
      const piece = Buffer.alloc(65_536, "x");
      let sent = 0;
      const more = (): void => {
        while (sent < 512 && !client.socket.destroyed) {
          sent++;
          if (!client.socket.write(piece)) return void client.socket.once("drain", more);
        }
      };
      more();
      const response = await client.response("POST");
      expect(response).toMatchObject({ status: 413, body: "big!" });
      expect(valuesOf(response, "connection")).toEqual(["close"]);
      client.destroy();
    }
    await expectAtRest(gate);
  });
});

describe("Expect: 100-continue", () => {
  const lines = "Content-Length: 5\r\nExpect: 100-continue\r\n";

  it("holds the body back until the service asks for it", async () => {
    const { port: at, upstream: asking } = await stage(() => ok("thanks"), {}, {
      onBytes: (connection) => {
        if (connection.received.endsWith("\r\n\r\n")) connection.socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      },
    });
    const client = await RawClient.connect(at, head("POST", lines));
    await client.until("HTTP/1.1 100 Continue\r\n\r\n");
    expect(asking.connections[0]!.received).toMatch(/\r\nExpect: 100-continue\r\n/i);
    expect(asking.requests).toEqual([]);
    client.send("hello");
    const interim: RawResponse[] = [];
    expect((await client.response("POST", interim)).body).toBe("thanks");
    expect(interim.map(({ status }) => status)).toEqual([100]);
    expect(asking.requests[0]!.body).toBe("hello");
    client.destroy();
  });

  it("is answered with the final status where the service does not want the body", async () => {
    const { port: at, upstream: refusing, proxy: gate } = await stage(undefined, {}, {
      onBytes: (connection) => {
        connection.socket.write("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n");
        return true;
      },
    });
    const client = await RawClient.connect(at, head("POST", lines));
    const response = await client.response("POST");
    expect(response.status).toBe(417);
    // The body may or may not follow now: only the end of the connection leaves no doubt.
    expect(valuesOf(response, "connection")).toEqual(["close"]);
    expect(await client.ended).toBe("clean");
    client.destroy();
    await refusing.until(() => refusing.open === 0);
    await expectAtRest(gate);
  });

  it("of an HTTP/1.0 client is ignored, and no 1xx goes to it", async () => {
    const { port: at, upstream: asking } = await stage(() => `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok()}`);
    const { received } = await converse(at, `POST / HTTP/1.0\r\nHost: a\r\n${lines}\r\nhello`);
    expect(received).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(valuesOf(asking.requests[0]!, "expect")).toEqual([]);
  });
});

it("a body that pauses for longer than the idle time is refused with 408, and frees the service", async () => {
  const { port: at, upstream: waiting, proxy: gate } = await stage(undefined, { timeouts: { idleMs: 200 } });
  const client = await RawClient.connect(at, `${head("POST", "Content-Length: 10\r\n")}hello`);
  expect((await client.response("POST")).status).toBe(408);
  await client.ended;
  client.destroy();
  await waiting.until(() => waiting.open === 0);
  await eventually(() => waiting.requests.length === 0, "no request looked whole");
  await expectAtRest(gate);
});
