/** What becomes of the spans that the proxy threads tell of: exports, and exemplars for `/metrics`. */
import { Exemplars } from "./admin/exemplars.ts";
import type { BootstrapConfiguration } from "./config/definition.ts";
import type { Log } from "./core/log.ts";
import { systemRandom } from "./core/random.ts";
import { SpanExporter, type SpanCounts } from "./trace/exporter.ts";
import type { SpanRecord } from "./trace/span.ts";

export class Spans {
  readonly exemplars = new Exemplars();
  /** Null: they are sent nowhere, and none are told of. */
  private readonly exporter: SpanExporter | null;

  constructor({ identity, tracing }: BootstrapConfiguration, version: string, log: Log) {
    if (tracing === null || tracing.export === null) this.exporter = null;
    else {
      this.exporter = new SpanExporter({
        target: tracing.export, resource: { serviceName: tracing.serviceName, version, ...identity }, random: systemRandom,
        onChange: (well, why) => (well ? log.info("Spans are exported again.") : log.warn({ why }, "Spans are lost: the collector does not take them.")),
      });
    }
  }

  /** For `ThreadsOptions.onSpans`. */
  readonly take = (spans: readonly SpanRecord[]): void => {
    this.exporter?.offer(spans);
    for (const span of spans) this.exemplars.note(span);
  };

  /** For `AdminPorts.spans`. */
  readonly counts = (): SpanCounts | null => this.exporter?.counts ?? null;

  async close(): Promise<void> {
    await this.exporter?.close();
  }
}
