/**
 * Epochs: every so often all that changed becomes one transaction (design: the state, the positions of the sources and the alerts
 * commit together, so that after a crash a replay from the last epoch acts on every acknowledged lectura exactly once).
 *
 *   quiet the doors -> drain inboxes -> seal (synchronous: the cut) -> open the doors -> encode and commit while the swarm goes on
 *
 * T1 At the cut, what sources and journal have delivered is exactly what state and inboxes hold; positions are taken there.
 * T2 Sealing copies nothing: each changed bloque is held, and encodes itself before its next change or when the commit gets to it.
 *    Mensajes are encoded beside it by whoever does that best (epoch-mensajes.ts).
 * T3 One epoch is under way at a time; it is tried again until it is in or CoreC stops, the bytes kept. Meanwhile doors take in until
 *    the bound on what waits is reached, then refuse.
 * T4 A second commit of the same number is harmless (store S2).
 * T5 An epoch that is given up is the last: what it held is in no later one, so a later one would leave a gap in the state.
 * T6 A command that rides along is in the epoch that holds what it did: `ride` is called in the same step.
 * T7 What must be asked of the store before a cut (the state that a failed run is to give way to, whether a command is in whose answer
 *    was lost) is asked until it answers, the doors open in between: a cut without it could not be mended later, and an epoch would
 *    not get in now either.
 */
import type { BloqueSimbiotico, BloqueVitals } from '#domain/bloque/bloque.ts';
import { CoreCError, isTransient, messageOf } from '#domain/errors.ts';
import type { Say } from '#domain/texts/text.ts';
import type { BloqueRow, BloqueStore, ComandoRow, EpochCommit, EstadoClase, EstadoRow } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaHub } from './alertas.ts';
import { EpochMemory } from './epoch-memory.ts';
import type { EpochMensajes, MensajePart } from './epoch-mensajes.ts';
import type { Swarm } from './swarm.ts';

/** A bloque whose fitness has moved by this much since its last row gets a new one. */
const FITNESS_MOVED = 0.05;
/** A bloque that stores no mensajes and does not change still shows that it lives. */
const ROW_AT_LEAST_MS = 600_000;
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 5_000;

export interface EpochDeps {
  readonly store: BloqueStore;
  readonly swarm: Swarm;
  readonly alertas: AlertaHub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  /** An error in words. */
  readonly describe: (error: unknown) => string;
  readonly codec: string;
  readonly mensajes: EpochMensajes;
  /**
   * Closes the doors and drains; resolves when T1 holds and nothing is between door and inbox. Rejects, the doors open, when the store
   * does not answer (T7).
   */
  readonly quiet: () => Promise<void>;
  /** False: something has come about since `quiet` for which an epoch of this number must wait. */
  readonly isQuiet: (epoca: number) => boolean;
  /** Opens the doors again. */
  readonly open: () => void;
  /** State of everything that is no bloque: nucleus, sources, batches. Called at the cut. */
  readonly sealOthers: (epoca: number) => SealedOthers;
  /** Rows for the record that ask for no epoch of their own. Called at the cut. */
  readonly records: (epoca: number) => readonly Omit<ComandoRow, 'epoca'>[];
  /** What `records` gave last is in. */
  readonly recorded: () => void;
  /** True when an epoch must hold the bloque again. Called at the cut. */
  readonly changed: (bloque: BloqueSimbiotico) => boolean;
  /** Inbox and episodios of a bloque, whichever changed. Called at the cut. */
  readonly sealBloque: (bloque: BloqueSimbiotico) => {
    readonly rows: readonly EstadoRow[];
    readonly deleted: readonly EstadoClase[];
  };
  /** Columns, and the claves if they changed. Called before the next change of the bloque's columns; `vitals` are those of the cut. */
  readonly encodeBloque: (
    bloque: BloqueSimbiotico,
    vitals: BloqueVitals,
    take: (length: number) => Uint8Array,
  ) => { readonly rows: readonly EstadoRow[] };
  /** A commit came through, or did not: for whoever watches the store. */
  readonly answered: () => void;
  readonly failed: (found: string) => void;
  /** What is durable now: the journal may forget up to seq. */
  readonly committed: (seq: number) => Promise<void>;
  /** An epoch was given up (T5). */
  readonly lost: (error: unknown) => void;
}

export interface SealedOthers {
  readonly estado: readonly EstadoRow[];
  readonly deleted: readonly { readonly clase: EstadoClase; readonly id: string }[];
  /** Newest journal record whose lecturas are in. */
  readonly seq: number;
}

