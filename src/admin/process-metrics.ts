/**
 * The process's own metrics under Prometheus' standard names. The library's default collectors are not used: they cost
 * about 1% of a core while idle (docs/decisions/002-metrics-library.md).
 */
import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { MetricRow } from "./metric-row.ts";

/** A read of /proc; undefined where the platform has none. */
function fromProc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const openFiles = (): number | undefined => fromProc(() => readdirSync("/proc/self/fd").length - 1);

function openFilesMax(): number | undefined {
  const soft = fromProc(() => /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);
  return soft === undefined ? undefined : Number(soft);
}

function optional(name: string, help: string, read: () => number | undefined): MetricRow {
  return {
    type: "gauge", name, help, labels: [], across: "each",
    read: (_source, emit) => {
      const value = read();
      if (value !== undefined) emit(value);
    },
  };
}

export const processMetrics: readonly MetricRow[] = [
  {
    type: "counter", name: "process_cpu_seconds_total", labels: [], across: "each", help: "User and system CPU time of all threads.",
    read: (_source, emit) => {
      const { user, system } = process.cpuUsage();
      emit((user + system) / 1e6);
    },
  },
  {
    type: "gauge", name: "process_resident_memory_bytes", labels: [], across: "each", help: "Resident memory of the process.",
    read: (_source, emit) => emit(process.memoryUsage.rss()),
  },
  {
    type: "gauge", name: "process_start_time_seconds", labels: [], across: "each", help: "When the process started, in seconds since 1970.",
    read: ({ ports }, emit) => emit(ports.identity.startedMs / 1000),
  },
  optional("process_open_fds", "Open file descriptors (Linux).", openFiles),
  optional("process_max_fds", "Limit on open file descriptors (Linux).", openFilesMax),
  {
    type: "counter", name: "ebbgate_control_busy_seconds_total", labels: [], across: "each", help: "Time in which the control thread's event loop was busy: near 1 a second, it is overloaded.",
    read: (_source, emit) => emit(performance.eventLoopUtilization().active / 1000),
  },
];
