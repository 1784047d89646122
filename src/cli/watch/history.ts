/** What was seen of each variant since the watching began, for the curves. */
import type { Status, VariantStatus } from "../../admin/status.ts";

export interface Samples {
  readonly rate: readonly (number | null)[];
  /** 0 ... 1. */
  readonly errors: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
}

export type History = ReadonlyMap<string, Samples>;

export const samplesMax = 240;
export const seriesKey = (route: string, variant: string): string => `${route} ${variant}`;
const none: Samples = { rate: [], errors: [], p99Ms: [] };

/** @param status null: nobody answered, which is a gap in every curve */
export function withSample(history: History, status: Pick<Status, "routes"> | null): History {
  if (status === null) return new Map([...history].map(([key, samples]) => [key, grown(samples, null)]));
  return new Map(status.routes.flatMap(({ name, variants }) => variants.map((variant) => {
    const key = seriesKey(name, variant.name);
    return [key, grown(history.get(key) ?? none, variant.recent)] as const;
  })));
}

function grown({ rate, errors, p99Ms }: Samples, recent: VariantStatus["recent"] | null): Samples {
  const push = (values: readonly (number | null)[], value: number | null): readonly (number | null)[] => [...values.slice(1 - samplesMax), value];
  return { rate: push(rate, recent?.requestsPerSecond ?? null), errors: push(errors, recent?.errorRate ?? null), p99Ms: push(p99Ms, recent?.p99Ms ?? null) };
}

export const samplesOf = (history: History, route: string, variant: string): Samples => history.get(seriesKey(route, variant)) ?? none;
