/**
 * Writes what is made from the configuration's schema: config/schema/*.json and docs/configuration.md. Run it after a
 * change of the schema: `node scripts/config-reference.ts`. A test holds the files against it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { documentKinds, jsonSchema } from "../src/config/json-schema.ts";
import { schemaReference } from "./schema-reference.ts";

/** Path from the repository's root -> what the file must hold. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map(documentKinds.map((kind) => [`config/schema/${kind}.json`, `${JSON.stringify(jsonSchema(kind), null, 2)}\n`]));
  return files.set("docs/configuration.md", page());
}

function page(): string {
  return `# Configuration

<!-- Made by scripts/config-reference.ts from the schema in src/config/. Do not edit. -->

Two documents, in YAML 1.2 or JSON. The *bootstrap* document is read at the start; the *dynamic* document is watched: a
change is live in well under a second, without a dropped request. The dynamic document stands inside the bootstrap
document under \`dynamic\`, or in a file of its own. Samples are in \`config/\`.

\`\`\`sh
ebbgate validate ebbgate.yaml      # every problem with file, line, path and remedy; exit code 1 if there is one
ebbgate schema > bootstrap.json    # JSON Schema for editors
\`\`\`

**A bad document is refused whole**: what ran goes on, and the refusal is logged. Unknown and repeated keys are refused.
A change of the bootstrap document while Ebbgate runs is reported, and counts after a restart.

**Values.** A *duration* has its unit: \`250ms\`, \`30s\`, \`1m30s\`, \`2h\`, \`1d\` (\`0\` needs none). A *percentage* has its sign:
\`0.5%\`. A *weight* is a number of percent in steps of 0.001: \`5\`. Limits whose names end in \`Ms\` or \`BytesMax\` are plain
numbers of that unit.

**Environment.** \`\${NAME}\` in a value is replaced by the environment variable, \`\${NAME:-default}\` has a default for one that
is unset or empty, \`$\${\` is a literal \`\${\`. The replacement happens after parsing, so a value can never add keys. Without quotes it
is then typed as if it had been written there; in quotes it is text (and numbers and booleans may be quoted). Inside \`{ }\` and
\`[ ]\` YAML demands the quotes.

${documentKinds.map((kind) => schemaReference(kind, jsonSchema(kind))).join("\n")}`;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  for (const [path, text] of generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
