/** The word that was most likely meant: for keys of a configuration, commands, names of bloques. */

/**
 * The known key that was most likely meant, or null: fewest edits, at most a third of the longer word; else one that holds the
 * other (`id`, `bloque_id`).
 */
export function nearestKey(key: string, known: readonly string[]): string | null {
  const plain = (word: string): string =>
    word
      .toLowerCase()
      .normalize('NFD')
      .replace(/[\p{M}_\s-]/gu, '');
  const wanted = plain(key);
  let best: string | null = null;
  let bestEdits = Infinity;
  for (const candidate of known) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits < bestEdits && edits <= Math.max(wanted.length, candidate.length) / 3) {
      best = candidate;
      bestEdits = edits;
    }
  }
  if (best !== null || wanted.length < 2) return best;
  return known.find((candidate) => plain(candidate).includes(wanted) || wanted.includes(plain(candidate))) ?? null;
}

/** Edits (insert, delete, replace, swap of neighbours) from one word to the other. Source: Damerau (1964), optimal alignment. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
