import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { parseArgs } from "node:util";
import { ShopApi } from "./api.ts";
import type { ShopVersion } from "./api.ts";
import { Database, faults, isFault } from "./faults.ts";
import { Ticker } from "./ticker.ts";

const usage = `usage: node examples/shop/main.ts [--version 1|2] [--host ADDRESS] [--port PORT] [--control-port PORT]

A small shop. Port 0 (the default) takes a free one; the first line on stdout names the addresses.
The control address breaks it: curl -X POST CONTROL/fault/{${faults.join("|")}}`;

const options = {
  version: { type: "string", default: "1" },
  host: { type: "string", default: "127.0.0.1" },
  port: { type: "string", default: "0" },
  "control-port": { type: "string", default: "0" },
  help: { type: "boolean", default: false },
} as const;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${usage}\n`);
  process.exit(2);
}

function readOptions(): { version: ShopVersion; host: string; port: number; controlPort: number } {
  const { values } = parseArgs({ options });
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (values.version !== "1" && values.version !== "2") fail(`--version is '${values.version}'; give 1 or 2`);
  const toPort = (name: string, text: string): number =>
    /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : fail(`--${name} is '${text}'; give a port from 0 to 65535`);
  return { version: values.version, host: values.host, port: toPort("port", values.port), controlPort: toPort("control-port", values["control-port"]) };
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}

const { version, host, port, controlPort } = readOptions();
const database = new Database();
const ticker = new Ticker(version);
const api = new ShopApi(version, database, ticker);

// The sidecar keeps idle connections for less than this (its upstreamKeepAliveMs), so none closes under a request.
const service = createServer({ keepAliveTimeout: 10_000 }, (request, response) => void api.serve(request, response));
service.on("upgrade", (request, socket, head) => {
  if (request.url === "/prices" && database.fault === "none") ticker.serveWebSocket(request, socket, head);
  else if (database.fault !== "hang") socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
});

// Its own port: what breaks the shop is never reachable through the proxy.
const control = createServer((request, response) => {
  const fault = /^\/fault\/(\w+)$/.exec(request.url ?? "")?.[1] ?? "";
  if (request.method !== "POST" || !isFault(fault)) {
    response.writeHead(404).end(`POST /fault/{${faults.join("|")}}\n`);
    return;
  }
  database.fault = fault;
  response.writeHead(200, { connection: "close" }).end(`${fault}\n`, () => {
    if (fault === "crash") process.exit(1);
  });
});

const sockets = new Set<Socket>();
service.on("connection", (socket: Socket) => {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
});

const shutdownMs = 2_000;
function stop(): void {
  ticker.close();
  control.close();
  service.close(() => process.exit(0));
  service.closeIdleConnections();
  setTimeout(() => {
    for (const socket of sockets) socket.destroy();
    process.exit(0);
  }, shutdownMs).unref();
}
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

try {
  const url = await listen(service, host, port);
  const controlUrl = await listen(control, "127.0.0.1", controlPort);
  process.stdout.write(`shop version ${version} serves ${url} (control ${controlUrl})\n`);
} catch (error) {
  process.stderr.write(`the shop cannot listen: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
