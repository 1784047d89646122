/** One timed load of one contestant. */
export interface Round {
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Report {
  readonly load: string;
  readonly upstreams: string;
  readonly node: string;
  readonly cores: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly versions: Record<string, string>;
  /** Median over the rounds: user and system time of the proxy's processes over completed requests. */
  readonly cpuMicrosPerRequest: Record<string, number>;
  /** The rounds themselves, so that their spread is seen. */
  readonly cpuMicrosPerRequestRounds: Record<string, number[]>;
  readonly requestsPerSecond: Record<string, number>;
  readonly latencyMs: Record<string, { readonly p50: number; readonly p99: number }>;
  /** Ebbgate's CPU per request over each peer's: below 1, Ebbgate is cheaper. */
  readonly ratio: Record<string, number>;
  /** Contestants that were found but not timed, and why. */
  readonly refused: Record<string, string>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The part of the report that comes from the rounds. */
export function summarise(
  rounds: ReadonlyMap<string, readonly Round[]>,
): Pick<Report, "cpuMicrosPerRequest" | "cpuMicrosPerRequestRounds" | "requestsPerSecond" | "latencyMs" | "ratio"> {
  const over = <T>(pick: (found: readonly Round[]) => T): Record<string, T> =>
    Object.fromEntries([...rounds].map(([name, found]) => [name, pick(found)]));
  const mid = (found: readonly Round[], field: keyof Round): number => median(found.map((round) => round[field]));
  const cpu = over((found) => mid(found, "cpuMicrosPerRequest"));
  const own = cpu["ebbgate"];
  return {
    cpuMicrosPerRequest: over((found) => rounded(mid(found, "cpuMicrosPerRequest"), 2)),
    cpuMicrosPerRequestRounds: over((found) => found.map((round) => rounded(round.cpuMicrosPerRequest, 2))),
    requestsPerSecond: over((found) => Math.round(mid(found, "requestsPerSecond"))),
    latencyMs: over((found) => ({ p50: rounded(mid(found, "p50Ms"), 3), p99: rounded(mid(found, "p99Ms"), 3) })),
    ratio:
      own === undefined
        ? {}
        : Object.fromEntries(Object.entries(cpu).filter(([name]) => name !== "ebbgate").map(([name, peer]) => [name, rounded(own / peer, 3)])),
  };
}

/** The table for people, cheapest first. */
export function table(report: Report): string {
  const rows = Object.entries(report.cpuMicrosPerRequest)
    .toSorted(([, one], [, other]) => one - other)
    .map(([name, cpu]) => {
      const rounds = report.cpuMicrosPerRequestRounds[name] ?? [];
      const latency = report.latencyMs[name];
      return [
        `${name} ${report.versions[name]}`,
        cpu.toFixed(1),
        `${Math.min(...rounds).toFixed(1)}-${Math.max(...rounds).toFixed(1)}`,
        String(report.requestsPerSecond[name]),
        latency?.p50.toFixed(2) ?? "",
        latency?.p99.toFixed(2) ?? "",
        report.ratio[name]?.toFixed(2) ?? "",
      ];
    });
  const header = ["contestant", "CPU us/request", "(rounds)", "requests/s", "p50 ms", "p99 ms", "ebbgate/it"];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ");
  return [line(header), ...rows.map(line)].join("\n");
}
