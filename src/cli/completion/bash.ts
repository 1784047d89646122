import { quoted, type CommandWords, type Offer } from "./words.ts";

/** For bash 3.2 and later; nothing else has to be installed. */
export function bashCompletion(commands: readonly CommandWords[], version: string): string {
  const values = commands.flatMap(({ name, options }) => options.flatMap(({ name: option, short, value }) => {
    if (value === null) return [];
    const ways = [`--${option}`, ...(short === undefined ? [] : [`-${short}`])].map((way) => quoted(`${name} ${way}`));
    return [`    ${ways.join("|")}) kind=${quoted(kindOf(value.offer))} ;;`];
  }));
  const places = commands.flatMap(({ name, slots, more }) => slots.map(({ offer }, i) => `    ${more ? `${quoted(`${name} `)}*` : quoted(`${name} ${i}`)}) kind=${quoted(kindOf(offer))} ;;`));
  const names = commands.map(({ name }) => name);
  return `# bash completion of ebbgate ${version}: source <(ebbgate completion bash)

# COMMAND OPTION -> what its value is. Fails for an option without one.
_ebbgate_value() {
  case "$1 $2" in
${values.join("\n")}
    *) return 1 ;;
  esac
}

# COMMAND PLACE -> what stands there.
_ebbgate_place() {
  case "$1 $2" in
${places.join("\n")}
    *) kind=any ;;
  esac
}

_ebbgate_options() {
  case "$1" in
${commands.map(({ name, options }) => `    ${name}) words=${quoted(options.map((option) => `--${option.name}`).join(" "))} ;;`).join("\n")}
    *) words= ;;
  esac
}

# Offers lines of its standard input: nothing in them is expanded.
_ebbgate_lines() {
  local line
  while IFS= read -r line; do
    [[ -n $line && $line == "$cur"* ]] && COMPREPLY+=("$line")
  done
}

_ebbgate_offer() {
  local IFS=$'\\n'
  case $kind in
    file) compopt -o filenames 2>/dev/null; _ebbgate_lines < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames 2>/dev/null; _ebbgate_lines < <(compgen -d -- "$cur") ;;
    rollout) _ebbgate_lines < <(command ebbgate status --names 2>/dev/null) ;;
    words\\ *) _ebbgate_lines < <(printf '%s\\n' "\${kind#words }" | tr ' ' '\\n') ;;
  esac
}

_ebbgate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} kind=any words= i place=0
  COMPREPLY=()
  # bash breaks --name=value into three words.
  if [[ $cur == = ]]; then cur=
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if (( COMP_CWORD == 1 )) || [[ $command == help ]]; then
    kind=${quoted(`words ${names.join(" ")}`)}
    (( COMP_CWORD == 1 )) && kind="$kind help --help --version"
    _ebbgate_offer
  elif _ebbgate_value "$command" "$prev"; then
    _ebbgate_offer
  elif [[ $cur == -* ]]; then
    _ebbgate_options "$command"
    kind="words $words"
    _ebbgate_offer
  else
    for (( i = 2; i < COMP_CWORD; i++ )); do
      case \${COMP_WORDS[i]} in
        -*)
          if _ebbgate_value "$command" "\${COMP_WORDS[i]}"; then
            [[ \${COMP_WORDS[i+1]} == = ]] && i=$(( i + 1 ))
            i=$(( i + 1 ))
          fi
          ;;
        *) place=$(( place + 1 )) ;;
      esac
    done
    _ebbgate_place "$command" "$place"
    _ebbgate_offer
  fi
}

complete -F _ebbgate ebbgate
`;
}

const kindOf = (offer: Offer): string => (offer.kind === "words" ? `words ${offer.words.join(" ")}` : offer.kind);
