import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fails, isSigned, Receiver, signingKey, took } from "../support/receiver.ts";
import { TwoVersions } from "../support/two-versions.ts";
import { until } from "../hooks/world.ts";

vi.setConfig({ testTimeout: 120_000 });

let shop: TwoVersions;
let pager: Receiver;

beforeEach(async () => {
  shop = new TwoVersions();
  shop.status = 503;
  pager = await Receiver.start(fails(500));
});
afterEach(async () => {
  shop.clear();
  await pager.down();
});

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

it("what could not be told is kept across kill -9, listed, and told by one command under the same ids, which is in the audit log", async () => {
  const first = await shop.start({ steps: [{ weight: 50, dwell: "1s" }, 100] }, { allow: ["127.0.0.1"], targets: [{ name: "pager", url: pager.url, secret: signingKey, giveUpAfter: 0, notify: {} }] });
  await shop.whileUsersCome(first, shop.decided("verified"));
  await first.line(({ msg, event }) => msg.includes("kept as a dead letter") && String(event).startsWith(`${shop.log().find(({ record }) => record["reason"] === "verified")!.seq}-`));
  expect(await first.stop("SIGKILL")).toBeNull();

  const second = await shop.place.start();
  const at = ["--admin", second.admin];
  const listed = await shop.cli("webhooks", "dead", "pager", ...at);
  const told = shop.log().filter(({ record }) => "reason" in record).map(({ seq, hash }) => `${seq}-${hash.slice(0, 24)}`);
  expect(lines(listed.stdout).filter((_, i) => i % 2 === 0).map((line) => line.split(" ")[0])).toEqual(told);
  expect(listed.stdout).toContain("1 attempt, status 500");
  expect(listed.stdout).toContain("shop: v2 loses its traffic at once");
  expect(listed.stdout + listed.stderr).not.toMatch(/whsec_|in-the-url/);

  const refused = await shop.cli("webhooks", "replay", "pager", ...at);
  expect([refused.code, lines(refused.stdout).length]).toEqual([1, 2]);
  expect(refused.stdout).toContain(`0 dead letters are told; ${told.length} are still kept`);

  pager.answer = took;
  const before = pager.received.length;
  const done = await shop.cli("webhooks", "replay", "pager", ...at);
  expect([done.code, done.stderr, lines(done.stdout).at(-1)]).toEqual([0, "", `${told.length} dead letters are told`]);
  expect(pager.received.slice(before).map(({ headers }) => headers["webhook-id"])).toEqual(told);
  expect(pager.received.every((one) => isSigned(one))).toBe(true);
  expect((await shop.cli("webhooks", "dead", "pager", ...at)).stdout).toBe("pager has no dead letters\n");
  expect(JSON.parse((await shop.cli("webhooks", "--json", ...at)).stdout)).toMatchObject({ items: [{ target: "pager", deadLetters: 0, taken: told.length }] });
  expect((await shop.cli("audit", "list", "-c", "ebbgate.json")).stdout).toMatch(new RegExp(`webhook: pager: dead letters were sent again by \\S+: ${told.length} taken, 0 not`));
  expect(await second.stop()).toBe(0);
});

it("wrong use ends with its code and one helpful line", async () => {
  const sidecar = await shop.start({ steps: [50, 100] }, { allow: ["127.0.0.1"], targets: [{ name: "pager", url: pager.url, secret: signingKey, notify: {} }] });
  await until(() => sidecar.status());
  for (const [args, code, line] of [
    [["webhooks", "dead", "pagr", "--admin", sidecar.admin], 1, "there is no target 'pagr'; did you mean pager?"],
    [["webhooks", "replay", "--admin", sidecar.admin], 2, "replay needs the name of a target"],
    [["webhooks", "list", "pager"], 2, "unexpected argument 'pager'"],
    [["webhooks", "dead", "pager", "--event", "1-a"], 2, "--event belongs to replay"],
    [["webhooks", "replay", "pager", "--event", "1-a", "--admin", sidecar.admin], 1, "Target pager has no dead letter 1-a"],
    [["webhooks", "--admin", "http://127.0.0.1:1"], 3, "refuses the connection"],
  ] as const) {
    const ended = await shop.cli(...args);
    expect([ended.code, ended.stdout, lines(ended.stderr)], args.join(" ")).toEqual([code, "", [expect.stringContaining(line)]]);
  }
  expect(await sidecar.stop()).toBe(0);
});
