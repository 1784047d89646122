/**
 * How many candidate requests a step needs until the error limit is shown to be not worse (JUDGE 6), for a candidate
 * that is as good as its baseline: the table of docs/rollouts.md. Run it: `node scripts/evidence-table.ts`.
 */
import { seededRandom } from "../src/core/random.ts";
import { advanceErrorAlternatives, advanceErrorLlr, errorNotWorse, notWorseThreshold } from "../src/judge/advance.ts";
import { emptyStratum } from "../src/judge/counts.ts";

const runs = 60;
const requestsMax = 200_000;
const requestsPerLook = 25;
const weight = 0.1;
const relative = 1.1;
const random = seededRandom(1);

/** Binomial by counting: exact, and fast enough for a table. */
function failures(n: number, rate: number): number {
  let count = 0;
  for (let i = 0; i < n; i++) if (random() < rate) count++;
  return count;
}

function requestsNeeded(margin: number, rate: number): number {
  const logs = new Float64Array(advanceErrorAlternatives);
  const ratios = new Float64Array(advanceErrorAlternatives);
  const nB = Math.round((requestsPerLook * (1 - weight)) / weight);
  let n = 0;
  while (n < requestsMax && errorNotWorse(logs) < notWorseThreshold) {
    n += requestsPerLook;
    ratios.fill(0);
    const counts = { nC: requestsPerLook, nB, settledC: requestsPerLook, settledB: nB, errorsC: failures(requestsPerLook, rate), errorsB: failures(nB, rate) };
    advanceErrorLlr({ ...emptyStratum(), ...counts }, relative, margin, ratios);
    logs.forEach((sum, j) => (logs[j] = sum + (ratios[j] ?? 0)));
  }
  return n;
}

const rates = [0, 0.001, 0.01, 0.03];
process.stdout.write("median / 90th percentile of candidate requests\n");
for (const margin of [0.0005, 0.002, 0.005, 0.01, 0.05]) {
  const cells = rates.map((rate) => {
    const needed = Array.from({ length: runs }, () => requestsNeeded(margin, rate)).toSorted((a, b) => a - b);
    const [median, high] = [needed[runs / 2]!, needed[(runs * 9) / 10]!];
    return `${rate * 100}%: ${median} / ${high >= requestsMax ? `over ${requestsMax}` : high}`;
  });
  process.stdout.write(`advanceMargin ${margin * 100}%  ${cells.join("  ")}\n`);
}
