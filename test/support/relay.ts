/** A TCP relay between a client and a server: a network whose faults are made on purpose. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class Relay {
  private readonly server: Server;
  private readonly target: number;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  /** Added to every piece, each way. */
  delayMs = 0;
  /** Answers "drop" to lose a piece that the server sent. */
  filter: (fromServer: Buffer) => Buffer | "drop" = (piece) => piece;
  /** Connections that were accepted so far. */
  accepted = 0;
  private cut = false;

  private constructor(server: Server, target: number) {
    this.server = server;
    this.target = target;
  }

  static async open(target: number): Promise<Relay> {
    const server = createServer({ allowHalfOpen: false });
    const relay = new Relay(server, target);
    server.on("connection", (socket) => relay.pair(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Nothing passes any more, and nobody is told. */
  partition(): void {
    this.cut = true;
    for (const [a, b] of this.pairs) {
      a.pause();
      b.pause();
    }
  }

  /** What waited in the meantime goes on. */
  heal(): void {
    this.cut = false;
    for (const [a, b] of this.pairs) {
      a.resume();
      b.resume();
    }
  }

  /** Ends all connections; new ones are taken. */
  reset(): void {
    for (const [a, b] of this.pairs) {
      a.destroy();
      b.destroy();
    }
  }

  async close(): Promise<void> {
    this.reset();
    this.server.close();
    await once(this.server, "close");
  }

  private pair(near: Socket): void {
    this.accepted++;
    const far = connect(this.target, "127.0.0.1");
    const pair = [near, far] as const;
    this.pairs.add(pair);
    this.forward(near, far, (piece) => piece);
    this.forward(far, near, (piece) => this.filter(piece));
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
      if (this.cut) socket.pause();
    }
  }

  private forward(from: Socket, to: Socket, through: (piece: Buffer) => Buffer | "drop"): void {
    from.on("data", (piece: Buffer) => {
      const out = through(piece);
      if (out === "drop") return;
      if (this.delayMs === 0) to.write(out);
      else setTimeout(() => to.write(out), this.delayMs);
    });
  }
}