interface SealedBloque extends MensajePart {
  readonly dirty: boolean;
  readonly vitals: BloqueVitals;
  readonly others: readonly EstadoRow[];
  /** Columns and claves, when they are encoded. */
  rows: readonly EstadoRow[] | null;
}

interface LastRow {
  fitness: number;
  ms: number;
}

export class Epochs {
  /** Number of the newest committed epoch. */
  committed: number;
  /** Duration of the last epoch from cut to commit, ms. */
  lastMs = 0;
  lastBytes = 0;
  committedAtMs = 0;
  /** Commits that did not come through, since the start. */
  failures = 0;
  /** What keeps it from committing; empty when nothing does. */
  problem = '';

  readonly #deps: EpochDeps;
  readonly #lastRows = new Map<BloqueSimbiotico, LastRow>();
  readonly #memory = new EpochMemory();
  readonly #take = (length: number): Uint8Array => this.#memory.take(length);
  #running: Promise<void> | null = null;
  #stopAtMs = Infinity;
  #sealed: number;
  #riding: Omit<ComandoRow, 'epoca'>[] = [];
  /** The commit that whoever rides next waits for; null when none is asked for since the last cut. */
  #boarding: Promise<void> | null = null;
  #lost: { readonly error: unknown } | null = null;

  constructor(deps: EpochDeps, committed: number) {
    this.#deps = deps;
    this.committed = committed;
    this.#sealed = committed;
    this.committedAtMs = deps.clock.nowMs();
  }

  /** Number of the first epoch that will hold a change made now. */
  get next(): number {
    return this.#sealed + 1;
  }

  get busy(): boolean {
    return this.#running !== null;
  }

  /** Gives an epoch that cannot get in so much longer; what it holds is then left to the journal and the sources. */
  stopWithin(ms: number): void {
    this.#stopAtMs = this.#deps.clock.monotonicMs() + ms;
  }

  /** Runs an epoch now, or joins the one under way and then runs another, so that everything before the call is durable after it. */
  async commit(scheduledMs: number = this.#deps.clock.nowMs()): Promise<void> {
    while (this.#running !== null) await this.#running;
    if (this.#lost !== null) throw this.#lost.error;
    const run = this.#run(scheduledMs);
    // the waiting line must not see its failure, the caller must
    this.#running = run.then(
      () => {
        this.#running = null;
      },
      () => {
        this.#running = null;
      },
    );
    await run;
  }

  /** T6. Resolves when the command is stored with its effect; as many as come before the cut share it. */
  ride(row: Omit<ComandoRow, 'epoca'>): Promise<void> {
    this.#riding.push(row);
    this.#boarding ??= this.commit();
    return this.#boarding;
  }

  async #run(scheduledMs: number): Promise<void> {
    const deps = this.#deps;
    try {
      await this.#untilQuiet();
    } catch (error) {
      // whoever rode along is told by this very promise
      this.#riding = [];
      this.#boarding = null;
      throw error;
    }
    let commit: EpochCommit;
    let seq: number;
    const cutMs = deps.clock.monotonicMs();
    try {
      const sealed = this.#seal(scheduledMs);
      commit = sealed.commit;
      seq = sealed.seq;
    } finally {
      deps.open();
    }
    try {
      await this.#commitUntilIn(commit);
    } catch (error) {
      this.#lost = { error };
      deps.lost(error);
      throw error;
    }
    this.#memory.reset();
    this.committed = commit.epoca;
    this.committedAtMs = deps.clock.nowMs();
    this.lastMs = deps.clock.monotonicMs() - cutMs;
    deps.alertas.saved();
    deps.recorded();
    await deps.committed(seq);
  }

