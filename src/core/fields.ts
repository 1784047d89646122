/**
 * What everything above the wire format may know of a message's header fields. HTTP/1 answers from the head's bytes,
 * HTTP/2 from its decoded block: nothing above can tell. Never a plain object indexed by name (`__proto__`).
 */
export interface Fields {
  /** The first field of that name, or undefined. @param name in lower case */
  get(name: string): string | undefined;
  /** All fields of that name, in order. @param name in lower case */
  all(name: string): string[];
}
