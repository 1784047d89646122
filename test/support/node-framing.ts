/** What Node's strict parser makes of a connection's bytes, as the service behind the proxy would. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";

export interface NodeRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly body: string;
}

export interface NodeFraming {
  readonly requests: readonly NodeRequest[];
  /** Node's parse error code; null where it took every byte. */
  readonly error: string | null;
}

interface Conversation {
  requests: NodeRequest[];
  error: string | null;
}

const conversations = new WeakMap<object, Conversation>();

function receive(request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.setEncoding("latin1");
  request.on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    conversations.get(request.socket)!.requests.push({ method: request.method!, target: request.url!, host: request.headers.host ?? "", body });
    response.setHeader("content-length", 0);
    response.end();
  });
}

const server = createServer({ insecureHTTPParser: false, requireHostHeader: true, maxHeaderSize: 65_536, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 }, receive);
server.on("checkContinue", receive);
server.on("checkExpectation", receive);
server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
  conversations.get(socket)!.error = error.code ?? error.message;
  socket.destroy();
});

/** Feeds a whole connection to Node's HTTP server, over a stream instead of a socket. */
export function nodeFrame(bytes: Buffer): Promise<NodeFraming> {
  return new Promise((resolve) => {
    let sent = 0;
    const socket = new Duplex({
      // In pieces that Node's own sockets could have read, so that neither side buffers everything.
      read() {
        if (sent >= bytes.length) this.push(null);
        else this.push(bytes.subarray(sent, (sent += 65_536)));
      },
      write: (_chunk, _encoding, done) => done(),
    });
    const conversation: Conversation = { requests: [], error: null };
    conversations.set(socket, conversation);
    socket.on("error", () => {});
    socket.on("close", () => resolve(conversation));
    server.emit("connection", socket);
  });
}
