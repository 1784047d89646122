/** Some hundred light clients in one process, told by their parent when to fail. */
import { redisSettings } from "./settings.ts";
import { LightClient } from "./light-client.ts";

const [port, first, count] = process.argv.slice(2).map(Number) as [number, number, number];
const clients: LightClient[] = [];
for (let i = 0; i < count; i += 25) {
  clients.push(...(await Promise.all(Array.from({ length: Math.min(25, count - i) }, (_, k) => LightClient.start(`light-${first + i + k}`, redisSettings(port))))));
}
// Each client is looked at every 50 ms, not all of them at once.
let at = 0;
setInterval(() => {
  for (let n = 0; n < Math.ceil(clients.length / 10); n++) clients[at++ % clients.length]!.tick();
}, 5);
process.on("message", (message: { readonly kind: "fail" | "look" | "end" }) => {
  if (message.kind === "fail") for (const client of clients) client.failing = true;
  if (message.kind === "look") {
    const seen = clients.map(({ zeroAtMs }) => (zeroAtMs === null ? null : performance.timeOrigin + zeroAtMs));
    process.send!({ kind: "seen", zeroAtMs: seen, bytes: clients.reduce((sum, { bytesSent }) => sum + bytesSent, 0) });
  }
  if (message.kind === "end") process.exit(0);
});
process.send!({ kind: "ready" });
