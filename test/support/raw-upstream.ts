/** A service for tests that keeps the bytes it gets and answers with the bytes it is told to. */
import net from "node:net";
import { readRequest, type RawMessage } from "./raw-messages.ts";

export interface UpstreamConnection {
  readonly socket: net.Socket;
  /** 0, 1, 2, ... in the order of accepting. */
  readonly index: number;
  /** Everything that came on this connection, one latin1 character for each byte. */
  received: string;
  /** Whole requests so far. */
  requests: number;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
}

export interface UpstreamRequest extends RawMessage {
  readonly method: string;
  readonly target: string;
  readonly connection: UpstreamConnection;
  /** 0 for the first request of its connection. */
  readonly nth: number;
}

/** Answers a whole request: with bytes, or by itself on `request.connection.socket`. */
export type Answer = (request: UpstreamRequest) => string | void;

export interface RawUpstream {
  /** `http://127.0.0.1:port` or `unix:/path` */
  readonly id: string;
  readonly connections: readonly UpstreamConnection[];
  /** Whole requests, in the order of their ends. */
  readonly requests: readonly UpstreamRequest[];
  /** Connections that are open now. */
  readonly open: number;
  /** Everything received on all connections. */
  received(): string;
  /** Resolves once this holds; it is asked again whenever bytes or connections come or go. */
  until(holds: () => boolean): Promise<void>;
  stop(): void;
}

export interface UpstreamOptions {
  /** Called for each piece that arrives, before it is parsed; return true to keep it from being parsed. */
  readonly onBytes?: (connection: UpstreamConnection) => boolean | void;
  readonly onConnection?: (connection: UpstreamConnection) => void;
  /** Listen here instead of a free loopback port. */
  readonly path?: string;
  readonly port?: number;
}

/** `HTTP/1.1 200 OK` with that body. @param lines each with CR LF */
export const ok = (body = "ok", lines = ""): string => `HTTP/1.1 200 OK\r\n${lines}content-length: ${Buffer.byteLength(body, "latin1")}\r\n\r\n${body}`;

export async function startUpstream(answer: Answer = () => ok(), options: UpstreamOptions = {}): Promise<RawUpstream> {
  const connections: UpstreamConnection[] = [];
  const requests: UpstreamRequest[] = [];
  const waiting = new Set<() => void>();
  let open = 0;
  const changed = (): void => {
    for (const check of waiting) check();
  };
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open++;
    const closed = new Promise<void>((resolve) => {
      socket.on("close", () => {
        open--;
        resolve();
        changed();
      });
    });
    const connection: UpstreamConnection = { socket, index: connections.length, received: "", requests: 0, closed };
    connections.push(connection);
    options.onConnection?.(connection);
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    let unread = "";
    socket.on("data", (text: string) => {
      connection.received += text;
      unread += text;
      if (options.onBytes?.(connection) !== true) {
        for (let found = readRequest(unread); found !== null; found = readRequest(unread)) {
          unread = found.rest;
          const [method = "", target = ""] = found.message.startLine.split(" ");
          const request: UpstreamRequest = { ...found.message, method, target, connection, nth: connection.requests++ };
          requests.push(request);
          const bytes = answer(request);
          if (bytes !== undefined && !socket.destroyed) socket.write(bytes, "latin1");
        }
      }
      changed();
    });
    changed();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (options.path === undefined) server.listen(options.port ?? 0, "127.0.0.1", resolve);
    else server.listen(options.path, resolve);
  });
  return {
    id: options.path === undefined ? `http://127.0.0.1:${(server.address() as net.AddressInfo).port}` : `unix:${options.path}`,
    connections,
    requests,
    get open() {
      return open;
    },
    received: () => connections.map((connection) => connection.received).join(""),
    until: (holds) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!holds()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    stop() {
      server.close();
      for (const { socket } of connections) socket.destroy();
    },
  };
}
