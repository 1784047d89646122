import { Agent, createServer } from "node:http";
import httpProxy from "http-proxy";
import { baselineUrl, candidateUrl, isCandidate, listenPort } from "./split.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const baseline = httpProxy.createProxyServer({ target: baselineUrl, agent, xfwd: true });
const candidate = httpProxy.createProxyServer({ target: candidateUrl, agent, xfwd: true });
for (const [name, proxy] of [["baseline", baseline], ["candidate", candidate]] as const) {
  proxy.on("proxyReq", (request) => request.setHeader("ebbgate-variant", name));
  proxy.on("error", (_error, _request, response) => response.destroy());
}

createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
  (isCandidate(request.headers) ? candidate : baseline).web(request, response);
}).listen({ port: listenPort, host: "127.0.0.1", backlog: 4_096 });
