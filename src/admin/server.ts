/** The admin server on node:http: sockets, sizes and times. What it answers is in endpoints.ts. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { AdminSettings } from "../config/settings.ts";
import type { Log } from "../core/log.ts";
import type { Access } from "./access/access.ts";
import { certificateOf, type Listener, openListener } from "./access/listener.ts";
import { requireSafeBinding } from "./binding.ts";
import { Endpoints } from "./endpoints.ts";
import { requirePatchedNode } from "./node-version.ts";
import type { AdminPorts } from "./ports.ts";
import { problem, type Answer } from "./problem.ts";
import type { Question } from "./question.ts";
import { readBody } from "./request-body.ts";
import { sinkOf } from "./sink.ts";

const headBytesMax = 8_192;
const headersMax = 64;
const connectionsMax = 128;
const headTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const keepAliveTimeoutMs = 30_000;
/** A scraper that reads this slowly is cut: its answer is buffered. */
const responseTimeoutMs = 30_000;

/** On every answer. There is no CORS header: other origins read nothing. */
const commonHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
} as const;

export class AdminServer {
  private readonly settings: AdminSettings;
  private readonly endpoints: Endpoints;
  private readonly log: Log;
  private readonly listener: Listener;
  private readonly server: Server;

  /** @throws Error where the address or the Node it runs on is not safe to start with */
  constructor(settings: AdminSettings, ports: AdminPorts, access: Access, log: Log) {
    requirePatchedNode();
    requireSafeBinding(settings);
    this.settings = settings;
    this.endpoints = new Endpoints(settings, ports, access);
    this.log = log;
    this.listener = openListener(
      settings.tls,
      { maxHeaderSize: headBytesMax, headersTimeout: headTimeoutMs, requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs, connectionsCheckingInterval: 1_000 },
      (request, response) => void this.serve(request, response),
      log,
    );
    this.server = this.listener.server;
    // 0: the parser drops no line silently; too many are refused below.
    this.server.maxHeadersCount = 0;
    this.server.maxConnections = connectionsMax;
    this.server.on("clientError", (error, socket) => refuse(error, socket as Socket));
  }

  /** @returns where it listens. @throws the system's error where the address is taken or not this machine's */
  listen(): Promise<AddressInfo> {
    const { host, port } = this.settings;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        const why = error.code === "EADDRINUSE" ? "is in use; stop the other process or choose another port" : `cannot be listened on (${error.code ?? error.message})`;
        reject(new Error(`admin.address: ${host}:${port} ${why}.`, { cause: error }));
      };
      this.server.once("error", failed);
      this.server.listen(port, host, () => {
        this.server.off("error", failed);
        this.server.on("error", (error) => this.log.error({ err: error }, "The admin server failed."));
        resolve(this.server.address() as AddressInfo);
      });
    });
  }

  /** Where it listens. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: this.settings.host, port: (this.server.address() as AddressInfo | null)?.port ?? this.settings.port };
  }

  /** Takes no new connection, ends idle ones, and lets what is being answered end. */
  close(graceMs = 1_000): Promise<void> {
    this.endpoints.close();
    this.listener.close();
    return new Promise((resolve) => {
      const cut = setTimeout(() => this.server.closeAllConnections(), graceMs);
      this.server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      this.server.closeIdleConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // An event without a listener would end the process; the socket's own end is told by "close".
    response.on("error", () => response.destroy());
    response.setTimeout(responseTimeoutMs, () => response.destroy());
    let answer: Answer;
    try {
      if (request.rawHeaders.length > headersMax * 2) return this.send(request, response, problem(431, `More than ${headersMax} header lines.`, { connection: "close" }));
      answer = await this.endpoints.answer(questionOf(request));
    } catch (error) {
      this.log.error({ err: error, path: request.url?.split("?", 1)[0] }, "An admin request failed.");
      answer = problem(500, "The admin server failed; its log says why.");
    }
    this.send(request, response, answer);
  }

  private send(request: IncomingMessage, response: ServerResponse, { status, contentType, body, headers, stream }: Answer): void {
    // A 304 has no body, and lengths and types of it would be those of the answer that it stands for (RFC 9110 section 15.4.5).
    if (status === 304) return void response.writeHead(status, { ...commonHeaders, ...headers }).end();
    if (stream !== undefined && request.method !== "HEAD") {
      response.setTimeout(0);
      response.writeHead(status, { ...commonHeaders, "content-type": contentType, ...headers });
      response.write(body);
      return stream(sinkOf(response, responseTimeoutMs));
    }
    const bytes = Buffer.from(body);
    response.writeHead(status, { ...commonHeaders, "content-type": contentType, "content-length": bytes.length, ...headers });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }
}

function questionOf(request: IncomingMessage): Question {
  const { method, url, headers, socket } = request;
  const length = headers["content-length"];
  return {
    method: method!,
    target: url!,
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    peer: socket.remoteAddress ?? "",
    certificate: certificateOf(socket),
    hasBody: headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) !== 0),
    body: (bytesMax) => readBody(request, bytesMax),
  };
}

/** What never became a request: malformed, too large or too slow. */
function refuse(error: Error & { readonly code?: string }, socket: Socket): void {
  // Where TLS has not begun, a plain answer is noise.
  if (error.code === "ECONNRESET" || error.code?.startsWith("ERR_SSL_") || error.code?.startsWith("ERR_TLS_") || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === "HPE_HEADER_OVERFLOW" ? ([431, `The request head is larger than ${headBytesMax} bytes.`] as const)
    : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? ([408, "The request took too long to arrive."] as const)
    : ([400, "The request is not well-formed HTTP/1.1."] as const);
  const { body, contentType } = problem(status, detail);
  socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
