import { describe, expect, it } from "vitest";
import { ask, converse, RawClient } from "../support/raw-client.ts";
import { valueOf, valuesOf, type RawResponse } from "../support/raw-messages.ts";
import { ok, type UpstreamRequest } from "../support/raw-upstream.ts";
import { expectAtRest, stage } from "../support/stage.ts";

const limits = { interimResponsesMax: 32, headersMax: 64, headBytesMax: 8_192, trailerBytesMax: 512, chunkLineBytesMax: 128 };
/** What the service answers to a path; set by each test. */
const answers = new Map<string, string | ((request: UpstreamRequest) => void)>();
const { port, upstream, proxy } = await stage((request) => {
  const answer = answers.get(request.target) ?? ok("default");
  return typeof answer === "string" ? answer : answer(request);
}, { timeouts: { firstByteMs: 500, idleMs: 500 } }, { limits });

let paths = 0;
/** A path that is answered so. */
function answering(answer: string | ((request: UpstreamRequest) => void)): string {
  const path = `/${++paths}`;
  answers.set(path, answer);
  return path;
}
/** Answers and closes. */
const closing = (bytes: string) => (request: UpstreamRequest): void => void request.connection.socket.end(bytes, "latin1");
const line = (path: string, method = "GET", lines = "", version = "1.1"): string => `${method} ${path} HTTP/${version}\r\nHost: a\r\n${lines}\r\n`;
const get = (answer: string | ((request: UpstreamRequest) => void), method = "GET", lines = ""): Promise<RawResponse> => ask(port, line(answering(answer), method, lines));

describe("hop-by-hop fields of a response", () => {
  it("do not cross: neither the known ones nor those that Connection names", async () => {
    const response = await get("HTTP/1.1 200 OK\r\nConnection: X-One, close,x-two\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: trailers\r\nUpgrade: h2c\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nContent-Length: 2\r\n\r\nok");
    expect(response.fields).toEqual([["X-Three", "3"], ["Content-Length", "2"]]);
  });

  it("cannot take the framing with them", async () => {
    const response = await get("HTTP/1.1 200 OK\r\nConnection: content-length, transfer-encoding, x\r\nX: y\r\nContent-Length: 2\r\n\r\nok");
    expect(response).toMatchObject({ body: "ok", framing: "length" });
  });

  it("426 keeps its Upgrade", async () => {
    expect(valueOf(await get("HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: TLS/1.3\r\nContent-Length: 0\r\n\r\n"), "upgrade")).toBe("TLS/1.3");
  });
});

describe("a response head", () => {
  it("arrives byte for byte: Set-Cookie lines apart and in order, odd phrases and bytes as they are", async () => {
    const lines = "Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\nx-between: 1\r\nset-cookie: b=2\r\nSet-Cookie: c=3\r\n__proto__: p\r\nX-Bytes: \xe9\xff\r\nX-Empty:\r\n";
    const response = await get(`HTTP/1.1 299 Quite all right \xe9\r\n${lines}Content-Length: 0\r\n\r\n`);
    expect(response.head).toBe(`HTTP/1.1 299 Quite all right \xe9\r\n${lines}Content-Length: 0\r\n\r\n`);
    expect(valuesOf(response, "set-cookie")).toHaveLength(3);
  });

  it("may have an empty phrase, or none", async () => {
    expect((await get("HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na")).body).toBe("a");
    expect((await get("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na")).body).toBe("a");
  });
});

