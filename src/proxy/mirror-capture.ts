/** Gathers what a user's exchange tells of its answer, so that a copy's answer can be held against it. Only for the share that is mirrored. */
import type { MirrorSettings } from "../config/snapshot.ts";
import type { ResponseHead } from "../http1/response-head.ts";
import { phase, type Exchange } from "./exchange.ts";
import { laneLine } from "./lane.ts";

/** A request that the baseline has answered, and its answer. Crosses to the control thread, which sends the copy. */
export interface MirrorSample {
  readonly route: string;
  /** The request as it was forwarded, with the lane and without the variant's other lines: request line and fields, latin1. */
  readonly head: string;
  readonly bucket: number;
  readonly answer: MirroredAnswer;
}

export interface MirroredAnswer {
  readonly status: number;
  readonly firstByteMs: number;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** Null: too large to compare, or not wanted. */
  readonly body: Uint8Array | null;
}

/** Copies that a thread may have waiting or under way; what comes beyond them is not copied: users come first. */
export const mirrorsPerThreadMax = 32;

export class MirrorCapture {
  private readonly bytesMax: number;
  private contentType = "";
  private contentEncoding = "";
  private parts: Buffer[] | null;
  private bytes = 0;

  constructor({ compareBodies, bodyBytesMax }: MirrorSettings) {
    this.bytesMax = bodyBytesMax;
    this.parts = compareBodies ? [] : null;
  }

  head(head: ResponseHead): void {
    this.contentType = head.get("content-type") ?? "";
    this.contentEncoding = head.get("content-encoding") ?? "";
    if (head.answerEnd > head.end) this.keep(Buffer.from(head.text.slice(head.end, head.answerEnd), "latin1"));
  }

  body(buffer: Buffer, start: number, end: number): void {
    if (this.parts !== null) this.keep(Buffer.from(buffer.subarray(start, end)));
  }

  sample(exchange: Exchange): MirrorSample {
    const answer: MirroredAnswer = {
      status: exchange.status,
      firstByteMs: exchange.firstByteMs - exchange.forwardMs,
      contentType: this.contentType,
      contentEncoding: this.contentEncoding,
      body: this.parts === null ? null : new Uint8Array(Buffer.concat(this.parts)),
    };
    // The copy is in the lane of the variant that it is sent to.
    const variant = exchange.route.variants.find(({ name }) => name === exchange.route.definition.mirror!.variant)!;
    return { route: exchange.route.name, head: exchange.commonHead + laneLine(exchange, variant), bucket: exchange.bucket, answer };
  }

  private keep(part: Buffer): void {
    this.bytes += part.length;
    if (this.bytes > this.bytesMax) this.parts = null;
    else this.parts?.push(part);
  }
}

/** Decides whether this exchange's request is to be sent a second time. Called once the variant is chosen. */
export function chooseMirror(exchange: Exchange, settings: MirrorSettings): void {
  const { context } = exchange;
  if (exchange.variant.index !== 0 || !exchange.safe || exchange.hasBody || exchange.upgrade !== "" || context.random() >= settings.share) return;
  if (context.mirror === null || context.mirrorsWaiting >= mirrorsPerThreadMax || context.draining) return context.countMirrorDropped();
  context.mirrorsWaiting++;
  exchange.mirror = new MirrorCapture(settings);
}

/** The user has the answer, or will never have it: the copy leaves now, or never. */
export function endMirror(exchange: Exchange, complete: boolean): void {
  const { context, mirror } = exchange;
  exchange.mirror = null;
  // A retry or a fallback is no comparison of like with like.
  if (mirror !== null && complete && exchange.phase !== phase.tunnel && !exchange.fellBack && context.mirror !== null) context.mirror(mirror.sample(exchange));
  else context.mirrorsWaiting--;
}
