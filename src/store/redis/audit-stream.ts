/** The audit log in a stream: lines are chained here, and a script takes them only where the chain still ends as we think. */
import { auditLines, type ChainEnd, chainStart, type EncodedEntry, parseAuditLine } from "../audit-line.ts";
import { auditIdsMax } from "../checks.ts";
import { StoreError } from "../store-error.ts";
import type { AuditRecord } from "../store.ts";
import type { PlacedLine } from "../audit-chain.ts";
import type { RedisConnection } from "./connection.ts";
import type { RedisKeys } from "./keys.ts";
import { scripts } from "./scripts.ts";

/** Others write as well; each time that they are quicker costs a round trip. */
const attemptsMax = 100;
const pageRecords = 200;

/** What a script answers, its first word apart. */
export type Reply = readonly [word: string, ...rest: (string | number)[]];

export class AuditStream {
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;
  private end: ChainEnd = chainStart;
  /** One write at a time: two of one process would only take turns in being refused. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.connection = connection;
    this.keys = keys;
  }

  /**
   * Writes records, with what the script writes beside them.
   *
   * @param run gets the script's arguments: where the chain ends, how many ids are kept, and lines and ids by turns
   * @returns the script's answer, when it is about something else than the chain
   */
  write(time: () => string, entries: readonly EncodedEntry[], run: (args: readonly (string | number)[]) => Promise<Reply>): Promise<Reply> {
    const result = this.queue.then(() => this.attempt(time, entries, run));
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** @throws StoreError `corrupt` at the first record that is altered, missing or out of order */
  async read(seq: number, limit: number): Promise<AuditRecord[]> {
    const records: AuditRecord[] = [];
    for (let from = Math.max(seq, 1); records.length < limit; ) {
      const count = Math.min(pageRecords, limit - records.length);
      const entries = await this.connection.ask((client) => client.xrange(this.keys.audit, `${from}-0`, "+", "COUNT", count));
      for (const [id, fields] of entries) {
        const record = parseAuditLine(fields[1] ?? "");
        const before = records.at(-1);
        const follows = before === undefined || (record?.seq === before.seq + 1 && record.previousHash === before.hash);
        if (record === undefined || `${record.seq}-0` !== id || !follows) throw new StoreError("corrupt", `the audit stream ${this.keys.audit}: entry ${id} is altered, or one before it is missing`);
        records.push(record);
      }
      if (entries.length < count) break;
      from = records.at(-1)!.seq + 1;
    }
    return records;
  }

  /** The lines as they are, oldest first, unchecked. */
  async *lines(from = 1): AsyncGenerator<PlacedLine> {
    for (let start = `${from}-0`; ; ) {
      const entries = await this.connection.ask((client) => client.xrange(this.keys.audit, start, "+", "COUNT", pageRecords));
      for (const [id, fields] of entries) yield { line: fields[1] ?? "", place: `${this.keys.audit} ${id}` };
      if (entries.length < pageRecords) return;
      start = `(${entries.at(-1)![0]}`;
    }
  }

  /** Where the stream begins and ends by what Redis has noted beside it, and how many records it holds. */
  async bounds(): Promise<{ readonly anchor: ChainEnd; readonly end: ChainEnd; readonly length: number }> {
    const [noted, length] = await this.connection.ask((client) => Promise.all([client.hmget(this.keys.auditHead, "anchorSeq", "anchorHash", "seq", "hash"), client.xlen(this.keys.audit)]));
    const [anchorSeq, anchorHash, seq, hash] = noted;
    const end = (of: string | null | undefined, named: string | null | undefined): ChainEnd => (of && named ? { seq: Number(of), hash: named } : chainStart);
    return { anchor: end(anchorSeq, anchorHash), end: end(seq, hash), length };
  }

  /** Lets go of what an archive has. @param last its last record @returns false where the stream does not hold that */
  async trim(last: ChainEnd): Promise<boolean> {
    return (await this.connection.run(scripts.trim, [this.keys.audit, this.keys.auditHead], [last.seq, last.hash])) === 1;
  }

  private async attempt(time: () => string, entries: readonly EncodedEntry[], run: (args: readonly (string | number)[]) => Promise<Reply>): Promise<Reply> {
    let rest = entries;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const lines = auditLines(this.end, time(), rest);
      const reply = await run([this.end.seq, this.end.hash, auditIdsMax, ...lines.flatMap(({ line, record }) => [line, record.id ?? ""])]);
      if (reply[0] === "chain") this.end = { seq: Number(reply[1]), hash: String(reply[2]) };
      else if (reply[0] === "known") rest = rest.filter(({ id }) => id === undefined || !reply.includes(id, 1));
      else {
        if (reply[0] === "written") this.end = lines.at(-1)?.record ?? this.end;
        return reply;
      }
    }
    throw new StoreError("unavailable", `the audit log was written by others ${attemptsMax} times in a row: try again`);
  }
}
