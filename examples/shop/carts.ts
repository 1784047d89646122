import { findProduct } from "./catalog.ts";
import { InvalidInput, parseQuantity } from "./orders.ts";
import type { OrderLine } from "./orders.ts";

/** The least recently used carts make room: memory stays bounded however many users come. */
const cartsMax = 10_000;

/** What each user has put aside, in this process's memory. */
export class Carts {
  readonly #carts = new Map<string, Map<string, number>>();

  lines(user: string): OrderLine[] {
    return [...(this.#carts.get(user) ?? [])].map(([product, quantity]) => ({ product, quantity }));
  }

  /** @throws {InvalidInput} for an unknown product or a quantity outside 1 ... 99 */
  put(user: string, product: string, quantity: unknown): void {
    if (findProduct(product) === undefined) throw new InvalidInput("product", product, "take an id from GET /products");
    const cart = this.#carts.get(user) ?? new Map<string, number>();
    cart.set(product, parseQuantity("quantity", quantity));
    this.#carts.delete(user);
    this.#carts.set(user, cart);
    if (this.#carts.size > cartsMax) this.#carts.delete(this.#carts.keys().next().value!);
  }

  remove(user: string, product: string): void {
    this.#carts.get(user)?.delete(product);
  }
}
