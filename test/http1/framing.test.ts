import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunked, readFraming, untilClose, type Framing } from "../../src/http1/framing.ts";
import { loadBytes } from "../../src/http1/head-bytes.ts";
import { MessageHead } from "../../src/http1/message-head.ts";
import { parseFields } from "../../src/http1/parse-fields.ts";

function framingOf(lines: string, minor = 1): Framing {
  const head = new MessageHead(16);
  head.text = `${lines}\r\n`;
  expect(parseFields(head, 0, loadBytes(head.text))).toBeNull();
  const out: Framing = { length: 0, error: null };
  readFraming(head, minor, out);
  return out;
}

describe("the framing of a message", () => {
  it("by Content-Length is its decimal digits, exactly", () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999_999_999 }), fc.constantFrom("", " ", "\t", "  "), fc.constantFrom("Content-Length", "content-length", "CONTENT-LENGTH"), (length, space, name) => {
        expect(framingOf(`${name}:${space}${length}${space}\r\n`)).toEqual({ length, error: null });
      }),
    );
  });

  it("takes nothing for a length that is not digits only", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("0", "1", "9", "a", "+", "-", ".", ",", " ", "_", "x", "e", "\xb2"), maxLength: 6 }), (value) => {
        const { error } = framingOf(`Content-Length: ${value}\r\n`);
        expect(error === null).toBe(/^[0-9]+$/.test(value.trim()));
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes nothing for a coding but one 'chunked', in any case", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("chunked", "CHUNKED", "gzip", ",", " ", "\t", ";", "a", '"', "identity"), maxLength: 5 }), (value) => {
        const { error, length } = framingOf(`Transfer-Encoding: ${value}\r\n`);
        expect(error === null).toBe(/^ *chunked$/i.test(value));
        expect(length).toBe(chunked);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is refused for any two framing fields, and for any Transfer-Encoding in HTTP/1.0", () => {
    const fields = ["Content-Length: 0\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "transfer-encoding: gzip\r\n", "Content-Length:\r\n"];
    for (const a of fields) for (const b of fields) expect(framingOf(`${a}X: y\r\n${b}`).error, a + b).not.toBeNull();
    expect(framingOf("Transfer-Encoding: chunked\r\n", 0).error).toBe("invalid_transfer_encoding");
  });

  it("is left to the connection's end where neither field is there, whatever resembles them", () => {
    expect(framingOf("Content_Length: 5\r\nTransfer.Encoding: chunked\r\nX-Content-Length: 5\r\nContent-Length-X: 5\r\n")).toEqual({ length: untilClose, error: null });
  });
});
