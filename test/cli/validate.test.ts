import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run as schema } from "../../src/cli/schema.ts";
import { run } from "../../src/cli/validate.ts";
import { capture } from "./capture.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "ebbgate-validate-"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const routes = 'routes:\n  - name: shop\n    variants: [{ name: v1, endpoints: ["http://127.0.0.1:3001"] }]\n';
const write = (name: string, contents: string): Promise<void> => writeFile(join(cwd, name), contents);

test("good files end with 0 and a line each on stdout", async () => {
  await write("routes.yaml", routes);
  await write("ebbgate.yaml", 'listeners: [{ address: "127.0.0.1:8080" }]\ndynamic: routes.yaml\n');
  const io = capture({ cwd });
  expect(await run(["ebbgate.yaml", "routes.yaml"], io)).toBe(0);
  expect(io.out()).toBe("ebbgate.yaml: good (bootstrap, 1 route)\nroutes.yaml: good (dynamic, 1 route)\n");
  expect(io.err()).toBe("");
});

test("a bad file ends with 1 and its problems on stderr, and does not hide the others", async () => {
  await write("routes.yaml", routes);
  await write("bad.yaml", `${routes}    fallbak: true\n`);
  const io = capture({ cwd });
  expect(await run(["bad.yaml", "missing.yaml", "routes.yaml"], io)).toBe(1);
  expect(io.err().split("\n")).toEqual([
    "bad.yaml:4:5: routes[0].fallbak: is not a known key. Did you mean 'fallback'? Otherwise remove it.",
    "bad.yaml: refused, 1 problem",
    "missing.yaml: does not exist. Check the path.",
    "missing.yaml: refused, 1 problem",
    "",
  ]);
  expect(io.out()).toBe("routes.yaml: good (dynamic, 1 route)\n");
});

test("--json prints one object with every problem's place", async () => {
  await write("bad.yaml", `${routes}    fallback: maybe\n`);
  const io = capture({ cwd });
  expect(await run(["--json", "bad.yaml"], io)).toBe(1);
  expect(JSON.parse(io.out())).toEqual({
    valid: false,
    files: [
      {
        file: "bad.yaml",
        kind: "dynamic",
        valid: false,
        problems: [{ file: "bad.yaml", line: 4, column: 15, path: "routes[0].fallback", value: '"maybe"', message: "must be true or false", remedy: "Write true or false" }],
      },
    ],
  });
  expect(io.err()).toBe("");
});

test("the environment is substituted, so a file is checked as it will be read", async () => {
  await write("routes.yaml", routes.replace("shop", "${NAME}"));
  expect(await run(["routes.yaml"], capture({ cwd, env: { NAME: "shop" } }))).toBe(0);
  expect(await run(["routes.yaml"], capture({ cwd }))).toBe(1);
});

test("--kind says what a file is, where that cannot be seen", async () => {
  await write("routes.yaml", routes);
  const io = capture({ cwd });
  expect(await run(["--kind", "bootstrap", "routes.yaml"], io)).toBe(1);
  expect(io.err()).toContain("listeners: is missing");
});

test("no file is a usage error", async () => {
  expect(await run([], capture())).toBe(2);
});

test("ebbgate schema prints the JSON Schema of either document", () => {
  for (const [argv, title] of [[[], "Ebbgate bootstrap document"], [["dynamic"], "Ebbgate dynamic document"]] as const) {
    const io = capture();
    expect(schema(argv, io)).toBe(0);
    expect(JSON.parse(io.out())).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#", title });
  }
  expect(schema(["dynamc"], capture())).toBe(2);
});
