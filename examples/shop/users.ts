/**
 * Users who look around in the shop: `node examples/shop/users.ts [HOST:PORT] [REQUESTS PER SECOND]`, until it is ended. Each has a name in `x-user`, so that
 * each stays with one version. Needs nothing but Node.js.
 */
import { Agent, get } from "node:http";

const [address = "127.0.0.1:8080", rate = "200"] = process.argv.slice(2);
const [host, port] = address.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 200 });
const usersMax = 5_000;
const tickMs = 20;

let due = 0;
let user = 0;
setInterval(() => {
  for (due += (Number(rate) * tickMs) / 1_000; due >= 1; due--) {
    user = (user + 1) % usersMax;
    const asked = get({ agent, host, port, path: `/products/p${1 + (user % 9)}`, headers: { "x-user": `user-${user}` }, timeout: 10_000 }, (response) => response.resume());
    asked.on("timeout", () => asked.destroy()).on("error", () => undefined);
  }
}, tickMs);
