import type { CommandWords, Offer } from "./words.ts";

/** For fish 3: a list of conditions. */
export function fishCompletion(commands: readonly CommandWords[], version: string): string {
  const lines = commands.flatMap(({ name, options, slots }) => {
    const of = `complete -c ebbgate -n '__ebbgate_is ${name}'`;
    return [
      `complete -c ebbgate -n __ebbgate_first -a ${name} -d ${quoted(commands.find((one) => one.name === name)!.summary)}`,
      `complete -c ebbgate -n '__ebbgate_is help' -a ${name}`,
      ...options.map(({ name: option, short, value, help }) => `${of}${short === undefined ? "" : ` -s ${short}`} -l ${option}${value === null ? "" : ` -r${offerOf(value.offer)}`} -d ${quoted(help)}`),
      ...slots.flatMap(({ offer }) => placed(of, name, offer)),
    ];
  });
  return `# fish completion of ebbgate ${version}: ebbgate completion fish > ~/.config/fish/completions/ebbgate.fish

function __ebbgate_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

function __ebbgate_first
    test (count (commandline -opc)) -eq 1
end

function __ebbgate_rollouts
    command ebbgate status --names 2>/dev/null
end

complete -c ebbgate -f
complete -c ebbgate -n __ebbgate_first -a help -d 'Show the commands, or a command\\'s help'
complete -c ebbgate -n __ebbgate_first -s V -l version -d 'Show the version'
${lines.join("\n")}
`;
}

/** A word of a list is offered until one of the list is there. */
function placed(of: string, command: string, offer: Offer): string[] {
  if (offer.kind === "any") return [];
  if (offer.kind === "words") return [`complete -c ebbgate -n '__ebbgate_is ${command}; and not __fish_seen_subcommand_from ${offer.words.join(" ")}'${offerOf(offer)}`];
  return [`${of}${offerOf(offer)}`];
}

function offerOf(offer: Offer): string {
  switch (offer.kind) {
    case "words":
      return ` -a ${quoted(offer.words.join(" "))}`;
    case "file":
      return " -F";
    case "directory":
      return " -a '(__fish_complete_directories)'";
    case "rollout":
      return " -a '(__ebbgate_rollouts)'";
    case "any":
      return "";
  }
}

/** Within single quotes fish knows \\ and \'. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, (sign) => `\\${sign}`)}'`;
