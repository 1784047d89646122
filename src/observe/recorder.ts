/**
 * The writing side of the slab, on the request path: plain integer stores, no allocation. One recorder stands for one
 * series (route and variant) on one thread. What an exchange must remember between dispatch and outcome is a Sample,
 * which the exchange owns and the recorder fills.
 */
import type { LatencyEdges, NumberEdges } from "./edges.ts";
import { counted, ErrorFilter } from "./error-filter.ts";
import { bucketOf } from "./histogram.ts";
import {
  blockCells, blockRing, blockSeconds, blockWords, counters, endpointShards, errorShards, errorWord, latencyShards, locationClasses, numberClasses, offsets, rowCells,
  slotOffset, slotWords, strataRows, strataRowWords, tailEdges,
} from "./layout.ts";
import type { ErrorCode } from "../core/errors.ts";

/** An exchange's place in the strata. `row` is the word offset of its row, or -1 when it is not judged. */
export interface Sample {
  row: number;
  second: number;
  /** Tail bits that were already counted while in flight, bit 7: location counted, bit 8: counted as late. */
  counted: number;
  /** Cohort shard, 0 ... 127. */
  shard: number;
  /** The cohort hash, 0 ... 2^32 - 1, where the client is known: its errors are counted once in 10 s. */
  client?: number;
  /** Which of the variant's endpoints has it, 0 ... 15 (ordinal modulo 16); absent or negative: none yet. */
  endpointShard?: number;
}

const locationCounted = 256;
const lateCounted = 512;
const keptGenerations = 4;
const p99Bit = 32;

export class SeriesRecorder {
  readonly slot: number;
  private readonly words: Uint32Array;
  private readonly sums: Float64Array;
  private readonly edges: (LatencyEdges | undefined)[] = [];
  private readonly filter = new ErrorFilter();
  private generation = 0;
  private readonly numberEdges: (NumberEdges | undefined)[] = [];
  private numberGeneration = 0;
  private lateMs = 0;
  /** The second that `blockAt` was looked up for. */
  private blockSecond = -1;
  private blockAt = -1;

  /** @param page the slot's page; @param thread the writing thread's index */
  constructor(page: SharedArrayBuffer, slot: number, thread: number) {
    const start = slotOffset(slot, thread) * 4;
    this.slot = slot;
    this.words = new Uint32Array(page, start, slotWords);
    this.sums = new Float64Array(page, start, 2);
  }

  setEdges(edges: LatencyEdges): void {
    this.edges[edges.generation % keptGenerations] = edges;
    this.generation = edges.generation;
    this.lateMs = edges.lateMs;
    const { numbers } = edges;
    if (numbers === undefined) return;
    this.numberEdges[numbers.generation % keptGenerations] = numbers;
    this.numberGeneration = numbers.generation;
  }

  /** A cell of `counters`. */
  add(counter: number, amount: number): void {
    this.words[offsets.counters + counter]! += amount;
  }

  /**
   * The split chose this variant and the request is on its way.
   * @param second floor(monotonicMs / 1000) of the dispatch
   * @param judged whether the assignment was random, so that the judge may compare it
   */
  dispatched(sample: Sample, second: number, shard: number, judged: boolean): void {
    const words = this.words;
    words[offsets.counters + counters.requests]!++;
    words[offsets.counters + counters.inFlight]!++;
    sample.counted = 0;
    sample.row = -1;
    if (!judged) return;
    const row = offsets.strata + (second % strataRows) * strataRowWords;
    if (words[row] !== second) {
      words.fill(0, row, row + strataRowWords);
      words[row + rowCells.generation] = this.generation;
      words[row + rowCells.numberGeneration] = this.numberGeneration;
      words[row] = second;
      this.openBlock(Math.floor(second / blockSeconds));
    }
    words[row + rowCells.n]!++;
    words[row + rowCells.shards + (shard >>> 5)]! |= 1 << (shard & 31);
    sample.row = row;
    sample.second = second;
    sample.shard = shard;
  }

