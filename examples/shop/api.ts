import type { IncomingMessage, ServerResponse } from "node:http";
import { findProduct, products, recommend } from "./catalog.ts";
import { Carts } from "./carts.ts";
import { DatabaseGone } from "./faults.ts";
import type { Database } from "./faults.ts";
import { InvalidInput, OrderBook, parseOrderLines } from "./orders.ts";
import type { Ticker } from "./ticker.ts";

export type ShopVersion = "1" | "2";

const bodyBytesMax = 65_536;

interface Answer {
  readonly status: number;
  readonly body: object | null;
  readonly location?: string;
}

/** The shop's HTTP API. Every answer names its version in `shop-version`. */
export class ShopApi {
  readonly #version: ShopVersion;
  readonly #database: Database;
  readonly #ticker: Ticker;
  readonly #orders = new OrderBook();
  readonly #carts = new Carts();

  constructor(version: ShopVersion, database: Database, ticker: Ticker) {
    this.#version = version;
    this.#database = database;
    this.#ticker = ticker;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (path === "/prices" && request.method === "GET" && this.#database.fault === "none") {
      this.#ticker.serveEvents(response);
      return;
    }
    const answer = await this.#answer(request, path).catch(toAnswer);
    if (response.destroyed) return;
    response.statusCode = answer.status;
    response.setHeader("shop-version", this.#version);
    if (answer.location !== undefined) response.setHeader("location", answer.location);
    if (answer.body === null) {
      response.end();
      return;
    }
    const text = JSON.stringify({ version: this.#version, ...answer.body });
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", Buffer.byteLength(text));
    response.end(text);
  }

  async #answer(request: IncomingMessage, path: string): Promise<Answer> {
    // Liveness does not touch the database, so a health check alone would not see it gone.
    if (path === "/healthz" && this.#database.fault !== "hang") return { status: 200, body: { status: "ok" } };
    const [, collection, id, item, itemId] = path.split("/");
    const user = String(request.headers["x-user"] ?? "anonymous");
    const body = request.method === "POST" || request.method === "PUT" ? await readJson(request) : undefined;
    await this.#database.query();
    switch (`${request.method} ${collection}`) {
      case "GET products":
        return id === undefined ? { status: 200, body: { products } } : this.#product(id);
      case "GET orders":
        return this.#order(id);
      case "POST orders": {
        const order = this.#orders.place(user, parseOrderLines(body));
        return { status: 201, body: { order }, location: `/orders/${order.id}` };
      }
      case "GET cart":
        return { status: 200, body: { lines: this.#carts.lines(user) } };
      case "PUT cart":
        if (id !== "items" || item === undefined || itemId !== undefined) break;
        this.#carts.put(user, item, (body as { quantity?: unknown } | null)?.quantity);
        return { status: 200, body: { lines: this.#carts.lines(user) } };
      case "DELETE cart":
        if (id !== "items" || item === undefined || itemId !== undefined) break;
        this.#carts.remove(user, item);
        return { status: 204, body: null };
    }
    return { status: 404, body: { error: `nothing answers ${request.method} ${path}` } };
  }

  #product(id: string): Answer {
    const product = findProduct(id);
    if (product === undefined) return { status: 404, body: { error: `no product has the id ${id}` } };
    if (this.#version === "1") return { status: 200, body: { product } };
    return { status: 200, body: { product, recommendations: recommend(product) } };
  }

  #order(id: string | undefined): Answer {
    const order = id === undefined ? undefined : this.#orders.find(id);
    if (order === undefined) return { status: 404, body: { error: `no order has the id ${id}` } };
    return { status: 200, body: { order } };
  }
}

function toAnswer(error: unknown): Answer {
  if (error instanceof InvalidInput) return { status: 422, body: { error: error.message, field: error.field } };
  if (error instanceof DatabaseGone) return { status: 503, body: { error: error.message } };
  return { status: 500, body: { error: "the shop failed" } };
}

/** @throws {InvalidInput} when the body is too long or no JSON */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax) throw new InvalidInput("body", `${bytes} bytes or more`, `send at most ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidInput("body", text.slice(0, 40), "send one JSON value");
  }
}
