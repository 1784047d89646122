/** What a shell may offer, made from the commands' own tables: the same for every shell. */
import { helpOption, type ArgumentsSpec, type Command, type Completes, type OptionSpec, type PositionalsSpec } from "../args.ts";

/** What can be said of a value before it is written; `any`: nothing. */
export type Offer = { readonly kind: "words"; readonly words: readonly string[] } | { readonly kind: Completes | "any" };

export interface OptionWords {
  readonly name: string;
  readonly short: string | undefined;
  /** Null: it takes no value. */
  readonly value: { readonly label: string; readonly offer: Offer } | null;
  readonly multiple: boolean;
  readonly help: string;
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  /** The arguments in their order, at most `slotsMax`; the last one stands for all further ones where `more` is true. */
  readonly slots: readonly { readonly label: string; readonly optional: boolean; readonly offer: Offer }[];
  readonly more: boolean;
}

/** Nobody completes the ninth file by its place. */
const slotsMax = 8;

export async function wordsOf(commands: readonly Command[]): Promise<CommandWords[]> {
  return Promise.all(commands.map(async ({ summary, load }) => commandWords((await load()).spec, summary)));
}

/** @param summary the table's, which is shorter than the command's own */
function commandWords(spec: ArgumentsSpec, summary: string): CommandWords {
  const { positionals } = spec;
  const options = Object.entries<OptionSpec>({ ...spec.options, help: helpOption }).map(([name, option]): OptionWords => ({
    name, short: option.short, multiple: option.multiple === true, help: sentence(option.help),
    value: option.type === "boolean" ? null : { label: option.value ?? "VALUE", offer: offerOf(option) },
  }));
  return { name: spec.name, summary: sentence(summary), options, slots: positionals === undefined ? [] : slotsOf(positionals), more: (positionals?.max ?? 0) > slotsMax };
}

function slotsOf({ name, min, max, first, choices, completes }: PositionalsSpec): CommandWords["slots"] {
  const labels = name.split(" ").map((label) => label.replace(/[[\]]/g, ""));
  return Array.from({ length: max > slotsMax ? 1 : max }, (_, i) => ({
    label: labels[i] ?? labels.at(-1)!, optional: i >= min,
    offer: i === 0 && first !== undefined ? offerOf({ choices: first }) : offerOf({ ...(choices === undefined ? {} : { choices }), ...(completes === undefined ? {} : { completes }) }),
  }));
}

const offerOf = ({ choices, completes }: Pick<OptionSpec, "choices" | "completes">): Offer => (choices === undefined ? { kind: completes ?? "any" } : { kind: "words", words: choices });

/** The first one, without its full stop: lists are read at a glance. */
const sentence = (text: string): string => /^.*?(?=\.(?:\s|$))/.exec(text)?.[0] ?? text;

/** One argument of a shell command. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
