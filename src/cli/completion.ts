/** `ebbgate completion bash|zsh|fish`: what makes a shell complete commands, options and their values, made from the commands' own tables. */
import { exitCodes, parseArguments, type CliIo, type Command } from "./args.ts";
import { bashCompletion } from "./completion/bash.ts";
import { fishCompletion } from "./completion/fish.ts";
import { wordsOf } from "./completion/words.ts";
import { zshCompletion } from "./completion/zsh.ts";

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const spec = {
  name: "completion",
  summary: "Print what makes a shell complete commands, options, their values and the names of rollouts.",
  positionals: { name: "SHELL", min: 1, max: 1, choices: ["bash", "zsh", "fish"], help: "bash, zsh or fish." },
  options: {},
  examples: [
    ["source <(ebbgate completion bash)", "in ~/.bashrc"],
    ["ebbgate completion zsh > \"${fpath[1]}/_ebbgate\"", "once; compinit finds it"],
    ["ebbgate completion fish > ~/.config/fish/completions/ebbgate.fish", "once"],
  ],
  exits: [
    [0, "printed"],
    [2, "wrong usage"],
  ],
} as const;

export async function run(argv: readonly string[], io: CliIo, commands: readonly Command[], version: string): Promise<number> {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const shell = shells[args.positionals[0] as keyof typeof shells];
  io.stdout.write(shell(await wordsOf(commands), version));
  return exitCodes.ok;
}
