import { quoted, type CommandWords, type Offer } from "./words.ts";

/** For compinit: as a file `_ebbgate` in `$fpath`, or sourced. */
export function zshCompletion(commands: readonly CommandWords[], version: string): string {
  const cases = commands.map((command) => `    ${command.name})\n      _arguments -s -S ${argumentSpecs(command).map((spec) => `\\\n        ${spec}`).join(" ")}\n      ;;`);
  return `#compdef ebbgate
# zsh completion of ebbgate ${version}: ebbgate completion zsh > "\${fpath[1]}/_ebbgate", or source it after compinit

_ebbgate_rollouts() {
  local -a names=(\${(f)"$(command ebbgate status --names 2>/dev/null)"})
  compadd -a names
}

_ebbgate_commands() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
    'help:Show the commands, or a command'\\''s help'
  )
  _describe -t commands command commands
}

_ebbgate() {
  if (( CURRENT == 2 )); then
    _ebbgate_commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) (( CURRENT == 2 )) && _ebbgate_commands ;;
${cases.join("\n")}
  esac
}

if [[ $funcstack[1] == _ebbgate ]]; then _ebbgate "$@"; else compdef _ebbgate ebbgate; fi
`;
}

function argumentSpecs({ options, slots, more }: CommandWords): string[] {
  const flags = options.map(({ name, short, value, multiple, help }) => {
    const text = `[${escaped(help)}]${value === null ? "" : `:${escaped(value.label)}:${actionOf(value.offer)}`}`;
    const [long, brief] = value === null ? [`--${name}`, `-${short}`] : [`--${name}=`, `-${short}+`];
    if (short === undefined) return quoted(`${multiple ? "*" : ""}${long}${text}`);
    return `${quoted(multiple ? "*" : `(-${short} --${name})`)}{${brief},${long}}${quoted(text)}`;
  });
  return [...flags, ...slots.map(({ label, optional, offer }, i) => quoted(`${more ? "*" : `${i + 1}${optional ? ":" : ""}`}:${escaped(label)}:${actionOf(offer)}`))];
}

/** What _arguments would take for its own signs. */
const escaped = (text: string): string => text.replace(/[\\[\]:]/g, (sign) => `\\${sign}`);

function actionOf(offer: Offer): string {
  switch (offer.kind) {
    case "words":
      return `(${offer.words.join(" ")})`;
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "rollout":
      return "_ebbgate_rollouts";
    case "any":
      return " ";
  }
}
