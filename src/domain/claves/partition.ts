/**
 * A batch of readings sorted by bloque: what lets the router hand each bloque one contiguous run.
 *
 * Owns the order. Leaves to the router what becomes of unknown claves and of full inboxes.
 *
 * P1 The order is stable: the readings of one bloque, and so of one clave, keep their order of arrival.
 */

/** Reused from batch to batch. `order`: indexes of readings, bloque by bloque, the unknown ones last. */
export class Partition {
  readonly order: Uint32Array;
  /** The bloques that got readings, ascending; `touched` of them count. */
  readonly bloques: Uint32Array;
  /** Run r is order[starts[r] .. starts[r + 1]) and belongs to bloques[r]; starts[touched] is where the unknown ones begin. */
  readonly starts: Uint32Array;
  touched = 0;
  /** How many readings have no known loc: order[n - unknown .. n). */
  unknown = 0;
  /** Zero between calls. */
  counts: Uint32Array;

  constructor(capacity: number, bloqueCount: number) {
    this.order = new Uint32Array(capacity);
    this.bloques = new Uint32Array(capacity);
    this.starts = new Uint32Array(capacity + 1);
    this.counts = new Uint32Array(bloqueCount + 1);
  }
}

/**
 * Sorts readings 0 .. n-1 by the bloque of their loc into `scratch` (a stable counting sort). A loc whose bloque index is
 * `bloqueCount` or more counts as unknown, UNKNOWN_LOC among them (65535 is never a bloque).
 */
export function partitionByBloque(locs: Uint32Array, n: number, bloqueCount: number, scratch: Partition): void {
  if (scratch.counts.length <= bloqueCount) scratch.counts = new Uint32Array(bloqueCount + 1);
  const { order, bloques, starts, counts } = scratch;
  for (let k = 0; k < n; k++) {
    const bloque = locs[k]! >>> 16;
    counts[bloque < bloqueCount ? bloque : bloqueCount]!++;
  }
  let touched = 0;
  let start = 0;
  for (let bloque = 0; bloque < bloqueCount; bloque++) {
    const count = counts[bloque]!;
    if (count === 0) continue;
    bloques[touched] = bloque;
    starts[touched++] = start;
    counts[bloque] = start;
    start += count;
  }
  starts[touched] = start;
  scratch.touched = touched;
  scratch.unknown = n - start;
  counts[bloqueCount] = start;
  for (let k = 0; k < n; k++) {
    const bloque = locs[k]! >>> 16;
    order[counts[bloque < bloqueCount ? bloque : bloqueCount]!++] = k;
  }
  for (let r = 0; r < touched; r++) counts[bloques[r]!] = 0;
  counts[bloqueCount] = 0;
}
