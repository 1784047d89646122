/**
 * A parsed head: the text as it arrived (one latin1 character for each byte) and where each field line lies in it.
 * Nothing is copied. The object is a scratch that the next parse overwrites: take out what must outlive the call.
 */
import type { Fields } from "../core/fields.ts";
import { equalsLower, type FieldKind } from "./field-kinds.ts";

const noBytes = new Uint8Array(0);

export class MessageHead implements Fields {
  /** May go on behind the head. */
  text = "";
  /** Where it was parsed, one byte for each character from `base` on: for who looks at it within the same call, before anything else is read or parsed. */
  bytes: Uint8Array = noBytes;
  base = 0;
  /** Field lines. */
  count = 0;
  /** Bit k is set where a field of kind k is present: most questions end here. */
  kindMask = 0;
  /** Where the first field line starts, where the empty line starts, and where the head ends. */
  fieldsStart = 0;
  fieldsEnd = 0;
  end = 0;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  readonly kinds: Uint8Array;

  constructor(headersMax: number) {
    this.nameStart = new Int32Array(headersMax);
    this.nameEnd = new Int32Array(headersMax);
    this.valueStart = new Int32Array(headersMax);
    this.valueEnd = new Int32Array(headersMax);
    this.kinds = new Uint8Array(headersMax);
  }

  has(k: FieldKind): boolean {
    return (this.kindMask & (1 << k)) !== 0;
  }

  kind(i: number): FieldKind {
    return this.kinds[i] as FieldKind;
  }

  /** Lower case. */
  name(i: number): string {
    return this.text.slice(this.nameStart[i], this.nameEnd[i]).toLowerCase();
  }

  value(i: number): string {
    return this.text.slice(this.valueStart[i], this.valueEnd[i]);
  }

  get(name: string): string | undefined {
    for (let i = 0; i < this.count; i++) if (this.named(i, name)) return this.value(i);
    return undefined;
  }

  all(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.count; i++) if (this.named(i, name)) values.push(this.value(i));
    return values;
  }

  named(i: number, name: string): boolean {
    return equalsLower(this.text, this.nameStart[i]!, this.nameEnd[i]!, name);
  }

  /** The start of the line after field `i`. */
  lineEnd(i: number): number {
    return i + 1 < this.count ? this.nameStart[i + 1]! : this.fieldsEnd;
  }
}
