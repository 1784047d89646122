/** A webhook's other side: keeps what it got, and answers as it is told. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, received: Received, count: number) => void;

/** What a test signs with. */
export const signingKey = `whsec_${Buffer.from("a test's key, thirty-two bytes..").toString("base64")}`;

export const took: Answer = (response) => void response.end();
export const fails = (status: number, headers: Record<string, string> = {}): Answer => (response) => void response.writeHead(status, headers).end();
/** Takes the call and never says so. */
export const silent: Answer = () => undefined;

export class Receiver {
  readonly received: Received[] = [];
  answer: Answer = took;
  private server: Server | null = null;
  private wake: () => void = () => undefined;
  port = 0;

  static async start(answer: Answer = took): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.answer = answer;
    await receiver.up();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook?key=in-the-url`;
  }

  /** Listens, where it listened before. */
  async up(): Promise<void> {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("error", () => undefined);
      response.on("error", () => undefined);
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const received = { path: request.url!, headers: request.headers, body: Buffer.concat(parts).toString() };
        this.received.push(received);
        this.answer(response, received, this.received.length);
        this.wake();
      });
    });
    this.server.listen(this.port, "127.0.0.1");
    await once(this.server, "listening");
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Nobody listens any more. */
  async down(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  /** Waits for something in what it got. */
  async until<T>(find: (received: readonly Received[]) => T | undefined | false): Promise<T> {
    for (;;) {
      const found = find(this.received);
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Bodies as JSON. */
  get bodies(): readonly Record<string, unknown>[] {
    return this.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  }
}

/** As a receiver of Standard Webhooks checks it, from the specification. */
export function isSigned({ headers, body }: Received, key = signingKey): boolean {
  const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
  const expected = createHmac("sha256", Buffer.from(key.slice(6), "base64")).update(signed).digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${expected}`);
}
