import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../processes.ts";
import type { Check, Soak } from "./check.ts";
import { startSidecar } from "./sidecar.ts";
import { isPattern, pattern, startUpstream } from "./upstream.ts";

const bytesPerSecond = 1_048_576;
const tickMs = 50;
const residentBytesMax = 200_000_000;

/** A client that reads 1 MiB/s and one that writes 1 MiB/s, side by side: what the sidecar buffers is seen in its memory. */
export const slowTransfer: Soak = {
  name: "slow-transfer",
  about: "a long download and a long upload at 1 MiB/s",
  async run({ mib, say }) {
    const upstream = await startUpstream();
    const sidecar = await startSidecar(upstream.port);
    let peak = 0;
    const sampler = setInterval(() => (peak = Math.max(peak, residentBytes(sidecar.process.pid))), 250);
    try {
      say(`${mib} MiB down and ${mib} MiB up at 1 MiB/s: about ${mib} s`);
      const [wrongDown, wrongUp] = await Promise.all([download(sidecar.port, mib), upload(sidecar.port, mib)]);
      if (sidecar.process.child.exitCode !== null) say(`the sidecar ended with ${sidecar.process.child.exitCode}: ${sidecar.process.output().trim()}`);
      return checks(Math.max(peak, residentBytes(sidecar.process.pid, "peak")), wrongDown, wrongUp);
    } finally {
      clearInterval(sampler);
      await sidecar.process.stop();
      upstream.close();
    }
  },
};

const checks = (peak: number, wrongDown: number, wrongUp: number): Check[] => [
  { what: "resident memory of the sidecar", measured: Math.round(peak / 1e6), max: residentBytesMax / 1e6, unit: "MB" },
  { what: "bytes missing or wrong in the download", measured: wrongDown, max: 0, unit: "bytes" },
  { what: "bytes missing or wrong in the upload", measured: wrongUp, max: 0, unit: "bytes" },
];

/** @returns how many bytes were missing or wrong */
async function download(port: number, mib: number): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  socket.write(`GET /big?mib=${mib} HTTP/1.1\r\nHost: soak\r\nx-user: slow\r\nConnection: close\r\n\r\n`);
  const expected = mib * 1_048_576;
  const startedMs = performance.now();
  let received = 0;
  let wrong = 0;
  let head = Buffer.alloc(0);
  let inBody = false;
  const take = (bytes: Buffer): void => {
    let body = bytes;
    if (!inBody) {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      inBody = true;
      body = head.subarray(end + 4);
    }
    if (!isPattern(body, received)) wrong += body.length;
    received += body.length;
  };
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    take(bytes);
    // The iterator reads no further while this waits.
    const aheadMs = (received / bytesPerSecond) * 1000 - (performance.now() - startedMs);
    if (aheadMs > tickMs) await delay(aheadMs);
  }
  return wrong + Math.abs(expected - received);
}

/** @returns how many bytes the service missed or found wrong */
async function upload(port: number, mib: number): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  const expected = mib * 1_048_576;
  socket.write(`POST /up HTTP/1.1\r\nHost: soak\r\nx-user: slow\r\nContent-Length: ${expected}\r\nConnection: close\r\n\r\n`);
  const answer = textOf(socket);
  const startedMs = performance.now();
  for (let sent = 0; sent < expected && !socket.destroyed; ) {
    if (!socket.write(pattern)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
    sent += pattern.length;
    const aheadMs = (sent / bytesPerSecond) * 1000 - (performance.now() - startedMs);
    if (aheadMs > tickMs) await delay(aheadMs);
  }
  const found = /\{"bytes":(\d+),"right":(true|false)\}/.exec(await answer);
  return found === null || found[2] === "false" ? expected : expected - Number(found[1]);
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  socket.on("error", () => socket.destroy());
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}
