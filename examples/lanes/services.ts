/**
 * Two services in two versions each, for config/lanes.yaml and config/lanes-pricing.yaml: a shop that asks for prices through the second
 * sidecar and passes the baggage on, as any service does that is instrumented with OpenTelemetry. Needs nothing but Node.js.
 */
import { createServer, request } from "node:http";

const prices = { host: "127.0.0.1", port: 8081 };

function price(baggage: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...prices, headers: { baggage } }, (response) => {
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}

for (const version of [1, 2]) {
  createServer((asked, response) => {
    const baggage = String(asked.headers["baggage"] ?? "");
    price(baggage).then(
      (text) => response.end(`shop ${version} (${baggage}) > ${text}`),
      (error: unknown) => response.writeHead(502).end(`shop ${version} > ${String(error)}\n`),
    );
  }).listen(3000 + version, "127.0.0.1");
  createServer((_asked, response) => response.end(`pricing ${version}\n`)).listen(3010 + version, "127.0.0.1");
}
