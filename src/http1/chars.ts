/** Character classes of RFC 9110 section 5.6 and RFC 9112, as lookup tables over one byte. */

const table = (allowed: (code: number) => boolean): Uint8Array => Uint8Array.from({ length: 256 }, (_, code) => (allowed(code) ? 1 : 0));

const isAlphaNumeric = (c: number): boolean => (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
const among = (text: string) => (c: number): boolean => text.includes(String.fromCharCode(c));
const isTokenMark = among("!#$%&'*+-.^_`|~");
const isHostMark = among("-._~%!$&'()*+,;=");

/** tchar: what a method and a field name are made of. */
export const tokenChar = table((c) => isAlphaNumeric(c) || isTokenMark(c));

/** field-vchar, obs-text, SP and HTAB: what a field value may hold. */
export const valueChar = table((c) => c === 0x09 || (c >= 0x20 && c !== 0x7f));

/** Visible ASCII but `#`: a fragment never travels. Wider than RFC 3986, as browsers send `|` and `{` unescaped in queries. */
export const targetChar = table((c) => c > 0x20 && c < 0x7f && c !== 0x23);

/** reg-name and IPv4address of RFC 3986. */
export const hostChar = table((c) => isAlphaNumeric(c) || isHostMark(c));

/** The value of a hexadecimal digit, or 255. */
export const hexValue = Uint8Array.from({ length: 256 }, (_, c) => {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  if (c >= 0x41 && c <= 0x46) return c - 0x37;
  if (c >= 0x61 && c <= 0x66) return c - 0x57;
  return 255;
});

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const HTAB = 0x09;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const EQUALS = 0x3d;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
