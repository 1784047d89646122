import { describe, expect, it } from "vitest";
import { converse, RawClient } from "../support/raw-client.ts";
import { valueOf } from "../support/raw-messages.ts";
import { stage } from "../support/stage.ts";

const limits = { headBytesMax: 4_096, headersMax: 20, targetBytesMax: 1_024 };
const { port, upstream } = await stage(undefined, { limits: { requestBodyBytesMax: 100_000 } }, { limits });

/** What would be smuggled: it must never reach the service. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const post = (lines: string, body = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;

type Case = readonly [what: string, bytes: string, status: number];

function refuses(cases: readonly Case[]): void {
  it.each(cases)("%s", async (_what, bytes, status) => {
    const before = upstream.received().length;
    const { received } = await converse(port, bytes + smuggled);
    expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`]);
    expect(received).toMatch(/\r\nconnection: close\r\n/);
    expect(received).toMatch(/content-type: application\/problem\+json/);
    expect(upstream.received().length).toBe(before);
  });
}

describe("a request line that is not well-formed is refused, and nothing is forwarded", () => {
  refuses([
    ["no version (HTTP/0.9)", "GET /\r\n\r\n", 400],
    ["no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a space at the start", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400],
    ["two empty lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a bare LF before it", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a method with a colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a method with a NUL", "GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a method beyond 32 characters", `${"A".repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ["a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400],
    ["a version without a dot", "GET / HTTP/11\r\nHost: a\r\n\r\n", 400],
    ["a version with two digits", "GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400],
    ["a version with a leading zero", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400],
    ["another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a control byte in the target", "GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["DEL in the target", "GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a byte above 127 in the target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a bare CR in the target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["an encoded NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a target without its slash", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["authority-form", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505],
    ["HTTP/0.9 by its number", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505],
    ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405],
  ]);
});

describe("line ends other than CR LF are refused, and nothing is forwarded", () => {
  refuses([
    ["LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400],
    ["LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400],
    ["LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", 400],
    ["LF for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400],
    ["LF CR for CR LF", "GET / HTTP/1.1\r\nHost: a\n\r\r\n\r\n", 400],
    ["CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400],
    ["CR in a value", get("X: a\rb\r\n"), 400],
    ["CR before a field name", get("\rX: a\r\n"), 400],
    ["CR at a value's end", get("X: a\r\r\n"), 400],
    ["CR in a name", get("X\rY: a\r\n"), 400],
    ["a bare CR for the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", 400],
  ]);
});

describe("a field line that is not well-formed is refused, and nothing is forwarded", () => {
  refuses([
    ["no colon", get("X\r\n"), 400],
    ["an empty name", get(": v\r\n"), 400],
    ["a space before the colon", get("X : v\r\n"), 400],
    ["a tab before the colon", get("X\t: v\r\n"), 400],
    ["a space in the name", get("X Y: v\r\n"), 400],
    ["a space before the name (obs-fold)", get("X: v\r\n folded\r\n"), 400],
    ["a tab before the name (obs-fold)", get("X: v\r\n\tfolded\r\n"), 400],
    ["a first line that is folded", "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400],
    ["a folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400],
    ["NUL in a name", get("X\0Y: v\r\n"), 400],
    ["NUL in a value", get("X: a\0b\r\n"), 400],
    ["a control byte in a value", get("X: a\x08b\r\n"), 400],
    ["a vertical tab in a value", get("X: a\x0bb\r\n"), 400],
    ["DEL in a value", get("X: a\x7fb\r\n"), 400],
    ["a byte above 127 in a name", get("X\xe9: v\r\n"), 400],
    ["a name in quotes", get('"X": v\r\n'), 400],
    ["a name with a bracket", get("X[0]: v\r\n"), 400],
    ["a name with a slash", get("X/Y: v\r\n"), 400],
    ["a name with a semicolon", get("X;Y: v\r\n"), 400],
    ["a name with a no-break space", get("Content-Length\xa0: 5\r\n"), 400],
  ]);
});

describe("a Host that is not exactly one valid host is refused, and nothing is forwarded", () => {
  const host = (lines: string, target = "/", version = "1.1"): string => `GET ${target} HTTP/${version}\r\n${lines}\r\n`;
  refuses([
    ["none", host("X: y\r\n"), 400],
    ["none in HTTP/1.0", host("X: y\r\n", "/", "1.0"), 400],
    ["two that differ", host("Host: a\r\nHost: b\r\n"), 400],
    ["two that agree", host("Host: a\r\nHost: a\r\n"), 400],
    ["empty", host("Host:\r\n"), 400],
    ["blank", host("Host:   \r\n"), 400],
    ["a list", host("Host: a, b\r\n"), 400],
    ["two words", host("Host: a b\r\n"), 400],
    ["a path", host("Host: a/b\r\n"), 400],
    ["a query", host("Host: a?b\r\n"), 400],
    ["a backslash", host("Host: a\\b\r\n"), 400],
    ["userinfo", host("Host: user@a\r\n"), 400],
    ["a scheme", host("Host: http://a\r\n"), 400],
    ["a port that is no number", host("Host: a:8o\r\n"), 400],
    ["a port beyond 65535", host("Host: a:65536\r\n"), 400],
    ["a negative port", host("Host: a:-1\r\n"), 400],
    ["two ports", host("Host: a:80:80\r\n"), 400],
    ["a port alone", host("Host: :80\r\n"), 400],
    ["IPv6 without brackets", host("Host: ::1\r\n"), 400],
    ["IPv6 with one bracket", host("Host: [::1\r\n"), 400],
    ["IPv6 with something behind the bracket", host("Host: [::1]a\r\n"), 400],
    ["IPv6 that is none", host("Host: [:::::]\r\n"), 400],
    ["IPv6 of dots", host("Host: [....]\r\n"), 400],
    ["an escape that is none", host("Host: a%zzb\r\n"), 400],
    ["a quote", host('Host: "a"\r\n'), 400],
    ["a byte above 127", host("Host: \xe9\r\n"), 400],
    ["absolute-form that names another host", host("Host: a\r\n", "http://b/"), 400],
    ["absolute-form that names another port", host("Host: a:81\r\n", "http://a:82/"), 400],
    ["absolute-form, https, against port 80", host("Host: a:80\r\n", "https://a/"), 400],
    ["absolute-form without Host", host("X: y\r\n", "http://a/"), 400],
    ["absolute-form with userinfo", host("Host: a\r\n", "http://user@a/"), 400],
    ["absolute-form with a password", host("Host: a\r\n", "http://a:80@b/"), 400],
    ["absolute-form with a backslash", host("Host: a\r\n", "http://a\\@b/"), 400],
    ["absolute-form without a host", host("Host: a\r\n", "http:///"), 400],
    ["absolute-form of another scheme", host("Host: a\r\n", "ftp://a/"), 400],
    ["absolute-form with one slash", host("Host: a\r\n", "http:/a/"), 400],
  ]);
});

describe("framing that two readers could understand in two ways is refused, and nothing is forwarded", () => {
  const te = (value: string): string => post(`Transfer-Encoding: ${value}\r\n`, "0\r\n\r\n");
  const cl = (value: string): string => post(`Content-Length: ${value}\r\n`, "hello");
  refuses([
    ["CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), 400],
    ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "8\r\nSMUGGLED\r\n0\r\n\r\n"), 400],
    ["TE.CL with Content-Length 0", post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"), 400],
    ["TE.TE with an unknown second", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", "0\r\n\r\n"), 400],
    ["TE.TE with an unknown first", post("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 501],
    ["chunked on two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    ["chunked twice on one line", te("chunked, chunked"), 400],
    ["an empty Transfer-Encoding", te(""), 400],
    ["an empty Transfer-Encoding with Content-Length", post("Transfer-Encoding:\r\nContent-Length: 5\r\n", "hello"), 400],
    ["an empty element", te("chunked,"), 400],
    ["an empty element before", te(",chunked"), 400],
    ["identity", te("identity"), 400],
    ["identity, chunked", te("identity, chunked"), 501],
    ["gzip alone", te("gzip"), 400],
    ["gzip, chunked", te("gzip, chunked"), 501],
    ["chunked, gzip", te("chunked, gzip"), 400],
    ["an unknown coding", te("cow"), 501],
    ["xchunked", te("xchunked"), 501],
    ["chunkedx", te("chunkedx"), 501],
    ["chunked in quotes", te('"chunked"'), 400],
    ["chunked in single quotes", te("'chunked'"), 501],
    ["chunked with a parameter", te("chunked;q=1"), 400],
    ["chunked and a word", te("chunked identity"), 400],
    ["chunked behind a vertical tab", te("\x0bchunked"), 400],
    ["chunked behind a tab", te("\tchunked"), 400],
    ["chunked before a tab", te("chunked\t"), 400],
    ["chunked before a space", te("chunked "), 400],
    ["chunked before a NUL", te("chunked\0"), 400],
    ["chunked before a form feed", te("chunked\x0c"), 400],
    ["chunked with a high letter", te("chun\xebed"), 400],
    ["a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400],
    ["a bare LF before it", post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    ["a bare CR before it", post("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
    ["Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ["two lengths that differ", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400],
    ["two lengths that agree", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400],
    ["a list of lengths", cl("5, 5"), 400],
    ["an empty length", cl(""), 400],
    ["a plus sign", cl("+5"), 400],
    ["a minus sign", cl("-5"), 400],
    ["minus zero", cl("-0"), 400],
    ["hexadecimal", cl("0x5"), 400],
    ["a decimal point", cl("5.0"), 400],
    ["an exponent", cl("5e0"), 400],
    ["an underscore", cl("1_0"), 400],
    ["a space inside", cl("1 0"), 400],
    ["a comma at the end", cl("5,"), 400],
    ["a quote", cl('"5"'), 400],
    ["a word", cl("five"), 400],
    ["a high digit", cl("\xb2"), 400],
    ["2^64 + 5", cl("18446744073709551621"), 400],
    ["many leading zeros", cl(`${"0".repeat(40)}5`), 400],
    ["a tab inside", cl("5\t5"), 400],
  ]);
});

describe("what is over a limit is refused with the status that says which", () => {
  refuses([
    ["a target beyond targetBytesMax", `GET /${"a".repeat(1_100)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["a request line beyond headBytesMax", `GET /${"a".repeat(5_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ["a head beyond headBytesMax", get(`X: ${"a".repeat(4_096)}\r\n`), 431],
    ["a head without an end", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(10_000)}`, 431],
    ["more fields than headersMax", get("X: y\r\n".repeat(20)), 431],
    ["fields past 2,000 that frame the body (CVE-2026-58044)", post(`${"a:\r\n".repeat(900)}Content-Length: 5\r\n`, "hello"), 431],
    ["a length beyond requestBodyBytesMax", post("Content-Length: 100001\r\n", "hello"), 413],
    ["an expectation that is unknown", get("Expect: 200-ok\r\n"), 417],
    ["an upgrade with a body", post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n", "hello"), 400],
    ["an upgrade with a chunked body", post("Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ]);
});

it("answers a refused request once, even when its bytes drip in one by one", async () => {
  const client = await RawClient.connect(port);
  const bytes = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello";
  for (const byte of bytes) {
    client.send(byte);
    await new Promise((resolve) => client.socket.write("", resolve));
  }
  const response = await client.response();
  expect(response.status).toBe(400);
  expect(JSON.parse(response.body)).toMatchObject({ status: 400, code: "invalid_content_length" });
  expect(valueOf(response, "connection")).toBe("close");
  await client.ended;
  client.destroy();
});

it("answers a refused HEAD without a body", async () => {
  for (const bytes of ["HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"]) {
    const { received } = await converse(port, bytes);
    expect(received).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(received.endsWith("\r\n\r\n")).toBe(true);
  }
});

it("does not repeat anything of a refused request in its answer", async () => {
  const { received } = await converse(port, get("X : <script>secret</script>\r\n"));
  expect(received).not.toContain("secret");
});
