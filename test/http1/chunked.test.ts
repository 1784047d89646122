import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkedDecoder } from "../../src/http1/chunked.ts";

const limits = { chunkLineBytesMax: 128, trailerBytesMax: 256, headersMax: 8 };

interface Decoded {
  readonly outcome: "done" | "failed" | "open";
  readonly body: string;
  readonly trailers: string;
  /** Bytes behind the body's end. */
  readonly rest: string;
}

function decode(pieces: readonly string[], refusesFraming = false): Decoded {
  const decoder = new ChunkedDecoder(limits, refusesFraming);
  let body = "";
  for (const [i, piece] of pieces.entries()) {
    // The decoder moves payload inside the buffer: one that others see a part of, as the read buffer is.
    const buffer = Buffer.from(`##${piece}##`, "latin1");
    const next = decoder.push(buffer, 2, 2 + piece.length);
    if (decoder.failed) return { outcome: "failed", body: "", trailers: "", rest: "" };
    body += buffer.latin1Slice(decoder.payloadStart, decoder.payloadEnd);
    expect(buffer.latin1Slice(buffer.length - 2, buffer.length)).toBe("##");
    if (decoder.done) return { outcome: "done", body, trailers: decoder.trailers, rest: piece.slice(next - 2) + pieces.slice(i + 1).join("") };
    expect(next).toBe(2 + piece.length);
  }
  return { outcome: "open", body, trailers: "", rest: "" };
}

/** Cuts a text at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((start, i) => text.slice(start, [...at, text.length][i]));
}

const binary = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });
const places = fc.array(fc.nat(), { maxLength: 12 });
const extension = fc.constantFrom("", "", "", ";a", ";a=b", ';a="b c"', ';a="\\"";b');
const chunks = fc.array(fc.tuple(binary.filter((text) => text !== ""), extension, fc.boolean()), { maxLength: 6 });
const encoded = fc.record({ chunks, last: fc.tuple(fc.constantFrom("0", "00"), extension), trailers: fc.constantFrom("", "X-A: b\r\n", "x: \r\ny:\t1\r\n"), rest: binary });
const write = ({ chunks: list, last, trailers, rest }: { chunks: [string, string, boolean][]; last: [string, string]; trailers: string; rest: string }): string =>
  `${list.map(([text, extra, upper]) => `${upper ? text.length.toString(16).toUpperCase() : text.length.toString(16)}${extra}\r\n${text}\r\n`).join("")}${last.join("")}\r\n${trailers}\r\n${rest}`;

describe("a chunked body", () => {
  it("decodes to what was encoded, wherever its bytes are cut, and not one byte further", () => {
    fc.assert(
      fc.property(encoded, places, (message, cuts) => {
        expect(decode(cut(write(message), cuts))).toEqual({ outcome: "done", body: message.chunks.map(([text]) => text).join(""), trailers: message.trailers, rest: message.rest });
      }),
      { numRuns: 2_000 },
    );
  });

  it("decodes, fails or stays open alike, wherever its bytes are cut, however they are damaged", () => {
    const damage = fc.tuple(fc.nat(), fc.constantFrom("\r", "\n", "\0", " ", "\t", ";", "=", '"', "0", "f", "g", "+", "-", "x", "\x0b", "\xff", "\r\n", ""), fc.nat({ max: 2 }));
    fc.assert(
      fc.property(encoded, damage, places, (message, [place, text, removed], cuts) => {
        const whole = write(message);
        const at = place % whole.length;
        const damaged = whole.slice(0, at) + text + whole.slice(at + removed);
        const once = decode([damaged]);
        expect(decode(cut(damaged, cuts))).toEqual(once);
        expect(decode(damaged.split(""))).toEqual(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is never whole before its last byte has come", () => {
    fc.assert(
      fc.property(encoded, (message) => {
        const whole = write({ ...message, rest: "" });
        for (let end = 0; end < whole.length; end++) expect(decode([whole.slice(0, end)]).outcome).toBe("open");
      }),
      { numRuns: 200 },
    );
  });

  it("holds a size up to 2^52 - 1, and refuses more digits than that, leading zeros included", () => {
    expect(decode(["fffffffffffff\r\nx"]).outcome).toBe("open");
    expect(decode(["0000000000001\r\nx\r\n0\r\n\r\n"]).outcome).toBe("done");
    for (const size of ["10000000000000", "00000000000001", "ffffffffffffffff", "80000000000000000"]) expect(decode([`${size}\r\n`]).outcome, size).toBe("failed");
  });

  it("bounds a chunk's line, all extensions together, and the trailers", () => {
    expect(decode([`1;${"a".repeat(124)}\r\nx`]).outcome).toBe("open");
    expect(decode([`1;${"a".repeat(125)}\r\n`]).outcome).toBe("failed");
    expect(decode(["1;abcdefgh\r\nx\r\n".repeat(300)]).outcome).toBe("failed");
    expect(decode(["1\r\nx\r\n".repeat(3_000)]).outcome).toBe("open");
    expect(decode([`0\r\nX: ${"a".repeat(251 - 5)}\r\n\r\n`]).outcome).toBe("done");
    expect(decode([`0\r\nX: ${"a".repeat(300)}`]).outcome).toBe("failed");
    expect(decode([`0\r\n${"a:\r\n".repeat(9)}\r\n`]).outcome).toBe("failed");
  });

  it("passes on no trailer that frames, routes, authorises or is believed", () => {
    const kept = "X-Checksum: 1\r\ngrpc-status: 0\r\nETag: x\r\n";
    const dropped = ["Transfer-Encoding", "Content-Length", "Host", "Connection", "TE", "Trailer", "Upgrade", "Authorization", "Cookie", "Set-Cookie", "Via", "Forwarded", "X-Forwarded-For", "x_forwarded_for", "X-Real-IP", "ebbgate-variant", "content_length"];
    for (const name of dropped) expect(decode([`0\r\n${kept}${name}: v\r\n\r\n`]), name).toMatchObject({ outcome: "done", trailers: kept });
  });

  it("of a request is refused where a trailer frames", () => {
    for (const name of ["Transfer-Encoding", "CONTENT-LENGTH"]) expect(decode([`0\r\n${name}: 5\r\n\r\n`], true).outcome).toBe("failed");
    expect(decode(["0\r\nX: 5\r\n\r\n"], true).outcome).toBe("done");
  });
});
