/**
 * Finds a query parameter by its exact name: pairs divided by `&`, percent-escapes and `+` decoded as forms write them
 * (WHATWG URL, application/x-www-form-urlencoded parsing). Nothing is built by name.
 *
 * @param target origin-form, with or without a query
 * @returns the first value, possibly empty; undefined where there is none
 */
export function findParameter(target: string, name: string): string | undefined {
  const query = target.indexOf("?");
  if (query < 0) return undefined;
  for (let start = query + 1; start <= target.length; ) {
    const ampersand = target.indexOf("&", start);
    const end = ampersand < 0 ? target.length : ampersand;
    const equals = target.indexOf("=", start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (nameEnd > start && isNamed(target, start, nameEnd, name)) return nameEnd === end ? "" : decoded(target.slice(nameEnd + 1, end));
    start = end + 1;
  }
  return undefined;
}

function isNamed(target: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length && target.startsWith(name, start)) return true;
  // Only what is escaped can be longer than the name and still mean it, or look different.
  for (let i = start; i < end; i++) {
    const c = target.charCodeAt(i);
    if (c === percent || c === plus) return decoded(target.slice(start, end)) === name;
  }
  return false;
}

const percent = 0x25;
const plus = 0x2b;

/** Bytes that are not UTF-8 stay as they were written: they equal no configured text. */
function decoded(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return text;
  }
}
