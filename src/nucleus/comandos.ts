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
 * O3 A commit whose answer was lost may be in. When its command comes again and is found stored by just that commit, its effect is
 *    applied then: otherwise it would wait in the store for a restart.
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
  readonly store: Pick<BloqueStore, 'commitComandos'>;
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

export class Comandos {
  /** Stored and applied since the start, and the transactions that it took. */
  committed = 0;
  batches = 0;

  readonly #deps: ComandosDeps;
  #waiting: Waiting[] = [];
  #isWorking = false;
  /** By id, when commits were made of which nobody knows whether they are in. */
  readonly #doubtful = new Map<string, number[]>();

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
          this.#fail(batch, error);
          for (const { reject } of behind) reject(error);
        } else if (batch.length === 1) this.#fail(batch, error);
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
        this.#fail([one], error);
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
    const results = await this.#deps.store.commitComandos(commits);
    this.batches++;
    for (const [k, one] of batch.entries()) {
      const result = results[k]!;
      try {
        if (result.first || this.#wasOurs(one.row.id, result)) {
          this.#deps.apply(commits[k]!.row);
          this.committed++;
        }
        one.resolve(result);
      } catch (error) {
        one.reject(error);
      }
      this.#doubtful.delete(one.row.id);
    }
  }

  #wasOurs(id: string, { timestampMs }: ComandoResult): boolean {
    return this.#doubtful.get(id)?.includes(timestampMs) ?? false;
  }

  /** Rejects; after a failure that may pass the outcome is unknown (O3). */
  #fail(batch: readonly Waiting[], error: unknown): void {
    for (const { row, reject } of batch) {
      if (isTransient(error)) {
        const tries = this.#doubtful.get(row.id);
        if (tries === undefined) this.#doubtful.set(row.id, [row.timestampMs]);
        else tries.push(row.timestampMs);
        if (this.#doubtful.size > DOUBTFUL_MAX) this.#doubtful.delete(this.#doubtful.keys().next().value!);
      }
      reject(error);
    }
  }
}
