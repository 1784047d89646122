/** A few users who keep a WebSocket open for the prices, and come back when it closes. */
import { Agent, WebSocket } from "undici";

const reconnectMs = 250;

export class Tickers {
  readonly #url: string;
  readonly #agent = new Agent();
  readonly #sockets = new Map<number, WebSocket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;
  /** Prices received. */
  messages = 0;
  /** Connections that ended without having been asked to, or were never made. */
  drops = 0;

  /** @param origin `http://host:port` of the sidecar's listener */
  constructor(origin: string) {
    this.#url = `${origin.replace(/^http/, "ws")}/prices`;
  }

  start(count: number): void {
    for (let i = 0; i < count; i++) this.#connect(i);
  }

  get open(): number {
    return [...this.#sockets.values()].filter((socket) => socket.readyState === WebSocket.OPEN).length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets.values()) socket.close();
    await this.#agent.destroy();
  }

  #connect(user: number): void {
    const socket = new WebSocket(this.#url, { dispatcher: this.#agent, headers: { "x-user": `ticker-${user}` } });
    this.#sockets.set(user, socket);
    socket.addEventListener("message", () => (this.messages += 1));
    // An error is always followed by a close, which counts.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", () => {
      if (this.#closed) return;
      this.drops += 1;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#connect(user);
      }, reconnectMs);
      this.#timers.add(timer);
    });
  }
}