  /** Resolves with the doors shut and everything ready for the cut (T7). */
  async #untilQuiet(): Promise<void> {
    const { quiet, isQuiet, open, clock } = this.#deps;
    for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(RETRY_MS_MAX, waitMs * 2)) {
      try {
        await quiet();
        if (isQuiet(this.next)) return;
        open();
      } catch (error) {
        this.#tell(error, this.next);
        if (!isTransient(error) || clock.monotonicMs() >= this.#stopAtMs) throw error;
      }
      if (clock.monotonicMs() >= this.#stopAtMs)
        throw new CoreCError('COREC_E_BUSY', {
          what: 'CoreC',
          found: 'what an epoch must wait for does not end',
          seconds: 1,
        });
      await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
    }
  }

  #tell(error: unknown, epoca: number): void {
    if (this.problem === '') this.#deps.logger.warn('Persistencia', this.#deps.describe(error), { epoca });
    this.problem = messageOf(error);
  }

  /** The cut: synchronous, nothing runs meanwhile. */
  #seal(scheduledMs: number): { commit: EpochCommit; seq: number } {
    const deps = this.#deps;
    const epoca = ++this.#sealed;
    const comandos = [...this.#riding, ...deps.records(epoca)].map((row): ComandoRow => ({ ...row, epoca }));
    this.#riding = [];
    this.#boarding = null;
    const sealed: SealedBloque[] = [];
    const deleted: { clase: EstadoClase; id: string }[] = [];
    for (const bloque of deps.swarm.bloques) {
      const dirty = bloque.options.procesador.procesador.checkpoint && deps.changed(bloque);
      bloque.dirty = false;
      const row = !bloque.pending.empty || this.#rowDue(bloque, scheduledMs);
      if (!dirty && !row) continue;
      let others: readonly EstadoRow[] = [];
      if (dirty) {
        const seal = deps.sealBloque(bloque);
        others = seal.rows;
        for (const clase of seal.deleted) deleted.push({ clase, id: bloque.id });
      }
      const entry: SealedBloque = {
        bloque,
        dirty,
        row,
        vitals: bloque.vitals(),
        others,
        rows: null,
        mensajes: null,
        state: 'waits',
      };
      sealed.push(entry);
      bloque.hold(() => {
        this.#encodeColumns(entry);
        deps.mensajes.take(entry);
      });
      if (row) this.#lastRows.set(bloque, { fitness: bloque.fitness, ms: scheduledMs });
    }
    deps.mensajes.begin(sealed);
    const sealedOthers = deps.sealOthers(epoca);
    deleted.push(...sealedOthers.deleted);
    const { seq } = sealedOthers;
    const alertas = deps.alertas.takeRows();
    const encodeColumns = (entry: SealedBloque): readonly EstadoRow[] => this.#encodeColumns(entry);
    const commit: EpochCommit = {
      epoca,
      scheduledMs,
      comandos,
      alertas,
      estadoDeleted: deleted,
      estado: {
        *[Symbol.iterator](): Generator<EstadoRow> {
          yield* sealedOthers.estado;
          for (const entry of sealed) {
            if (!entry.dirty) continue;
            yield* encodeColumns(entry);
            yield* entry.others;
          }
        },
      },
      bloques: {
        async *[Symbol.asyncIterator](): AsyncGenerator<BloqueRow> {
          for (const entry of sealed) {
            if (!entry.row) continue;
            deps.mensajes.take(entry);
            if (entry.state !== 'in') await entry.state;
            yield {
              id: entry.bloque.id,
              canal: entry.bloque.canal,
              numEntidades: entry.bloque.entidades,
              fitness: entry.vitals.fitness,
              timestampS: scheduledMs / 1000,
              mensajes: entry.mensajes,
              codec: entry.mensajes === null ? null : deps.codec,
            };
          }
        },
      },
    };
    return { commit, seq };
  }

  #rowDue(bloque: BloqueSimbiotico, nowMs: number): boolean {
    const last = this.#lastRows.get(bloque);
    if (last === undefined) return true;
    return nowMs - last.ms >= ROW_AT_LEAST_MS || Math.abs(bloque.fitness - last.fitness) > FITNESS_MOVED;
  }

  #encodeColumns(entry: SealedBloque): readonly EstadoRow[] {
    entry.rows ??= entry.dirty ? this.#deps.encodeBloque(entry.bloque, entry.vitals, this.#take).rows : [];
    return entry.rows;
  }

  async #commitUntilIn(commit: EpochCommit): Promise<void> {
    const { store, clock, logger } = this.#deps;
    let waitMs = RETRY_MS_MIN;
    for (;;) {
      try {
        const result = await store.commitEpoch(commit);
        this.lastBytes = result.bytes;
        if (this.problem !== '') logger.info('Persistencia', this.#deps.say('log.epoch_back'), { epoca: commit.epoca });
        this.problem = '';
        this.#deps.answered();
        return;
      } catch (error) {
        this.failures++;
        this.#tell(error, commit.epoca);
        if (isTransient(error)) this.#deps.failed(messageOf(error));
        if (!isTransient(error) || clock.monotonicMs() >= this.#stopAtMs) throw error;
        await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
        waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
      }
    }
  }
}
