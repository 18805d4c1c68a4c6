/**
 * Changing commands on their way into the store: whoever comes while a commit is under way shares the next one.
 *
 * Owns: their order, which epoch a command is replayed after, and when its effect is applied. Leaves what an effect is to door.ts,
 * the transaction to the store.
 *
 *   commit -> [ waiting ... ] -> one transaction -> effects applied, in order -> answered
 *
 * O1 Commands are stored, applied and answered in the order in which `commit` was called.
 * O2 An effect is applied once it is stored, in the step in which that is known: no epoch can be sealed in between.
 * O3 A commit whose answer was lost may be in. The store is asked before the next effect is applied, and before an epoch is cut that
 *    recovery would take to hold it (`isSettledFor`): what was stored by just that commit is applied then, in its place. Otherwise it
 *    would wait for a restart, or, once such an epoch is in, for ever, though whoever sends it again is told that it was done.
 * O4 When a commit fails for now, what waits behind it fails with it: a command that is tried again is not overtaken by a later one.
 */
import { CoreCError, isTransient } from '#domain/errors.ts';
import type { AlertaChange, BloqueStore, ComandoCommit, ComandoResult, ComandoRow } from '#ports/bloque-store.ts';

/** Commands in one transaction: at some 10 us each it takes about as long as ten of one command. */
const BATCH_MAX = 512;
/** Commands that wait. Doors bound what they have under way; this is the bound on all of them. */
const WAITING_MAX = 16_384;
/** Commits of unknown outcome that are remembered. */
const DOUBTFUL_MAX = 4096;

export interface ComandosDeps {
  readonly store: Pick<BloqueStore, 'commitComandos' | 'findComando'>;
  /** Number of the first epoch that is not sealed. */
  readonly nextEpoca: () => number;
  readonly apply: (row: ComandoRow) => void;
}

interface Waiting {
  readonly row: Omit<ComandoRow, 'epoca'>;
  readonly alertaChange: AlertaChange | undefined;
  readonly resolve: (result: ComandoResult) => void;
  readonly reject: (error: unknown) => void;
}

interface Doubtful {
  /** As it was first sent. */
  readonly row: ComandoRow;
  /** The time in the row of each commit that may be in. */
  readonly triedMs: number[];
}

export class Comandos {
  /** Stored and applied since the start, and the transactions that it took. */
  committed = 0;
  batches = 0;

  readonly #deps: ComandosDeps;
  #waiting: Waiting[] = [];
  #isWorking = false;
  /** By id, in the order of their first commit: nobody knows whether they are in. */
  readonly #doubtful = new Map<string, Doubtful>();
  /** The epoch of the commit under way, until its effects are applied. */
  #epoca = Infinity;
  #settling: Promise<void> | null = null;

  constructor(deps: ComandosDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when the command is stored and applied. @throws CoreCError COREC_E_BUSY, or what the store throws. */
  commit(row: Omit<ComandoRow, 'epoca'>, alertaChange?: AlertaChange): Promise<ComandoResult> {
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(
        new CoreCError('COREC_E_BUSY', {
          what: 'CoreC',
          found: `${WAITING_MAX} commands wait to be stored`,
          seconds: 1,
        }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<ComandoResult>();
    this.#waiting.push({ row, alertaChange, resolve, reject });
    if (!this.#isWorking) void this.#work();
    return promise;
  }

  /** Asks the store about commits whose answer was lost, and applies what is in (O3). Rejects while it does not answer. */
  settle(): Promise<void> {
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  /** False: an epoch of this number must wait for a command that may be in the store, and is not applied yet. */
  isSettledFor(epoca: number): boolean {
    if (this.#epoca <= epoca) return false;
    for (const { row } of this.#doubtful.values()) if (row.epoca <= epoca) return false;
    return true;
  }

  async #settleAll(): Promise<void> {
    for (let next = this.#nextDoubtful(); next !== null; next = this.#nextDoubtful()) {
      const stored = await this.#deps.store.findComando(next.row.id);
      if (this.#doubtful.get(next.row.id) !== next) continue;
      this.#doubtful.delete(next.row.id);
      if (stored !== null && next.triedMs.includes(stored.timestampMs)) this.#deps.apply(next.row);
    }
  }

  #nextDoubtful(): Doubtful | null {
    for (const one of this.#doubtful.values()) return one;
    return null;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    // whoever calls in the same turn goes along
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      try {
        await this.#commit(batch);
      } catch (error) {
        if (isTransient(error)) {
          // O4: these were never sent, and their callers know it
          const behind = this.#waiting.splice(0);
          for (const { reject } of [...batch, ...behind]) reject(error);
        } else if (batch.length === 1) batch[0]!.reject(error);
        // one command that the store will not have must not take the others along
        else await this.#eachAlone(batch);
      }
    }
    this.#isWorking = false;
  }

  async #eachAlone(batch: readonly Waiting[]): Promise<void> {
    for (const one of batch) {
      try {
        await this.#commit([one]);
      } catch (error) {
        one.reject(error);
      }
    }
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    // The next epoch may be sealed before the effects are applied (it waits for this very commit), the one after it cannot: the store
    // writes one thing after another. Said one too late, an effect is applied again after a restart, which is harmless (door.ts U2).
    const epoca = this.#deps.nextEpoca() + 1;
    const commits = batch.map(({ row, alertaChange }): ComandoCommit => ({
      row: { ...row, epoca },
      ...(alertaChange === undefined ? {} : { alertaChange }),
    }));
    this.#epoca = epoca;
    try {
      const results = await this.#deps.store.commitComandos(commits);
      this.batches++;
      if (this.#doubtful.size > 0) await this.settle();
      for (const [k, one] of batch.entries()) this.#conclude(one, commits[k]!.row, results[k]!);
    } catch (error) {
      // nobody knows whether they are in
      if (isTransient(error)) for (const { row } of commits) this.#doubt(row);
      throw error;
    } finally {
      this.#epoca = Infinity;
    }
  }

  #conclude(one: Waiting, row: ComandoRow, result: ComandoResult): void {
    try {
      if (result.first) {
        this.#deps.apply(row);
        this.committed++;
      }
      one.resolve(result);
    } catch (error) {
      one.reject(error);
    }
  }

  #doubt(row: ComandoRow): void {
    const known = this.#doubtful.get(row.id);
    if (known !== undefined) known.triedMs.push(row.timestampMs);
    else this.#doubtful.set(row.id, { row, triedMs: [row.timestampMs] });
    if (this.#doubtful.size > DOUBTFUL_MAX) this.#doubtful.delete(this.#doubtful.keys().next().value!);
  }
}
