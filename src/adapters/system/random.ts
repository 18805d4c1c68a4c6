/**
 * Seeded dice: xoshiro128** (Blackman and Vigna, 2018), its state filled from the seed by the mixer of MurmurHash3.
 *
 * Chosen for 128 bits of state in four uint32, which JavaScript multiplies exactly, and for passing BigCrush; not for secrets.
 */
import { randomInt } from 'node:crypto';
import type { Random } from '#ports/random.ts';

/** A seed to print and to start again from. */
export function makeSeed(): number {
  return randomInt(2 ** 32);
}

class Xoshiro128 implements Random {
  readonly #state: Uint32Array;

  constructor(state: Uint32Array) {
    this.#state = state;
  }

  uint32(): number {
    const state = this.#state;
    const s1 = state[1]!;
    const rolled = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    state[2]! ^= state[0]!;
    state[3]! ^= s1;
    state[1]! ^= state[2]!;
    state[0]! ^= state[3]!;
    state[2]! ^= s1 << 9;
    state[3] = rotateLeft(state[3]!, 11);
    return rolled;
  }

  next(): number {
    // 27 + 26 bits, taken from the top, where they are best.
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  below(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) throw new RangeError(`dice with ${limit} sides`);
    // Rolls above the largest multiple of `limit` are thrown again: a plain remainder would favour small numbers.
    const rollsMax = 2 ** 32 - (2 ** 32 % limit);
    let rolled = this.uint32();
    while (rolled >= rollsMax) rolled = this.uint32();
    return rolled % limit;
  }

  fork(): Random {
    return new Xoshiro128(mixedState(this.uint32(), this.uint32()));
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixedState(low: number, high: number): Uint32Array {
  const state = new Uint32Array(4);
  let counter = low >>> 0;
  for (let i = 0; i < 4; i++) {
    counter = (counter + 0x9e3779b9 + Math.imul(high, i + 1)) >>> 0;
    let mixed = counter;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    state[i] = mixed ^ (mixed >>> 16);
  }
  // All zeros is the one state that it never leaves.
  if (state.every((word) => word === 0)) state[0] = 1;
  return state;
}

/** Any finite number is a seed; whole numbers up to 2^53 give different dice each. */
export function makeRandom(seed: number): Random {
  if (!Number.isFinite(seed)) throw new RangeError(`${seed} is no seed`);
  const whole = Math.trunc(seed);
  return new Xoshiro128(mixedState(whole % 2 ** 32, Math.floor(whole / 2 ** 32)));
}