describe("a response body", () => {
  it("in chunks keeps them decodable, extensions dropped, trailers kept but for those that frame or route", async () => {
    const response = await get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\nSet-Cookie: evil\r\nHost: evil\r\n\r\n");
    expect(response).toMatchObject({ body: "abcde", framing: "chunked", trailers: "X-Sum: 5\r\n" });
  });

  it("delimited by close is relayed in chunks to an HTTP/1.1 client, who keeps the connection", async () => {
    const client = await RawClient.connect(port, line(answering(closing("HTTP/1.1 200 OK\r\n\r\nto the end"))) + line("/"));
    expect(await client.response()).toMatchObject({ body: "to the end", framing: "chunked" });
    expect((await client.response()).body).toBe("default");
    client.destroy();
  });

  it("of unknown length is delimited by close for an HTTP/1.0 client", async () => {
    for (const answer of [closing("HTTP/1.1 200 OK\r\n\r\nto the end"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nto the end\r\n0\r\n\r\n"]) {
      const { received, ending } = await converse(port, line(answering(answer), "GET", "Connection: keep-alive\r\n", "1.0"));
      expect(received).toMatch(/\r\n\r\nto the end$/);
      expect(received.toLowerCase()).not.toContain("transfer-encoding");
      expect(received).toMatch(/connection: close/);
      expect(ending).toBe("clean");
    }
  });
});

describe("a status that has no body", () => {
  const next = async (method: string, answer: string): Promise<[RawResponse, RawResponse]> => {
    const client = await RawClient.connect(port, line(answering(answer), method));
    const first = await client.response(method);
    client.send(line("/"));
    const second = await client.response();
    client.destroy();
    return [first, second];
  };

  it.each([
    ["304 with Content-Length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: x\r\n\r\n", "50"],
    ["304 with chunked", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", undefined],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", undefined],
    ["204 with Content-Length 0", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", undefined],
    ["204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", undefined],
    ["204 with chunks", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", undefined],
    ["HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "50"],
    ["HEAD with chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", undefined],
    ["HEAD with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "5"],
    ["HEAD without any length", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", undefined],
    ["HEAD of an error", "HEAD", "HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n", "9"],
  ])("%s: nothing of a body is relayed, and the connection serves on", async (_what, method, answer, length) => {
    const [first, second] = await next(method, answer);
    expect(first.status).toBe(Number(answer.slice(9, 12)));
    expect(valueOf(first, "content-length")).toBe(length);
    expect(valueOf(first, "transfer-encoding")).toBeUndefined();
    expect(second.body).toBe("default");
  });

  it("a 204 that announces a body leaves no connection behind on which that body could come later", async () => {
    const client = await RawClient.connect(port, line(answering("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n")));
    expect((await client.response()).status).toBe(204);
    const used = upstream.requests.at(-1)!.connection;
    await used.closed;
    client.destroy();
  });
});

describe("interim responses", () => {
  it("103 is relayed before the answer, and after it nothing is out of step", async () => {
    const client = await RawClient.connect(port, line(answering(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: y\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${ok("final")}`)) + line("/"));
    const interim: RawResponse[] = [];
    expect((await client.response("GET", interim)).body).toBe("final");
    expect(interim.map(({ status, fields }) => [status, fields])).toEqual([[103, [["Link", "</a.css>"]]], [102, []]]);
    expect((await client.response()).body).toBe("default");
    client.destroy();
  });

  it("103 leaves at once, though the answer takes its time", async () => {
    let answer: () => void = () => {};
    const client = await RawClient.connect(port, line(answering((request) => {
      request.connection.socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
      answer = (): void => void request.connection.socket.write(ok("late"));
    })));
    await client.until("103 Early Hints");
    answer();
    expect((await client.response()).body).toBe("late");
    client.destroy();
  });

  it("2,000 of them neither stall nor crash: those over the limit are dropped", async () => {
    const interim: RawResponse[] = [];
    const client = await RawClient.connect(port, line(answering("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(2_000) + ok("final"))));
    expect((await client.response("GET", interim)).body).toBe("final");
    expect(interim).toHaveLength(limits.interimResponsesMax);
    client.destroy();
  });

  it("endless ones end with the first-byte timeout", async () => {
    const response = await get((request) => {
      const { socket } = request.connection;
      const again = (): void => {
        if (!socket.destroyed) socket.write("HTTP/1.1 100 Continue\r\n\r\n", () => setTimeout(again, 5));
      };
      again();
    });
    expect(response.status).toBe(504);
  });
});

describe("an answer that is not well-formed is a 502, and never reaches the client", () => {
  it.each([
    ["HTTP/0.9", "<html>hello</html>\r\n\r\n"],
    ["HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["another protocol", "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["status 099", "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["status 600", "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["a status with a sign", "HTTP/1.1 +20 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["LF line ends", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
    ["a bare LF in the head", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 2\r\n\r\nok"],
    ["a bare CR in a value", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok"],
    ["a CR in the phrase", "HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok"],
    ["a NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok"],
    ["obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"],
    ["no colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nok"],
    ["Content-Length and Transfer-Encoding", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["two lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ["two lengths that agree", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"],
    ["a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"],
    ["a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"],
    ["an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: cow\r\n\r\nok"],
    ["gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["a 101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
    ["more fields than headersMax", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(65)}Content-Length: 2\r\n\r\nok`],
    ["a head beyond headBytesMax", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(9_000)}\r\nContent-Length: 2\r\n\r\nok`],
    ["a 103 with a bare LF", `HTTP/1.1 103 Early Hints\nlink: </a>\r\n\r\n${ok()}`],
  ])("%s", async (_what, bytes) => {
    const response = await get(bytes);
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body)).toMatchObject({ code: "malformed_response" });
    // The connection that garbled is not used again.
    await upstream.requests.at(-1)!.connection.closed;
  });

  it("nothing at all: the service closes", async () => {
    expect((await get(closing(""))).status).toBe(502);
  });

  it("half a head: the service closes", async () => {
    expect((await get(closing("HTTP/1.1 200 OK\r\nContent-Le"))).status).toBe(502);
  });

  it("half a head: the service stalls", async () => {
    expect((await get((request) => void request.connection.socket.write("HTTP/1.1 200 OK\r\nContent-Le"))).status).toBe(504);
  });
});

it("answers arrive whole though every byte comes alone", async () => {
  const bytes = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-T: v\r\n\r\n";
  const response = await get((request) => {
    const { socket } = request.connection;
    let at = 0;
    const next = (): void => {
      if (at < bytes.length) socket.write(bytes[at++]!, () => setImmediate(next));
    };
    next();
  });
  expect(response).toMatchObject({ status: 200, body: "abc", trailers: "X-T: v\r\n" });
});

it("after all that, nothing is under way", async () => {
  await expectAtRest(proxy);
});
