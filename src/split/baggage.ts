/**
 * The lane in W3C Baggage (https://www.w3.org/TR/baggage/): one member of our own in a list whose other members belong to the
 * services. Those are carried on byte for byte, well-formed or not.
 */

/** The member's key: the same name as the header's. */
export const laneMember = "ebbgate-variant";
export const laneCharsMax = 64;
/** What every platform has to carry on (section 3.3.2 "Limits"): with more, anything may be dropped. */
export const baggageMembersMax = 64;
export const baggageBytesMax = 8_192;

export interface Baggage {
  /** The members that are not ours, without our own place among them; "" where there are none. */
  readonly others: string;
  /** The lane that the sender is in; "" for none, or for one that no variant could have as its name. */
  readonly lane: string;
  /** Whether ours fits beside the others within the limits. Where it does not, the lane travels in its header alone. */
  readonly room: boolean;
}

/** @param lines the values of all `baggage` fields, in order: they are one list (section 3.2.1) */
export function readBaggage(lines: readonly string[]): Baggage {
  let others = "";
  let members = 0;
  let lane = "";
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n]!;
    // Members that stand side by side are taken over as one piece.
    let runStart = -1;
    for (let start = 0; start <= line.length; ) {
      const comma = line.indexOf(",", start);
      const end = comma < 0 ? line.length : comma;
      const first = skipBlanks(line, start, end);
      const afterKey = first < end ? endOfOurKey(line, first, end) : -1;
      if (first < end && afterKey < 0) {
        members++;
        if (runStart < 0) runStart = others === "" ? first : start;
      } else {
        if (runStart >= 0) others = joined(others, line.slice(runStart, start - 1));
        runStart = -1;
        if (lane === "" && afterKey >= 0 && line.charCodeAt(afterKey) === equals) lane = laneOf(valueOf(line, afterKey + 1, end));
      }
      start = end + 1;
    }
    if (runStart >= 0) others = joined(others, line.slice(runStart));
  }
  const bytes = others.length + 1 + laneMember.length + 1 + laneCharsMax;
  return { others, lane, room: members < baggageMembersMax && bytes <= baggageBytesMax };
}

const joined = (before: string, piece: string): string => (before === "" ? piece : `${before},${piece}`);

/** A field line with the members and, where it has a name and room, the lane behind them; "" where there is neither. */
export function baggageLine({ others, room }: Pick<Baggage, "others" | "room">, lane: string): string {
  if (lane === "" || !room) return others === "" ? "" : `baggage: ${others}\r\n`;
  return `baggage: ${others === "" ? "" : `${others},`}${laneMember}=${lane}\r\n`;
}

/** A lane has a variant's name, of characters that need no percent-encoding. @returns "" for anything else */
export function laneOf(text: string | undefined): string {
  return text !== undefined && text.length <= laneCharsMax && name.test(text) ? text : "";
}

const name = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const equals = 0x3d;
const semicolon = 0x3b;

/**
 * Keys are case-sensitive; but whoever reads them carelessly must not find a lane that we did not write.
 *
 * @returns where the key and the blanks behind it end: at `=`, `;` or the member's end; -1 where the member is not ours
 */
function endOfOurKey(line: string, start: number, end: number): number {
  if (end - start < laneMember.length) return -1;
  for (let i = 0; i < laneMember.length; i++) {
    let c = line.charCodeAt(start + i);
    if (c >= 0x41 && c <= 0x5a) c |= 0x20;
    if (c !== laneMember.charCodeAt(i)) return -1;
  }
  const after = skipBlanks(line, start + laneMember.length, end);
  if (after === end) return after;
  const c = line.charCodeAt(after);
  return c === equals || c === semicolon ? after : -1;
}

/** Up to the member's properties. */
function valueOf(line: string, start: number, end: number): string {
  const properties = line.indexOf(";", start);
  let valueEnd = properties < 0 || properties > end ? end : properties;
  const valueStart = skipBlanks(line, start, valueEnd);
  while (valueEnd > valueStart && isBlank(line.charCodeAt(valueEnd - 1))) valueEnd--;
  return line.slice(valueStart, valueEnd);
}

function skipBlanks(line: string, start: number, end: number): number {
  let i = start;
  while (i < end && isBlank(line.charCodeAt(i))) i++;
  return i;
}

const isBlank = (c: number): boolean => c === 0x20 || c === 0x09;
