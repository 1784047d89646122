/**
 * The candidate that a mistyped word most likely meant, for "did you mean": least edit distance, transpositions
 * counting once, case ignored. Undefined where even the nearest is too far to be a typing mistake.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    let distance = editDistance(lower, other);
    // A word that was cut short or written out ("firstByteTimeout" for "firstByte") is nearer than its length says.
    const shorter = Math.min(lower.length, other.length);
    if (shorter >= 3 && (lower.startsWith(other) || other.startsWith(lower))) distance = Math.min(distance, 2);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment distance. Both words are short: keys, commands, names; longer ones are cut. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, wordCharactersMax);
  const b = right.slice(0, wordCharactersMax);
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, beforeLast[j - 2]! + 1);
      row.push(value);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

const wordCharactersMax = 64;
