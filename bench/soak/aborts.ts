import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { openDescriptors } from "../processes.ts";
import type { Check, Soak } from "./check.ts";
import { startSidecar } from "./sidecar.ts";
import { startUpstream } from "./upstream.ts";

const aborts = 2_000;
const atOnce = 50;
/** A client that goes away frees its upstream within 2.5 s; idle upstream connections are kept for 4 s. */
const settleTimeoutMs = 8_000;

/** Clients that go away at any moment: before the head is out, while they wait, in the middle of a body. */
export const clientAborts: Soak = {
  name: "aborts",
  about: "2,000 clients that go away, twice",
  async run({ say }) {
    const upstream = await startUpstream();
    const sidecar = await startSidecar(upstream.port);
    const { pid } = sidecar.process;
    try {
      // One round warms up: pools, libraries and logs open what they keep open.
      await abortMany(sidecar.port, 200);
      await settled(pid, 0);
      const before = openDescriptors(pid);
      const checks: Check[] = [];
      for (const round of ["first", "second"]) {
        await abortMany(sidecar.port, aborts);
        const more = (await settled(pid, before)) - before;
        say(`${round} ${aborts}: ${before + more} descriptors, ${before} before`);
        checks.push({ what: `descriptors more than before after the ${round} ${aborts}`, measured: more, max: 0, unit: "descriptors" });
      }
      return checks;
    } finally {
      await sidecar.process.stop();
      upstream.close();
    }
  },
};

async function abortMany(port: number, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await abortOne(port, next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function abortOne(port: number, i: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const head = `GET /big?mib=4 HTTP/1.1\r\nHost: soak\r\nx-user: gone-${i}\r\n\r\n`;
    socket.on("error", () => socket.destroy());
    socket.once("close", () => resolve());
    socket.once("connect", () => {
      const how = i % 4;
      if (how === 0) socket.write(head.slice(0, 20), () => socket.destroy());
      else if (how === 1) socket.write(head, () => socket.destroy());
      else if (how === 2) socket.write(head, () => socket.resetAndDestroy());
      else {
        socket.write(head);
        socket.once("data", () => socket.resetAndDestroy());
      }
    });
  });
}

/** Waits until no more descriptors are open than `wanted`, or for 8 s. @returns how many are open then */
async function settled(pid: number, wanted: number): Promise<number> {
  const deadline = performance.now() + settleTimeoutMs;
  while (performance.now() < deadline && openDescriptors(pid) > wanted) await delay(100);
  return openDescriptors(pid);
}
