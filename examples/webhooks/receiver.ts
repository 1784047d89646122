/**
 * The other side of Ebbgate's calls, to try them and to read how one is checked: `npm exec -c 'node examples/webhooks/receiver.ts'`, with a port at its end if not 4000. It checks each call's
 * signature, leaves out what it has had, and prints one line for each. As an external gate it says yes, or, started with GATE=no, no. EVENTS_SECRET is the
 * secret of the target.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 4000);
/** As in config/notifications.yaml, which is for trying; make your own with: echo whsec_$(openssl rand -base64 32) */
const secret = process.env["EVENTS_SECRET"] ?? "whsec_bm90LWEtc2VjcmV0LWp1c3QtYW4tZXhhbXBsZQ==";
const key = Buffer.from(secret.slice("whsec_".length), "base64");
const oldestSeconds = 300;
/** In a real service: what you have handled, in its database. */
const had = new Set<string>();

interface Call {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: string;
  readonly body: string;
}

/** https://www.standardwebhooks.com: id, time and body are signed; a call of long ago was recorded and played again. */
function isGood({ id, timestamp, signatures, body }: Call): boolean {
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= oldestSeconds)) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest();
  return signatures.split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

interface CloudEvent {
  readonly type: string;
  readonly data: { readonly sentence?: string };
}

/** What a gate answers; of everything else the status is enough. */
const allowed = JSON.stringify(process.env["GATE"] === "no" ? { allow: false, reason: "the receiver was started with GATE=no" } : { allow: true });

createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (part: string) => (body += part));
  request.on("end", () => {
    const header = (name: string): string => String(request.headers[name] ?? "");
    const call: Call = { id: header("webhook-id"), timestamp: header("webhook-timestamp"), signatures: header("webhook-signature"), body };
    if (!isGood(call)) {
      response.writeHead(401).end();
      return;
    }
    const { type, data } = JSON.parse(body) as CloudEvent;
    if (!had.has(call.id)) process.stdout.write(`${type}: ${data.sentence ?? JSON.stringify(data)}\n`);
    had.add(call.id);
    if (type === "dev.ebbgate.rollout.question") response.setHeader("content-type", "application/json").end(allowed);
    else response.writeHead(204).end();
  });
}).listen(port, "127.0.0.1", () => process.stdout.write(`listening on http://127.0.0.1:${port}/\n`));
