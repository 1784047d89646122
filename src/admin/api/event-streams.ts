/** Server-sent events (WHATWG HTML section 9.2) from the audit log: what was written down is told, to each stream from where it left off. */
import type { Clock } from "../../core/clock.ts";
import { AuditTail } from "../../hooks/audit-tail.ts";
import { eventOf } from "../../hooks/event.ts";
import type { AuditRecord } from "../../store/store.ts";
import type { AdminPorts } from "../ports.ts";
import type { StreamSink } from "../problem.ts";

export const streamsMax = 32;
/** Between two looks at the log, while somebody listens. */
const lookMs = 200;
/** Keeps what is between us from cutting a quiet stream, and asks whether its reader may still read. */
const heartbeatMs = 15_000;

interface Stream {
  readonly sink: StreamSink;
  readonly route: string | undefined;
  readonly stillAdmitted: () => Promise<boolean>;
  seq: number;
  beatMs: number;
  busy: boolean;
}

export class EventStreams {
  private readonly tail: AuditTail;
  private readonly clock: Clock;
  private readonly streams = new Set<Stream>();
  private timer: NodeJS.Timeout | null = null;
  private looking = false;

  constructor({ audit, clock }: Pick<AdminPorts, "audit" | "clock">) {
    this.tail = new AuditTail(audit);
    this.clock = clock;
  }

  get full(): boolean {
    return this.streams.size >= streamsMax;
  }

  /** @returns the seq of the newest record @throws StoreError */
  async end(): Promise<number> {
    await this.tail.refresh();
    return this.tail.end;
  }

  /** @param after the last seq that the reader has */
  open(sink: StreamSink, after: number, route: string | undefined, stillAdmitted: Stream["stillAdmitted"]): void {
    const stream: Stream = { sink, route, stillAdmitted, seq: after, beatMs: this.clock.monotonicMs(), busy: false };
    this.streams.add(stream);
    sink.onClose(() => this.gone(stream));
    this.timer ??= setInterval(() => void this.look(), lookMs).unref();
    void this.look();
  }

  close(): void {
    for (const { sink } of this.streams) sink.end();
  }

  private gone(stream: Stream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    // A store that is away has nothing new; the streams stay, and go on where they were.
    await this.tail.refresh().catch(() => undefined);
    this.looking = false;
    for (const stream of this.streams) void this.tell(stream);
  }

  private async tell(stream: Stream): Promise<void> {
    if (stream.busy) return;
    stream.busy = true;
    try {
      // The log was begun anew: all of it is new.
      if (stream.seq > this.tail.end) stream.seq = 0;
      for (let page = await this.tail.after(stream.seq); page.length > 0; page = await this.tail.after(stream.seq)) {
        for (const record of page) {
          stream.seq = record.seq;
          const text = frameOf(record, stream.route);
          if (text !== null && !(await stream.sink.write(text))) return;
        }
      }
      await this.beat(stream);
    } catch {
      // As above: asked again at the next look.
    } finally {
      stream.busy = false;
    }
  }

  private async beat(stream: Stream): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - stream.beatMs < heartbeatMs) return;
    stream.beatMs = nowMs;
    if (await stream.stillAdmitted()) await stream.sink.write(": still here\n\n");
    else stream.sink.end();
  }
}

/** @returns null where the record is nothing to tell, or of another route */
function frameOf(record: AuditRecord, route: string | undefined): string | null {
  const event = eventOf(record);
  if (event === null || (route !== undefined && event.route !== null && event.route !== route)) return null;
  const { id, type, time, severity, sentence, data } = event;
  return `id: ${record.seq}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, time, route: event.route, severity, sentence, data })}\n\n`;
}
