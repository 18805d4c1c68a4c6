/**
 * Dice for everything above the domain; the domain takes the rolled numbers as arguments.
 *
 * Promises: R1 the same seed gives the same rolls, on every machine and in every version; R2 a fork's rolls do not depend on how
 * many its parent makes later. Leaves out on purpose: secrets. Tokens and salts come from the system, not from here.
 */
export interface Random {
  /** 0 .. 2^32 - 1. */
  uint32(): number;
  /** 0 (possible) .. 1 (never), 53 bits of it. */
  next(): number;
  /** A whole number 0 .. limit - 1, each equally likely; `limit` is 1 .. 2^32. */
  below(limit: number): number;
  /** Dice of its own for a part that must not shift the rolls of others. */
  fork(): Random;
}
