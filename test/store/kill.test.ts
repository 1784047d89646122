import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { FileStore } from "../../src/store/file-store.ts";

/** Writes as fast as it can, and prints what it was told is kept. */
const writer = `
  import { FileStore } from ${JSON.stringify(new URL("../../src/store/file-store.ts", import.meta.url).href)};
  const store = await FileStore.open({ directory: process.argv[1] });
  let revision = (await store.get("rollout/shop"))?.revision ?? 0;
  for (;;) {
    const audit = [{ record: { revision: revision + 1 }, id: "decision-" + (revision + 1) }];
    revision = await store.put("rollout/shop", { revision: revision + 1, filler: "x".repeat(revision % 3000) }, revision, { audit });
    process.stdout.write(revision + "\\n");
  }
`;

test("kill -9 in the middle of writing loses nothing that was confirmed, and breaks nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ebbgate-kill-"));
  const warnings: string[] = [];
  try {
    let confirmed = 0;
    for (let round = 1; round <= 5; round++) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(child, "exit");
      const killAfter = confirmed + 3 + round * 7;
      for await (const line of createInterface({ input: child.stdout })) {
        confirmed = Number(line);
        if (confirmed >= killAfter && !child.killed) child.kill("SIGKILL");
      }
      expect(await exited).toEqual([null, "SIGKILL"]);

      const store = await FileStore.open({ directory, warn: (message) => warnings.push(message) });
      const kept = await store.get("rollout/shop");
      const audit = await store.audit(1, 1_000_000);
      await store.close();
      // The write after the last confirmed one may or may not have been finished.
      expect(kept!.revision - confirmed).toBeOneOf([0, 1]);
      expect(kept!.value).toMatchObject({ revision: kept!.revision });
      const revisions = audit.map((one) => (one.record as { revision: number }).revision);
      // The state and the record of what led to it: both or none, and each once.
      expect(revisions).toEqual(Array.from({ length: kept!.revision }, (_, index) => index + 1));
    }
    // Only a line that was cut short may be mentioned: no document ever fails its checksum.
    expect(warnings.filter((message) => !message.includes("cut short by a crash"))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
