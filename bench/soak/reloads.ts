import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Soak } from "./check.ts";
import { startSidecar } from "./sidecar.ts";
import { startUpstream } from "./upstream.ts";

const changes = 200;
const clients = 32;
const pauseMsMax = 20;

/** Configuration changes under keep-alive clients, half of whose requests are POSTs, which nobody may repeat. */
export const reloads: Soak = {
  name: "reloads",
  about: "200 configuration changes under keep-alive load",
  async run({ say }) {
    const upstream = await startUpstream();
    const sidecar = await startSidecar(upstream.port);
    const agent = new Agent({ keepAlive: true, maxSockets: clients });
    const failures: string[] = [];
    let requests = 0;
    let running = true;
    const client = async (i: number): Promise<void> => {
      for (let n = 0; running; n++) {
        const problem = await ask(agent, sidecar.port, n % 2 === 0 ? "GET" : "POST", `user-${i}`);
        requests += 1;
        if (problem !== null) failures.push(problem);
        await delay(Math.random() * pauseMsMax);
      }
    };
    try {
      const all = Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
      let revision = await sidecar.untilAbove(0);
      for (let i = 1; i <= changes; i++) {
        sidecar.configure(i);
        revision = await sidecar.untilAbove(revision);
      }
      running = false;
      await all;
      say(`${changes} changes, ${requests} requests${failures.length > 0 ? `; first failure: ${failures[0]}` : ""}`);
      return [
        { what: "failed requests", measured: failures.length, max: 0, unit: "requests" },
        { what: "changes that were not served", measured: changes - Math.min(changes, revision - 1), max: 0, unit: "changes" },
      ];
    } finally {
      running = false;
      agent.destroy();
      await sidecar.process.stop();
      upstream.close();
    }
  },
};

/** @returns what went wrong, or null */
function ask(agent: Agent, port: number, method: "GET" | "POST", user: string): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request({ agent, host: "127.0.0.1", port, method, path: "/", headers: { "x-user": user }, timeout: 10_000 }, (response) => {
      response.resume();
      response.once("error", (error) => resolve(error.message));
      response.once("end", () => resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`));
    });
    sent.once("timeout", () => sent.destroy(new Error("no answer in 10 s")));
    sent.once("error", (error) => resolve(`${method}: ${error.message}`));
    sent.end(method === "POST" ? "" : undefined);
  });
}
