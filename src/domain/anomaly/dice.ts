/**
 * Dice that follow from a seed alone, for forests: the same rows and the same seed grow the same trees, in any process.
 *
 * A counter through the mixer of MurmurHash3 (its finaliser): plain, and even enough to draw samples, features and cuts by.
 */

/** Dice from 0 (possible) to 1 (never). */
export function seededDice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let k = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    k = Math.imul(k ^ (k >>> 13), 0xc2b2ae35);
    return ((k ^ (k >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** A seed of a name. */
export function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (let k = 0; k < name.length; k++) h = Math.imul(h ^ name.charCodeAt(k), 0x01000193);
  return h >>> 0;
}
