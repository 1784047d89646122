/** Names in Redis. The braces make a cluster keep all of a namespace in one slot, which its scripts need. */
export class RedisKeys {
  /** As `ebbgate:{shop}:`. */
  readonly prefix: string;

  constructor(namespace: string) {
    this.prefix = `ebbgate:{${namespace}}:`;
  }

  document = (key: string): string => `${this.prefix}document:${key}`;
  /** Sorted set of the keys of documents. */
  get index(): string {
    return `${this.prefix}documents`;
  }
  /** Channel: keys of documents that were written. */
  get changed(): string {
    return `${this.prefix}changed`;
  }
  lease = (name: string): string => `${this.prefix}lease:${name}`;
  epoch = (name: string): string => `${this.prefix}epoch:${name}`;
  /** Stream: one entry for each line, with the id `<seq>-0`. */
  get audit(): string {
    return `${this.prefix}audit`;
  }
  /** Hash: seq and hash of the last record. */
  get auditHead(): string {
    return `${this.prefix}audit:head`;
  }
  /** Sorted set: ids of records by their seq. */
  get auditIds(): string {
    return `${this.prefix}audit:ids`;
  }
  channel = (name: string): string => `${this.prefix}channel:${name}`;
  /** Hash of values, and sorted set of the times at which they run out. */
  ephemera = (group: string): readonly [values: string, deadlines: string] => [`${this.prefix}ephemera:${group}`, `${this.prefix}ephemera:${group}:until`];
  /** The dynamic document as it was written by hand or by `ebbgate apply`; and the channel of its hints. */
  get config(): string {
    return `${this.prefix}config`;
  }
  /** List: earlier documents, newest first. */
  get configHistory(): string {
    return `${this.prefix}config:history`;
  }
  /** Channel: what became of documents, as JSON. */
  get configEvents(): string {
    return `${this.prefix}config:events`;
  }
}
