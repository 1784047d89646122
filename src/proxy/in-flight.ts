import type { Exchange } from "./exchange.ts";

/** The exchanges under way on one thread, oldest first: an intrusive list, so that joining and leaving allocate nothing. */
export class InFlight {
  head: Exchange | null = null;
  private tail: Exchange | null = null;
  size = 0;

  add(exchange: Exchange): void {
    exchange.previous = this.tail;
    if (this.tail === null) this.head = exchange;
    else this.tail.next = exchange;
    this.tail = exchange;
    this.size++;
  }

  remove(exchange: Exchange): void {
    if (exchange.previous === null) this.head = exchange.next;
    else exchange.previous.next = exchange.next;
    if (exchange.next === null) this.tail = exchange.previous;
    else exchange.next.previous = exchange.previous;
    exchange.previous = null;
    exchange.next = null;
    this.size--;
  }
}
