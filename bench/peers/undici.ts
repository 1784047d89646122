import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import { baselineUrl, candidateUrl, isCandidate, listenPort } from "./split.ts";

const options = { connections: 128, pipelining: 1, keepAliveTimeout: 300_000 };
const baseline = new Pool(baselineUrl, options);
const candidate = new Pool(candidateUrl, options);
const hopByHop = new Set(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"]);

/** The cheapest proxy that undici allows: its dispatcher's callbacks, written straight to node:http. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  constructor(response: ServerResponse) {
    this.#response = response;
  }
  onRequestStart(): void {}
  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: NodeJS.Dict<string | string[]>): void {
    for (const name of Object.keys(headers)) if (hopByHop.has(name)) delete headers[name];
    this.#response.writeHead(status, headers);
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }
  onResponseEnd(): void {
    this.#response.end();
  }
  onResponseError(): void {
    this.#response.destroy();
  }
}

function proxy(request: IncomingMessage, response: ServerResponse): void {
  const toCandidate = isCandidate(request.headers);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined && !hopByHop.has(name)) headers[name] = value;
  headers["x-forwarded-for"] = request.socket.remoteAddress ?? "";
  headers["x-forwarded-proto"] = "http";
  headers["ebbgate-variant"] = toCandidate ? "candidate" : "baseline";
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  const pool = toCandidate ? candidate : baseline;
  pool.dispatch(
    { method: request.method ?? "GET", path: request.url ?? "/", headers, body: hasBody ? request : null },
    new Relay(response),
  );
}

createServer({ keepAliveTimeout: 300_000 }, proxy).listen({ port: listenPort, host: "127.0.0.1", backlog: 4_096 });
