import { createHash } from "node:crypto";
import { inspect } from "node:util";

/** A text that must never be shown: whatever prints an object that holds it, prints a name instead. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** For the one place that sends or signs with it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[secret]";
  }

  /** Another secret has another name, so that a changed configuration is seen to be one; eight digits of a hash give nothing away that could be tried. */
  toJSON(): string {
    return `[secret ${createHash("sha256").update(this.#text).digest("hex").slice(0, 8)}]`;
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
