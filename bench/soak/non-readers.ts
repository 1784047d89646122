import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../processes.ts";
import type { Soak } from "./check.ts";
import { startSidecar } from "./sidecar.ts";
import { startUpstream, startUpstreamThread } from "./upstream.ts";
import type { Upstream } from "./upstream.ts";

const clients = 200;
const mibEach = 32;
const bytesEachMax = 131_072;
const healthyMsMax = 50;
const stillMs = 1_000;
const stillTimeoutMs = 60_000;
const healthyRequests = 100;
const warmUpReaders = 50;

/** Clients that ask for much and read nothing, and one that behaves. */
export const nonReaders: Soak = {
  name: "non-readers",
  about: "200 clients that ask for 32 MiB each and do not read",
  async run({ say }) {
    const upstream = await startUpstreamThread();
    const healthy = await startUpstream();
    const sidecar = await startSidecar(upstream.port, healthy.port);
    const agent = new Agent({ keepAlive: true });
    const sockets: Socket[] = [];
    try {
      const cold = residentBytes(sidecar.process.pid);
      // A sidecar that has served: its heap has grown to its working size, so that only what the clients cost is counted.
      for (let i = 0; i < warmUpReaders; i++) await timed(agent, sidecar.port, `/big?mib=${mibEach}`);
      for (let i = 0; i < healthyRequests; i++) await timed(agent, sidecar.port);
      await still(upstream);
      const before = residentBytes(sidecar.process.pid);
      for (let i = 0; i < clients; i++) sockets.push(await askAndPause(sidecar.port, i));
      const filled = still(upstream);
      const filling = await slowestUntil(filled, agent, sidecar.port);
      let slowestMs = 0;
      for (let i = 0; i < healthyRequests; i++) {
        slowestMs = Math.max(slowestMs, await timed(agent, sidecar.port));
        await delay(10);
      }
      const each = (residentBytes(sidecar.process.pid) - before) / clients;
      say(`resident at the start ${Math.round(cold / 1e6)} MB, before the clients ${Math.round(before / 1e6)} MB, after ${Math.round(residentBytes(sidecar.process.pid) / 1e6)} MB`);
      return [
        { what: "memory for each client", measured: Math.max(0, Math.round(each / 1_024)), max: bytesEachMax / 1_024, unit: "KiB" },
        { what: `slowest of ${filling.count} healthy requests while the kernel's buffers were being filled`, measured: Number(filling.slowestMs.toFixed(1)), max: healthyMsMax, unit: "ms" },
        { what: "slowest of 100 healthy requests", measured: Number(slowestMs.toFixed(1)), max: healthyMsMax, unit: "ms" },
      ];
    } finally {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await sidecar.process.stop();
      upstream.close();
      healthy.close();
    }
  },
};

/**
 * Until no byte has moved for a second: the kernel's buffers between service and clients that do not read are then full
 * (several MiB for each client, filled at full speed), and then what is measured is the state that lasts.
 */
async function still(upstream: Upstream): Promise<void> {
  const deadline = performance.now() + stillTimeoutMs;
  for (let sent = upstream.sentBytes(), sinceMs = performance.now(); performance.now() < deadline; await delay(50)) {
    if (upstream.sentBytes() === sent && performance.now() - sinceMs >= stillMs) return;
    if (upstream.sentBytes() === sent) continue;
    sent = upstream.sentBytes();
    sinceMs = performance.now();
  }
}

async function slowestUntil(end: Promise<void>, agent: Agent, port: number): Promise<{ count: number; slowestMs: number }> {
  let running = true;
  void end.then(() => (running = false));
  let count = 0;
  let slowestMs = 0;
  for (; running; count++) {
    slowestMs = Math.max(slowestMs, await timed(agent, port));
    await delay(5);
  }
  return { count, slowestMs };
}

function askAndPause(port: number, i: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => socket.destroy());
      socket.pause();
      socket.write(`GET /big?mib=${mibEach} HTTP/1.1\r\nHost: soak\r\nx-user: still-${i}\r\n\r\n`, () => resolve(socket));
    });
  });
}

/** @returns milliseconds. @throws when the answer is not 200 */
function timed(agent: Agent, port: number, path = "/other"): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    request({ agent, host: "127.0.0.1", port, path, headers: { "x-user": "healthy" } }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200) resolve(performance.now() - startedMs);
        else reject(new Error(`a healthy request got ${response.statusCode}`));
      });
    })
      .once("error", reject)
      .end();
  });
}
