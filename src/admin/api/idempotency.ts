/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): who does not know whether a request arrived sends it again, and it counts once. Kept in
 * this process only: after a restart If-Match and the rules themselves still refuse what was done already.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { type Answer, problem } from "../problem.ts";

const keptMax = 1_000;
const keptMs = 24 * 3_600_000;
/** A structured field's string, or as most clients send it. */
const keyForm = /^"?[\x21\x23-\x5b\x5d-\x7e]{1,128}"?$/;

interface Kept {
  readonly digest: string;
  readonly atMs: number;
  answer: Answer | null;
}

export class Idempotency {
  private readonly clock: Pick<Clock, "monotonicMs">;
  /** Oldest first. */
  private readonly kept = new Map<string, Kept>();

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.clock = clock;
  }

  /**
   * @param key as sent; undefined: it counts each time
   * @param scope who asks for what: the same key of another one is another key
   * @param content what must be the same the second time
   */
  async once(key: string | undefined, scope: string, content: Uint8Array | string, run: () => Answer | Promise<Answer>): Promise<Answer> {
    if (key === undefined) return run();
    if (!keyForm.test(key)) return problem(400, "Idempotency-Key has 1 to 128 visible ASCII characters, without quotes and backslashes inside.", {}, [{ in: "header", field: "Idempotency-Key", detail: "is malformed" }]);
    const nowMs = this.clock.monotonicMs();
    const name = JSON.stringify([scope, key]);
    const digest = createHash("sha256").update(content).digest("base64");
    const known = this.kept.get(name);
    if (known !== undefined && nowMs - known.atMs < keptMs) {
      if (known.digest !== digest) return problem(422, "This Idempotency-Key was used for another request body: use a new key for each request.");
      return known.answer ?? problem(409, "The first request with this Idempotency-Key is still under way: ask again in a moment.", { "retry-after": "1" });
    }
    const mine: Kept = { digest, atMs: nowMs, answer: null };
    this.kept.delete(name);
    this.kept.set(name, mine);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= keptMax) break;
      this.kept.delete(oldest);
    }
    try {
      const answer = await run();
      // What failed on our side, or was not even looked at, may be tried again.
      if (answer.status >= 500 || answer.status === 429) this.kept.delete(name);
      else mine.answer = answer;
      return answer;
    } catch (error) {
      this.kept.delete(name);
      throw error;
    }
  }
}
