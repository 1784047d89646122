/** Every command as a real process: its help, and what wrong use ends with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { dispatch } from "../../src/cli/args.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { commands } from "../../src/commands.ts";
import { ebbgate, start, type Ended } from "../support/command.ts";
import { capture } from "./capture.ts";

// A busy machine starts a process in seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const place = mkdtempSync(join(tmpdir(), "ebbgate-commands-"));
beforeAll(() => {
  writeFileSync(join(place, "ebbgate.yaml"), "listeners: [{ address: 127.0.0.1:0 }]\nstore: { type: memory }\ndynamic: { routes: [{ name: shop, variants: [{ name: v1, endpoints: ['http://127.0.0.1:1'] }] }] }\n");
  writeFileSync(join(place, "bad.yaml"), "routes: []\n");
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const nobody = ["--admin", "http://127.0.0.1:1"];
/** By command: wrong use in its own ways, with the documented code and a part of the line. The unknown option is tried on every one. */
const wrong: Readonly<Record<string, readonly (readonly [args: readonly string[], code: number, line: string])[]>> = {
  run: [[["now"], 2, "unexpected argument 'now'"], [["-c", "nothing.yaml"], 1, "nothing.yaml: does not exist"]],
  demo: [[["--rate", "1"], 2, "--rate is '1'; give a whole number from 50 to 5000"]],
  status: [[["a", "b"], 2, "unexpected argument 'b'"], [nobody, 3, "refuses the connection"]],
  watch: [[["--every", "5"], 2, "--every is '5'"], [nobody, 3, "refuses the connection"]],
  promote: [[[], 2, "NAME is missing"], [["shop", ...nobody], 3, "refuses the connection"]],
  pause: [[[], 2, "NAME is missing"], [["shop", "-c", "ebbgate.yaml"], 1, "a memory store is in its sidecar's process alone"]],
  resume: [[[], 2, "NAME is missing"], [["shop", "--timeout", "soon"], 2, "--timeout is 'soon'"]],
  rollback: [[["shop"], 2, "--reason TEXT is missing"], [["shop", "--reason", "x", "--store", "mysql://h"], 1, "--store is redis://"]],
  approve: [[[], 2, "NAME is missing"], [["shop", ...nobody], 3, "refuses the connection"]],
  override: [[["shop"], 2, "--reason TEXT is missing"], [["shop", "--reason", "x", ...nobody], 3, "refuses the connection"]],
  drill: [[["shop"], 2, "--reason TEXT is missing"], [["shop", "--reason", "x", ...nobody], 3, "refuses the connection"]],
  validate: [[[], 2, "FILE is missing"], [["bad.yaml", "-q"], 1, "routes: needs at least 1 entry"]],
  apply: [[[], 2, "-f FILE is missing"], [["-f", "nothing.yaml"], 1, "nothing.yaml cannot be read (ENOENT)"], [["-f", "ebbgate.yaml", "--store", "redis://127.0.0.1:1"], 3, "Redis cannot be reached"]],
  "rollback-config": [[["none"], 2, "N is a whole number from 1, not 'none'"], [["--namespace", "x"], 1, "--namespace belongs to --store"]],
  schema: [[["dynamik"], 2, "DOCUMENT is one of bootstrap, dynamic, not 'dynamik'; did you mean dynamic?"]],
  gates: [[["kil"], 2, "ACTION is one of list, report, explain, kill, revive, not 'kil'; did you mean kill?"], [["explain", "x"], 1, "the document has no gates"]],
  audit: [[["lst"], 2, "did you mean list?"], [["list", "-c", "nothing.yaml"], 1, "nothing.yaml: does not exist"]],
  report: [[[], 2, "NAME is missing"], [["shop"], 1, "a memory store keeps its audit log in its process"]],
  simulate: [[["--runs", "0"], 2, "--runs is '0'"], [["--row", "nothing"], 2, "--row is one of"]],
  replay: [[[], 2, "FILE is missing"], [["nothing.jsonl"], 1, "nothing.jsonl cannot be read (ENOENT)"]],
  completion: [[["tcsh"], 2, "SHELL is one of bash, zsh, fish, not 'tcsh'"]],
  webhooks: [[["dead"], 2, "dead needs the name of a target"], [nobody, 3, "refuses the connection"]],
  token: [[["mak"], 2, "ACTION is one of"]],
};

test("no command is left out", () => {
  expect(Object.keys(wrong).toSorted()).toEqual(commands.map(({ name }) => name).toSorted());
});

describe.each(commands.map(({ name }) => name))("%s", (name) => {
  test("wrong use ends with a documented code and one helpful line, and prints no data", async () => {
    const { spec } = await commands.find((one) => one.name === name)!.load();
    const codes = spec.exits!.map(([code]) => code);
    const rows = [...wrong[name]!, [["--nonsense"], 2, "unknown option --nonsense"] as const];
    for (const [i, [args, code, line]] of rows.entries()) {
      // One of them as a process; the others by the same way without its start, which is most of the time.
      const ended = i === 0 ? await ebbgate([name, ...args], { cwd: place }) : await inProcess([name, ...args]);
      const said = `${[name, ...args].join(" ")}: ${ended.err}`;
      expect(ended.code, said).toBe(code);
      expect(codes, said).toContain(code);
      expect(ended.out, said).toBe("");
      expect(ended.err, said).toContain(line);
      expect(ended.err.trimEnd().split("\n"), said).toHaveLength(code === 1 && name === "validate" ? 2 : 1);
    }
  });
});

async function inProcess(args: readonly string[]): Promise<Ended> {
  const io = capture({ cwd: place });
  const code = await dispatch(commands, args, io, "1.2.3");
  return { code, out: io.out(), err: io.err() };
}

test("help is data: on stdout, the same by each way to ask for it", async () => {
  const { spec } = await commands.find(({ name }) => name === "rollback")!.load();
  expect(await ebbgate(["rollback", "--help"])).toEqual({ code: 0, out: commandHelp(spec), err: "" });
  for (const args of [["help", "rollback"], ["rollback", "shop", "-h"]]) expect(await inProcess(args)).toEqual({ code: 0, out: commandHelp(spec), err: "" });
});

test("whoever stops reading is no fault of ours: no complaint, no trace", async () => {
  const printing = start(["schema"]);
  printing.child.stdout!.destroy();
  expect(await printing.ended).toMatchObject({ err: "" });
});
