import { once } from "node:events";
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Soak } from "./check.ts";
import { startSidecar } from "./sidecar.ts";

const requests = 25;
const rounds = 5;
const exitMsMax = 100;

/** SIGTERM while the service still works on every answer. */
export const drain: Soak = {
  name: "drain",
  about: `SIGTERM with ${requests} requests in flight, ${rounds} times`,
  async run({ say }) {
    let answered = 0;
    let slowestMs = 0;
    let failed = 0;
    for (let i = 0; i < rounds; i++) {
      const waiting: ServerResponse[] = [];
      const server = createServer((_request, response) => void waiting.push(response)).listen(0, "127.0.0.1");
      await once(server, "listening");
      const sidecar = await startSidecar((server.address() as AddressInfo).port);
      const { child } = sidecar.process;
      try {
        let lastMs = 0;
        const answers = Array.from({ length: requests }, (_, n) => ask(sidecar.port, n).then((ok) => {
          lastMs = performance.now();
          if (ok) answered++;
        }));
        while (waiting.length < requests) await once(server, "request");
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        // The last answers come well after the signal, one after the other.
        for (const response of waiting) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          response.end("done");
        }
        await Promise.all(answers);
        const [code] = (await exited) as [number | null];
        slowestMs = Math.max(slowestMs, performance.now() - lastMs);
        if (code !== 0) failed++;
      } finally {
        await sidecar.process.stop();
        server.close();
        server.closeAllConnections();
      }
    }
    say(`${answered} of ${requests * rounds} answered`);
    return [
      { what: "requests not answered", measured: requests * rounds - answered, max: 0, unit: "requests" },
      { what: "exits that were not 0", measured: failed, max: 0, unit: "exits" },
      { what: "from the last answer to the exit, at most", measured: Number(slowestMs.toFixed(1)), max: exitMsMax, unit: "ms" },
    ];
  },
};

function ask(port: number, n: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: `/${n}`, headers: { "x-user": `user-${n}` }, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("end", () => resolve(response.statusCode === 200 && body === "done"));
      response.once("error", () => resolve(false));
    }).once("error", () => resolve(false));
  });
}
