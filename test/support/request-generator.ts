/** Requests as clients, buggy clients and attackers write them: a grammar, and mutations of single bytes, lines and pieces. */
import type { Random } from "../../src/core/random.ts";

export class RequestGenerator {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** One to three pipelined requests, most of them damaged in one to three places. */
  connection(): Buffer {
    let bytes = "";
    for (let n = this.below(3); n >= 0; n--) bytes += this.request();
    if (this.chance(0.5)) for (let n = this.below(3); n >= 0; n--) bytes = this.mutated(bytes);
    return Buffer.from(bytes, "latin1");
  }

  private request(): string {
    const version = this.chance(0.97) ? "HTTP/1.1" : this.pick(["HTTP/1.0", "HTTP/1.1 ", "HTTP/2.0", "HTTP/1.2", "http/1.1"]);
    const method = this.chance(0.02) ? this.pick(["TRACE", "CONNECT", "BREW"]) : this.pick(["GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH"]);
    const host = this.pick(["a", "a.example", "a.example:8080", "[::1]:80", "127.0.0.1"]);
    const target = this.pick(["/", "/x", "/x?y=z", "/a/../b", "/%2e%2e/c", "//d", "/a;b=c", "/'\"<>{}|^`", "/~!$&*()+,", `http://${host}/abs`, `http://${host}`, this.chance(0.1) ? "*" : "/*", "/\\x", "/a?b?c=/d:e@f"]);
    const body = "0123456789abcdef\r\n\0\xff".slice(0, this.below(20));
    const framing = this.framing(body);
    const lines = [`${this.pick(["Host", "Host", "host", "HOST"])}:${this.pick([" ", "", "  ", "\t"])}${host}`, ...framing.lines];
    for (let n = this.below(5); n > 0; n--) lines.push(this.field());
    if (this.chance(0.3)) lines.reverse();
    return `${this.chance(0.04) ? "\r\n" : ""}${method} ${target} ${version}\r\n${lines.join("\r\n")}\r\n\r\n${framing.body}`;
  }

  private framing(body: string): { lines: string[]; body: string } {
    const kind = this.random();
    if (kind < 0.3) return { lines: [], body: "" };
    if (kind < 0.5) return { lines: [`Content-Length: ${body.length}`], body };
    if (kind < 0.52) return { lines: [`Content-Length: ${this.pick([`+${body.length}`, `0${body.length}`, `${body.length},${body.length}`, `${body.length} `, ` ${body.length}`, `0x${body.length}`, "-1", "", `${body.length}\t`, "99999999999999999999"])}`], body };
    const encoding = kind < 0.97 ? this.pick(["chunked", "chunked", "chunked", "Chunked", "CHUNKED"]) : this.pick(["chunked, chunked", "gzip, chunked", "identity", "chunked,", ",chunked", "xchunked", "chunked;a", "\tchunked", "chunked\x0b", ""]);
    const lines = [`Transfer-Encoding: ${encoding}`];
    if (this.chance(0.05)) lines.push(`Content-Length: ${body.length}`);
    return { lines, body: this.chunks(body) };
  }

  private chunks(body: string): string {
    let out = "";
    for (let at = 0; at < body.length; ) {
      const piece = body.slice(at, at + 1 + this.below(8));
      at += piece.length;
      const size = this.pick([piece.length.toString(16), piece.length.toString(16), piece.length.toString(16).toUpperCase(), `0${piece.length.toString(16)}`, `000${piece.length.toString(16)}`]);
      out += `${size}${this.extension()}\r\n${piece}\r\n`;
    }
    return `${out}${this.pick(["0", "0", "00"])}${this.extension()}\r\n${this.chance(0.2) ? this.pick(["X-T: v\r\n", "X-T: v\r\n", "Host: evil\r\n", "a:\r\nb: c\r\n", this.chance(0.3) ? "Content-Length: 5\r\n" : ""]) : ""}\r\n`;
  }

  private extension(): string {
    return this.chance(0.9) ? "" : this.chance(0.1) ? this.pick([" ;a", ";a =b", ";", ";=", ";a=", ';a="', "\t;a", " "]) : this.pick([";a", ";a=b", ';a="b"', ';a="b;c"', ";a;b=c", ';a="\\""']);
  }

  private field(): string {
    if (this.chance(0.04)) return this.pick(["Expect: x", "X : y", "X\t: y", " X: y", "X", "X: a\0b", "Content-Length: 0", "Host: b", "Transfer-Encoding: chunked"]);
    if (this.chance(0.06)) return this.pick(["Connection: close", "Connection: upgrade", "Proxy-Connection: close"]);
    return this.pick([
      "X: y", "X:y", "X:", "X: ", "x-y: \tz\t ", "Cookie: a=b; c=d", "Accept: */*", "X: \xe9\xff", "__proto__: x", "Connection: keep-alive", "Connection: x, y", "Upgrade: websocket", "Expect: 100-continue",
      "Content_Length: 5", "Transfer_Encoding: chunked", "TE: trailers", "Trailer: X-T", "X-Forwarded-For: 1.2.3.4", "Keep-Alive: timeout=5", "X: a,b;c=\"d\"", "Via: 1.1 x",
    ]);
  }

  private mutated(bytes: string): string {
    const at = this.below(bytes.length + 1);
    const kind = this.below(10);
    if (kind < 4) return bytes.slice(0, at) + this.byte() + bytes.slice(at + (kind < 2 ? 1 : 0));
    if (kind === 4) return bytes.slice(0, at) + bytes.slice(at + 1 + this.below(3));
    if (kind === 5) return bytes.slice(0, at) + bytes.slice(at, at + 1 + this.below(12)).repeat(2) + bytes.slice(at);
    // Where framing is decided: at line ends, colons and digits.
    const marks = [...bytes.matchAll(/\r\n|:|[0-9]|chunked|Content-Length|Transfer-Encoding/g)];
    const mark = marks[this.below(marks.length)];
    if (mark === undefined) return bytes;
    const [text] = mark;
    const replacement = text === "\r\n" ? this.pick(["\n", "\r", "\n\r", "\r\r\n", "\r\n\r\n", "\r\n ", " \r\n", "\t\r\n", "\0\r\n", "\r\n\t", "\x0b\r\n", "\r\n\n"]) : this.pick([`${text} `, ` ${text}`, `${text}\t`, `${text}${text}`, "", this.byte(), text.toUpperCase(), `${text}\0`, `${text}_`, `${text},`, `+${text}`]);
    return bytes.slice(0, mark.index) + replacement + bytes.slice(mark.index + text.length);
  }

  private byte(): string {
    return this.chance(0.7) ? this.pick(["\r", "\n", "\0", " ", "\t", ":", ";", ",", "0", "1", "9", "a", "f", "g", "+", "-", "x", "_", '"', "\\", "\x0b", "\x0c", "\x7f", "\x80", "\xff", "=", "/", "#", "@", "%"]) : String.fromCharCode(this.below(256));
  }

  private below(n: number): number {
    return Math.floor(this.random() * n);
  }

  private chance(p: number): boolean {
    return this.random() < p;
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
