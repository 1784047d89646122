import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onSmallDisk, smallDisksArePossible } from "../support/small-disk.ts";

/** Decides 200 times, and asks again until each is written, on a disk that fills up on the way and is cleared in the end. */
const decider = `
  import { rmSync, writeFileSync } from "node:fs";
  import { FileStore } from ${JSON.stringify(new URL("../../src/store/file-store.ts", import.meta.url).href)};
  const directory = process.argv[1];
  writeFileSync(directory + "/filler", Buffer.alloc(200_000));
  const store = await FileStore.open({ directory: directory + "/store" });
  const pad = "x".repeat(800);
  const messages = new Set();
  let failures = 0;
  for (let n = 1; n <= 200; ) {
    try {
      const revision = (await store.get("rollout"))?.revision ?? 0;
      const audit = [{ record: { n, pad }, id: "d" + n }];
      if ((await store.put("rollout", { n, pad }, revision, { id: "d" + n, audit })) !== undefined) n++;
    } catch (error) {
      messages.add(error.code + ": " + error.message.replace(directory, ""));
      // What is there can be read although nothing can be written.
      const seen = (await store.get("rollout")).value.n;
      if (seen !== n && seen !== n - 1) throw new Error("decision " + seen + " instead of " + n);
      await store.audit(1, 1000);
      if (++failures === 20) rmSync(directory + "/filler");
    }
  }
  const records = await store.audit(1, 1000);
  await store.close();
  const again = await FileStore.open({ directory: directory + "/store" });
  const kept = { document: (await again.get("rollout")).value.n, records: (await again.audit(1, 1000)).map((one) => one.record.n) };
  await again.close();
  process.stdout.write(JSON.stringify({ failures, messages: [...messages], same: records.length === kept.records.length, kept }));
`;

test.skipIf(!smallDisksArePossible())("a full disk: every write fails with what to do about it, reads go on, and when there is room again nothing is lost or doubled", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ebbgate-full-disk-"));
  try {
    const [program, ...args] = [...onSmallDisk(directory, 400), process.execPath, "--input-type=module", "-e", decider, directory];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (text: Buffer) => (out += text.toString()));
    expect(await once(child, "close")).toEqual([0, null]);
    const report = JSON.parse(out) as { failures: number; messages: string[]; same: boolean; kept: { document: number; records: number[] } };
    expect(report.failures).toBeGreaterThanOrEqual(20);
    expect(report.messages).toEqual(["unavailable: the store in /store failed (ENOSPC): the disk is full"]);
    expect(report.same).toBe(true);
    expect(report.kept).toEqual({ document: 200, records: Array.from({ length: 200 }, (_, index) => index + 1) });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