  /** The exchange that was just dispatched is the first of its cohort since the weights last changed. */
  cohortSeen(sample: Sample): void {
    this.words[offsets.counters + counters.cohorts]!++;
    if (sample.row >= 0) this.words[sample.row + rowCells.cohorts]!++;
  }

  /** The exchange reached a goal, as the first of its cohort; said before its outcome. @param goal 0 ... 3 */
  goalReached(sample: Sample, goal: number): void {
    this.words[offsets.counters + counters.goals + goal]!++;
    if (this.rowOf(sample) >= 0) this.words[sample.row + rowCells.goals + goal]!++;
  }

  /** The service sent a number with its answer to a judged exchange; said before its outcome. @param bucket of numbers.ts */
  number(sample: Sample, bucket: number): void {
    if (this.rowOf(sample) < 0) return;
    const words = this.words;
    words[offsets.numbers + bucket]!++;
    const generation = words[sample.row + rowCells.numberGeneration]!;
    const edges = this.numberEdges[generation % keptGenerations];
    if (generation === 0 || edges?.generation !== generation) return;
    words[sample.row + rowCells.numbers + (edges.classOfBucket[bucket]! & (numberClasses - 1))]!++;
  }

  /** The exchange left this variant: its answer ended, it failed, or the client went away. */
  ended(): void {
    this.words[offsets.counters + counters.inFlight]!--;
  }

  /**
   * A response head arrived (or the client left before it: then `status` is 0 and the age is a lower bound).
   * @param micros from the forwarded head to the response head
   */
  firstByte(sample: Sample, micros: number, status: number): void {
    const words = this.words;
    const bucket = bucketOf(micros);
    if (status !== 0) {
      words[offsets.counters + counters.responses + ((status / 100) | 0)]!++;
      words[offsets.firstByte + bucket]!++;
      this.sums[0]! += micros;
    }
    if (status >= 500) return this.failed(sample, "status_5xx", bucket);
    words[offsets.counters + counters.settled]!++;
    if (status !== 0 && (sample.counted & lateCounted) === 0) {
      const late = this.lateMs > 0 && micros >= this.lateMs * 1000;
      words[offsets.counters + (late ? counters.breakerBad : counters.breakerOk)]!++;
    }
    if (this.rowOf(sample) < 0) return;
    words[sample.row + rowCells.settled]!++;
    this.classify(sample, bucket, true);
  }

  /**
   * The variant failed the request before or at its first byte.
   * @param bucket of the latency until then; -1 where the failure says nothing about latency
   */
  failed(sample: Sample, code: ErrorCode, bucket: number): void {
    const words = this.words;
    words[errorWord(code)]!++;
    words[offsets.counters + counters.failed]!++;
    words[offsets.counters + counters.settled]!++;
    if ((sample.counted & lateCounted) === 0) words[offsets.counters + counters.breakerBad]!++;
    if (this.rowOf(sample) < 0) return;
    words[sample.row + rowCells.settled]!++;
    this.countError(sample);
    if (bucket >= 0) this.classify(sample, bucket, true);
  }

  /** After a good first byte the variant broke its answer: counted as an error of the dispatch second. */
  failedLater(sample: Sample, code: ErrorCode): void {
    const words = this.words;
    words[errorWord(code)]!++;
    words[offsets.counters + counters.failed]!++;
    words[offsets.counters + counters.breakerBad]!++;
    if (this.rowOf(sample) < 0) return;
    this.countError(sample);
  }

  /** The whole answer was relayed. @param micros from the forwarded head to the answer's last byte */
  finished(micros: number): void {
    this.words[offsets.total + bucketOf(micros)]!++;
    this.sums[1]! += micros;
  }

  /** The sweep's view of an exchange that has no first byte yet: counts each edge that its age has passed, once. */
  aged(sample: Sample, micros: number): void {
    const judged = this.rowOf(sample) >= 0;
    if (this.lateMs > 0 && micros >= this.lateMs * 1000 && (sample.counted & lateCounted) === 0) {
      sample.counted |= lateCounted;
      this.words[offsets.counters + counters.breakerBad]!++;
      if (judged) this.badShard(sample);
    }
    if (judged) this.classify(sample, bucketOf(micros), false);
  }

