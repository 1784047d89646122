/** A client for tests that sends bytes as they are, and keeps what comes back. */
import net from "node:net";
import { readResponse, type RawResponse } from "./raw-messages.ts";

/** How the connection ended: the other side finished, or broke it. */
export type Ending = "clean" | "reset";

export class RawClient {
  readonly socket: net.Socket;
  /** One latin1 character for each byte. */
  received = "";
  /** Resolves when the other side has finished sending, or broken the connection. */
  readonly ended: Promise<Ending>;
  private hasEnded = false;
  private consumed = 0;
  private wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.received += text;
      this.wake();
    });
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => (): void => {
        this.hasEnded = true;
        resolve(ending);
        this.wake();
      };
      socket.on("end", end("clean"));
      socket.on("error", end("reset"));
      socket.on("close", end("reset"));
    });
  }

  static async connect(port: number, bytes = ""): Promise<RawClient> {
    const socket = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    client.send(bytes);
    return client;
  }

  send(bytes: string | Buffer): void {
    if (bytes.length === 0) return;
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  /** Resolves when `found` says so; rejects when the connection ends first. */
  async until(found: string | ((received: string) => boolean)): Promise<string> {
    const matches = typeof found === "string" ? (text: string) => text.includes(found) : found;
    while (!matches(this.received)) {
      if (this.hasEnded) throw new Error(`the connection ended before that came; received: ${JSON.stringify(this.received.slice(-500))}`);
      await this.more();
    }
    return this.received;
  }

  /** The next final response; `interim` keeps the 1xx before it. Rejects when the connection ends before it is whole. */
  async response(method = "GET", interim: RawResponse[] = []): Promise<RawResponse> {
    for (;;) {
      const found = readResponse(this.received.slice(this.consumed), method, this.hasEnded);
      if (found !== null) {
        this.consumed = this.received.length - found.rest.length;
        if (found.message.status >= 200 || found.message.status === 101) return found.message;
        interim.push(found.message);
      } else if (this.hasEnded) throw new Error(`the connection ended inside an answer: ${JSON.stringify(this.received.slice(this.consumed, this.consumed + 500))}`);
      else await this.more();
    }
  }

  /** What has come beyond the responses read so far. */
  get rest(): string {
    return this.received.slice(this.consumed);
  }

  destroy(): void {
    this.socket.destroy();
  }

  private more(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

/** Sends bytes on a new connection and reads until it ends. */
export async function converse(port: number, bytes: string | Buffer): Promise<{ received: string; ending: Ending }> {
  const client = await RawClient.connect(port);
  client.send(bytes);
  const ending = await client.ended;
  client.destroy();
  return { received: client.received, ending };
}

/** Sends one request on a new connection and reads its answer. */
export async function ask(port: number, bytes: string, method = bytes.slice(0, bytes.indexOf(" "))): Promise<RawResponse> {
  const client = await RawClient.connect(port, bytes);
  try {
    return await client.response(method);
  } finally {
    client.destroy();
  }
}
