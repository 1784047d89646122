/**
 * A strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0, for tests only: it throws where promtool or
 * a Prometheus server would complain, and at what they let pass but mean nothing good.
 */
export interface Family {
  readonly name: string;
  type: string;
  help: string;
  readonly samples: { readonly name: string; readonly labels: ReadonlyMap<string, string>; readonly value: number }[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/s;
const labelPart = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,(?=.)|$)/;

function parseLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== ""; ) {
    const part = labelPart.exec(rest);
    if (part === null) throw new Error(`labels: ${rest}`);
    if (labels.has(part[1]!)) throw new Error(`label ${part[1]} twice`);
    labels.set(part[1]!, part[2]!.replaceAll(/\\(.)/g, (_all, character: string) => (character === "n" ? "\n" : character)));
    rest = rest.slice(part[0].length);
  }
  return labels;
}

export const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1);

export function parseExposition(text: string, openMetrics: boolean): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("the last line does not end");
  if (openMetrics && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  let current: Family | undefined;
  for (const line of lines) {
    if (line === "") {
      if (openMetrics) throw new Error("an empty line");
      continue;
    }
    if (line.startsWith("#")) {
      const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
      if (name === undefined || !metricName.test(name)) throw new Error(`comment: ${line}`);
      if (keyword === "HELP") {
        if (families.has(name)) throw new Error(`${name} twice`);
        families.set(name, (current = { name, type: "", help: rest!, samples: [] }));
      } else if (current?.name !== name || current.type !== "") {
        throw new Error(`TYPE out of place: ${line}`);
      } else {
        current.type = rest!;
      }
      continue;
    }
    const parts = sampleLine.exec(line);
    if (parts === null || current === undefined) throw new Error(`sample: ${line}`);
    const name = parts[1]!;
    const allowed = suffixes(current.type, openMetrics).map((suffix) => current!.name + suffix);
    if (!allowed.includes(name)) throw new Error(`${name} in family ${current.name} of type ${current.type}`);
    const labels = parseLabels(parts[2] ?? "");
    const key = `${name}${JSON.stringify([...labels].sort(byName))}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    current.samples.push({ name, labels, value: Number(parts[3]!.replace("Inf", "Infinity")) });
  }
  for (const family of families.values()) checkFamily(family, openMetrics);
  return families;
}

function suffixes(type: string, openMetrics: boolean): string[] {
  if (type === "counter") return [openMetrics ? "_total" : ""];
  if (type === "gauge") return [""];
  if (type === "histogram") return ["_bucket", "_sum", "_count"];
  throw new Error(`type ${type}`);
}

function checkFamily(family: Family, openMetrics: boolean): void {
  if (family.type === "") throw new Error(`${family.name} has no type`);
  if (family.type === "counter" && !openMetrics && !family.name.endsWith("_total")) throw new Error(`counter ${family.name} without _total`);
  if ((family.type !== "counter" || openMetrics) && family.name.endsWith("_total")) throw new Error(`${family.name} must not end in _total`);
  if (family.type === "counter" && family.samples.some(({ value }) => !(value >= 0))) throw new Error(`${family.name} is negative or not a number`);
  if (family.type === "histogram") checkHistogram(family);
}

/** Edges ascend to +Inf, counts never fall, and `_count` is the +Inf bucket's. */
function checkHistogram(family: Family): void {
  const series = new Map<string, { edges: number[]; counts: number[]; count?: number; sum?: number }>();
  for (const { name, labels, value } of family.samples) {
    const key = JSON.stringify([...labels].filter(([label]) => label !== "le").sort(byName));
    const one = series.get(key) ?? { edges: [], counts: [] };
    series.set(key, one);
    if (name.endsWith("_bucket")) {
      one.edges.push(Number(labels.get("le")!.replace("Inf", "Infinity")));
      one.counts.push(value);
    } else if (name.endsWith("_sum")) one.sum = value;
    else one.count = value;
  }
  for (const [key, { edges, counts, count, sum }] of series) {
    if (edges.at(-1) !== Infinity || edges.some((edge, i) => i > 0 && !(edge > edges[i - 1]!))) throw new Error(`${family.name}${key}: edges ${edges.join()}`);
    if (counts.some((n, i) => i > 0 && n < counts[i - 1]!)) throw new Error(`${family.name}${key}: counts ${counts.join()}`);
    if (count !== counts.at(-1) || sum === undefined) throw new Error(`${family.name}${key}: _count ${count}, _sum ${sum}`);
  }
}
