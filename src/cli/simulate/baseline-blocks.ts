/** The baseline's blocks of 10 s, as the recorder would have written them: what the overdispersion is measured on. */
import { DispersionBook, type Dispersion } from "../../judge/dispersion.ts";
import { blockSeconds, endpointShards, errorShards, latencyShards } from "../../observe/layout.ts";

const newBlock = () => ({
  errors: new Float64Array(errorShards), classed: new Float64Array(latencyShards), classSum: new Float64Array(latencyShards), classSquares: 0,
  slow: new Float64Array(latencyShards), endpointErrors: new Float64Array(endpointShards), endpointClassed: new Float64Array(endpointShards),
  endpointClassSum: new Float64Array(endpointShards), endpointSlow: new Float64Array(endpointShards),
});

export class BaselineBlocks {
  private readonly book = new DispersionBook();
  private readonly endpoints: number;
  private readonly block = newBlock();
  private seconds = 0;
  private share = -1;
  private known: Dispersion | null = null;

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
    block.classed[shard]!++;
    block.classSum[shard]! += location;
    block.classSquares += location * location;
    block.endpointClassed[endpoint]!++;
    block.endpointClassSum[endpoint]! += location;
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

  /** Ends a second. */
  second(): void {
    if (++this.seconds % blockSeconds !== 0) return;
    const { block } = this;
    this.book.add(block);
    this.known = null;
    block.classSquares = 0;
    for (const cells of [block.errors, block.classed, block.classSum, block.slow, block.endpointErrors, block.endpointClassed, block.endpointClassSum, block.endpointSlow]) cells.fill(0);
  }

  /** @param share the candidate's, 0 ... 1 */
  dispersion(share: number): Dispersion {
    if (this.known === null || share !== this.share) this.known = this.book.at(share);
    this.share = share;
    return this.known;
  }
}
