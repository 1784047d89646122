import { documentKinds, jsonSchema } from "../config/json-schema.ts";
import { type CliIo, exitCodes, parseArguments } from "./args.ts";

export const spec = {
  name: "schema",
  summary: "Print the JSON Schema (draft-07) of a configuration document.",
  positionals: { name: "DOCUMENT", min: 0, max: 1, choices: documentKinds, help: "bootstrap (the default) or dynamic." },
  options: { json: { type: "boolean", help: "It is JSON anyway; taken so that scripts may always say it." } },
  examples: [
    ["ebbgate schema > bootstrap.json", "for an editor: '# yaml-language-server: $schema=bootstrap.json' as the first line"],
    ["ebbgate schema dynamic", "the schema of a dynamic document"],
  ],
  exits: [
    [0, "printed"],
    [2, "wrong usage"],
  ],
} as const;

/** `ebbgate schema [bootstrap|dynamic]` */
export function run(argv: readonly string[], io: CliIo): number {
  const args = parseArguments(spec, argv, io);
  if (typeof args === "number") return args;
  const kind = args.positionals[0] === "dynamic" ? "dynamic" : "bootstrap";
  io.stdout.write(`${JSON.stringify(jsonSchema(kind), null, 2)}\n`);
  return exitCodes.ok;
}
