/** Area under the ROC curve: the share of pairs (odd, usual) that the scores put in order; equal ones count half. */
export function aucOf(scores: Float64Array, isOdd: readonly boolean[]): number {
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!);
  let ranks = 0;
  let odd = 0;
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j < order.length && scores[order[j]!] === scores[order[i]!]) j++;
    for (let k = i; k < j; k++) {
      if (!isOdd[order[k]!]) continue;
      ranks += (i + 1 + j) / 2;
      odd++;
    }
    i = j;
  }
  return (ranks - (odd * (odd + 1)) / 2) / (odd * (order.length - odd));
}
