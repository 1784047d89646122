import fc from "fast-check";
import { expect, test } from "vitest";
import { murmur3, murmur3Bytes, Murmur3Prefix } from "../../src/core/murmur3.ts";

test("the hash passes SMHasher's own verification of MurmurHash3_x86_32", () => {
  // smhasher/src/KeysetTest.cpp, VerificationTest; the expected value is in smhasher/src/main.cpp.
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  const hashes = Buffer.alloc(256 * 4);
  for (let i = 0; i < 256; i++) hashes.writeUInt32LE(murmur3Bytes(key.subarray(0, i), 256 - i), i * 4);
  expect(murmur3Bytes(hashes)).toBe(0xb0f57ee3);
});

test.each([
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["", 0xffffffff, 0x81f16f39],
  ["\0\0\0\0", 0, 0x2362f9de],
  ["aaaa", 0x9747b28c, 0x5a97808a],
  ["aaa", 0x9747b28c, 0x283e0130],
  ["aa", 0x9747b28c, 0x5d211726],
  ["a", 0x9747b28c, 0x7fa09ea6],
  ["abcd", 0x9747b28c, 0xf0478627],
  ["abc", 0x9747b28c, 0xc84a62dd],
  ["ab", 0x9747b28c, 0x74875592],
  ["Hello, world!", 0x9747b28c, 0x24884cba],
  ["ππππππππ", 0x9747b28c, 0xd58063c1],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
])("the widely published vector %j with seed %i holds", (text, seed, expected) => {
  expect(murmur3(text, seed)).toBe(expected);
  expect(murmur3Bytes(Buffer.from(text, "utf8"), seed)).toBe(expected);
});

test("a prepared prefix gives the very hash of the joined text", () => {
  fc.assert(
    fc.property(anyText, fc.string({ maxLength: 40 }), fc.nat(), (prefix, text, seed) => {
      expect(new Murmur3Prefix(`${prefix}:`, seed).hash(text)).toBe(murmur3(`${prefix}:${text}`, seed));
    }),
  );
});

/** Any code units: lone surrogates included, each of which UTF-8 replaces by U+FFFD. */
const anyText = fc.array(fc.nat({ max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units));

test("text and its UTF-8 bytes have one hash, lone surrogates included", () => {
  fc.assert(
    fc.property(anyText, fc.nat(), (text, seed) => {
      expect(murmur3(text, seed)).toBe(murmur3Bytes(Buffer.from(text, "utf8"), seed));
      expect(new Murmur3Prefix("salt:", seed).hash(text)).toBe(murmur3(`salt:${text}`, seed));
    }),
  );
});