  /** Only of a judged exchange whose row is still its own. */
  private countError(sample: Sample): void {
    const words = this.words;
    const { row, second, shard } = sample;
    const endpoint = endpointOf(sample);
    this.badShard(sample);
    words[row + rowCells.errorsRaw]!++;
    const bits = this.filter.count(sample.client ?? -1, endpoint, second);
    if ((bits & counted.first) === 0) return;
    words[row + rowCells.errors]!++;
    if ((bits & counted.spread) === 0) return;
    words[row + rowCells.errorsSpread]!++;
    words[offsets.counters + counters.failedSpread]!++;
    const block = this.blockOf(second);
    if (block < 0) return;
    words[block + blockCells.errors + (shard & (errorShards - 1))]!++;
    if (endpoint >= 0) words[block + blockCells.endpointErrors + endpoint]!++;
  }

  private openBlock(block: number): void {
    const at = offsets.blocks + (block % blockRing) * blockWords;
    if (this.words[at] === block) return;
    this.words.fill(0, at, at + blockWords);
    this.words[at] = block;
    this.blockSecond = -1;
  }

  /** The word offset of the second's block; -1 where the ring has come round since. Most answers are of the second of the last one. */
  private blockOf(second: number): number {
    if (second === this.blockSecond) return this.blockAt;
    const block = Math.floor(second / blockSeconds);
    const at = offsets.blocks + (block % blockRing) * blockWords;
    this.blockSecond = second;
    this.blockAt = this.words[at] === block ? at : -1;
    return this.blockAt;
  }

  private badShard(sample: Sample): void {
    this.words[sample.row + rowCells.errorShards + (sample.shard >>> 5)]! |= 1 << (sample.shard & 31);
  }

  /** The sample's row while it is still its own: the ring may have come round since. */
  private rowOf(sample: Sample): number {
    if (sample.row >= 0 && this.words[sample.row] !== sample.second) sample.row = -1;
    return sample.row;
  }

  /** @param settled false while in flight: then only what no later answer can change is counted */
  private classify(sample: Sample, bucket: number, settled: boolean): void {
    const words = this.words;
    const generation = words[sample.row + rowCells.generation]!;
    const edges = this.edges[generation % keptGenerations];
    if (generation === 0 || edges === undefined || edges.generation !== generation) return;
    const byte = edges.classOfBucket[bucket]!;
    const location = byte & (locationClasses - 1);
    for (let tail = 0; tail < tailEdges; tail++) {
      const bit = 16 << tail;
      if ((byte & bit) === 0 || (sample.counted & bit) !== 0) continue;
      sample.counted |= bit;
      words[sample.row + rowCells.tails + tail]!++;
      if (bit === p99Bit) this.addSlow(sample);
    }
    if ((sample.counted & locationCounted) === 0 && (settled || location === locationClasses - 1)) {
      sample.counted |= locationCounted;
      words[sample.row + rowCells.location + location]!++;
      this.addToBlock(sample, location);
    }
  }

  private addSlow(sample: Sample): void {
    const block = this.blockOf(sample.second);
    if (block < 0) return;
    this.words[block + blockCells.slow + (sample.shard & (latencyShards - 1))]!++;
    const endpoint = endpointOf(sample);
    if (endpoint >= 0) this.words[block + blockCells.endpointSlow + endpoint]!++;
  }

  private addToBlock(sample: Sample, location: number): void {
    const block = this.blockOf(sample.second);
    if (block < 0) return;
    const words = this.words;
    const shard = sample.shard & (latencyShards - 1);
    words[block + blockCells.classed + shard]!++;
    words[block + blockCells.classSum + shard]! += location;
    words[block + blockCells.classSquares]! += location * location;
    const endpoint = endpointOf(sample);
    if (endpoint < 0) return;
    this.filter.seen(endpoint, words[block]!);
    words[block + blockCells.endpointClassed + endpoint]!++;
    words[block + blockCells.endpointClassSum + endpoint]! += location;
  }
}

function endpointOf(sample: Sample): number {
  const { endpointShard } = sample;
  return endpointShard === undefined || endpointShard < 0 ? -1 : endpointShard & (endpointShards - 1);
}
