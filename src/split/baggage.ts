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

/** Keys are case-sensitive; whoever reads them carelessly must not find a lane that we did not write. */
const ours = /^[ \t]*ebbgate-variant[ \t]*(?=[=;]|$)/i;

/** @param lines the values of all `baggage` fields, in order: they are one list (section 3.2.1) */
export function readBaggage(lines: readonly string[]): Baggage {
  const kept: string[] = [];
  let lane = "";
  for (const line of lines) {
    for (const member of line.split(",")) {
      const key = ours.exec(member);
      if (key === null) {
        if (!isBlank(member)) kept.push(member);
      } else if (lane === "" && member.charCodeAt(key[0].length) === equals) lane = laneOf(valueOf(member, key[0].length + 1));
    }
  }
  const others = kept.join(",").replace(/^[ \t]+/, "");
  const bytes = others.length + 1 + laneMember.length + 1 + laneCharsMax;
  return { others, lane, room: kept.length < baggageMembersMax && bytes <= baggageBytesMax };
}

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
const isBlank = (text: string): boolean => /^[ \t]*$/.test(text);

/** Up to the member's properties. */
function valueOf(member: string, start: number): string {
  const semicolon = member.indexOf(";", start);
  return member.slice(start, semicolon < 0 ? undefined : semicolon).replaceAll(/^[ \t]+|[ \t]+$/g, "");
}
