import fastifyProxy from "@fastify/http-proxy";
import fastify from "fastify";
import { baselineUrl, candidateUrl, isCandidate, listenPort } from "./split.ts";

const server = fastify({ logger: false, keepAliveTimeout: 300_000 });
await server.register(fastifyProxy, {
  upstream: "",
  undici: { connections: 128, pipelining: 1, keepAliveTimeout: 300_000 },
  replyOptions: {
    getUpstream: (request) => (isCandidate(request.headers) ? candidateUrl : baselineUrl),
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      "x-forwarded-for": request.socket.remoteAddress,
      "x-forwarded-proto": "http",
      "ebbgate-variant": isCandidate(request.headers) ? "candidate" : "baseline",
    }),
  },
});
await server.listen({ port: listenPort, host: "127.0.0.1", backlog: 4_096 });
