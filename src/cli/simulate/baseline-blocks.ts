/** The baseline's blocks of 10 s, as the recorder would have written them: what the overdispersion is measured on. */
import { DispersionBook, type Dispersion, type DispersionFound } from "../../judge/dispersion.ts";
import { blockSeconds, endpointShards, errorShards, latencyShards } from "../../observe/layout.ts";

/** A block is taken in so many seconds after its end, as in rollout/judging.ts. */
const settleSeconds = 5;

const classes = 16;

const newBlock = () => ({
  answered: false,
  /** Answers by shard and class, and by endpoint and class: two cells for each of a billion answers, summed when the block ends. */
  shardClasses: new Uint32Array(latencyShards * classes), endpointClasses: new Uint32Array(endpointShards * classes),
  errors: new Float64Array(errorShards), classed: new Float64Array(latencyShards), classSum: new Float64Array(latencyShards), classSquares: 0,
  slow: new Float64Array(latencyShards), endpointErrors: new Float64Array(endpointShards), endpointClassed: new Float64Array(endpointShards),
  endpointClassSum: new Float64Array(endpointShards), endpointSlow: new Float64Array(endpointShards),
});

export class BaselineBlocks {
  private readonly book = new DispersionBook();
  private readonly endpoints: number;
  private block = newBlock();
  private ended = newBlock();
  private seconds = 0;
  /** Of the last ten seconds, for the realised share. */
  private readonly recent = { candidate: new Float64Array(blockSeconds), all: new Float64Array(blockSeconds) };
  /** What the next stratum is judged with: from blocks that ended before it began. */
  dispersion: Dispersion = this.book.at(0);
  /** What it comes from: for a fleet's leader. */
  found: DispersionFound = this.book.found(0);

  constructor(endpoints: number) {
    this.endpoints = endpoints;
  }

  error(client: number, endpoint: number): void {
    this.block.errors[client & (errorShards - 1)]!++;
    this.block.endpointErrors[endpoint]!++;
  }

  /** An answer of this latency class. */
  answer(client: number, endpoint: number, location: number, slow: boolean): void {
    const { block } = this;
    const shard = client & (latencyShards - 1);
    block.answered = true;
    block.shardClasses[shard * classes + location]!++;
    block.endpointClasses[endpoint * classes + location]!++;
    if (!slow) return;
    block.slow[shard]!++;
    block.endpointSlow[endpoint]!++;
  }

  /** So many answers whose latency nobody looks at, spread evenly: their classes are all the same. */
  answers(n: number, sharesByShard: Float64Array | null): void {
    const { block, endpoints } = this;
    for (let s = 0; s < latencyShards; s++) block.classed[s]! += n * (sharesByShard?.[s] ?? 1 / latencyShards);
    for (let e = 0; e < endpoints; e++) block.endpointClassed[e]! += n / endpoints;
  }

  /** Ends a second. @param candidate its requests, @param all those of both variants */
  second(candidate: number, all: number): void {
    const at = this.seconds++ % blockSeconds;
    this.recent.candidate[at] = candidate;
    this.recent.all[at] = all;
    if (at === blockSeconds - 1) {
      [this.block, this.ended] = [this.ended, this.block];
      clear(this.block);
    }
    if (at !== settleSeconds - 1 || this.seconds <= blockSeconds) return;
    sumClasses(this.ended);
    this.book.add(this.ended);
    const total = sum(this.recent.all);
    const weight = total > 0 ? sum(this.recent.candidate) / total : 0;
    this.dispersion = this.book.at(weight);
    this.found = this.book.found(weight);
  }
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

function sumClasses(block: ReturnType<typeof newBlock>): void {
  if (!block.answered) return;
  const by = (cells: Uint32Array, classed: Float64Array, classSum: Float64Array): void => {
    for (let i = 0; i < cells.length; i++) {
      const n = cells[i]!;
      const location = i & (classes - 1);
      classed[i >>> 4]! += n;
      classSum[i >>> 4]! += n * location;
      if (classed === block.classed) block.classSquares += n * location * location;
    }
  };
  by(block.shardClasses, block.classed, block.classSum);
  by(block.endpointClasses, block.endpointClassed, block.endpointClassSum);
}

function clear(block: ReturnType<typeof newBlock>): void {
  block.classSquares = 0;
  for (const cells of [block.errors, block.classed, block.classSum, block.slow, block.endpointErrors, block.endpointClassed, block.endpointClassSum, block.endpointSlow]) cells.fill(0);
  if (!block.answered) return;
  block.answered = false;
  block.shardClasses.fill(0);
  block.endpointClasses.fill(0);
}
