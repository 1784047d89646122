import { findProduct } from "./catalog.ts";

export interface OrderLine {
  readonly product: string;
  readonly quantity: number;
}

export interface Order {
  readonly id: string;
  readonly user: string;
  readonly lines: readonly OrderLine[];
  readonly totalCents: number;
}

/** What was wrong with an order or a cart: the field, its value and what would be right. */
export class InvalidInput extends Error {
  readonly field: string;
  constructor(field: string, value: unknown, remedy: string) {
    super(`${field} is ${JSON.stringify(value) ?? "missing"}; ${remedy}`);
    this.field = field;
  }
}

const linesMax = 20;
const quantityMax = 99;
/** The shop keeps everything in memory: the oldest orders make room. */
const ordersMax = 10_000;

/** @throws {InvalidInput} naming the field */
export function parseQuantity(field: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > quantityMax) {
    throw new InvalidInput(field, value, `give a whole number from 1 to ${quantityMax}`);
  }
  return value;
}

/** @throws {InvalidInput} naming the field */
export function parseOrderLines(body: unknown): OrderLine[] {
  const lines = isRecord(body) ? body["lines"] : undefined;
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > linesMax) {
    throw new InvalidInput("lines", lines, `give a list of 1 to ${linesMax} objects {product, quantity}`);
  }
  return lines.map((line: unknown, i) => {
    if (!isRecord(line)) throw new InvalidInput(`lines[${i}]`, line, "give an object {product, quantity}");
    const product = line["product"];
    if (typeof product !== "string" || findProduct(product) === undefined) {
      throw new InvalidInput(`lines[${i}].product`, product, "take an id from GET /products");
    }
    return { product, quantity: parseQuantity(`lines[${i}].quantity`, line["quantity"]) };
  });
}

/** The orders that this process took. */
export class OrderBook {
  readonly #orders = new Map<string, Order>();
  #taken = 0;

  place(user: string, lines: readonly OrderLine[]): Order {
    this.#taken += 1;
    const totalCents = lines.reduce((sum, line) => sum + findProduct(line.product)!.priceCents * line.quantity, 0);
    const order: Order = { id: `o${process.pid}-${this.#taken}`, user, lines, totalCents };
    this.#orders.set(order.id, order);
    if (this.#orders.size > ordersMax) this.#orders.delete(this.#orders.keys().next().value!);
    return order;
  }

  find(id: string): Order | undefined {
    return this.#orders.get(id);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
