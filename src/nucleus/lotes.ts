/**
 * The push door: a batch of rows (a lote) is acknowledged once it is in the journal, and acts once however often it is sent.
 *
 * Owns: lote ids, the order of delivery, refusals. Leaves parsing to domain/mapeo, the bytes on disk to the journal.
 *
 *   known id? -> mapping resolved -> room? -> journal (fsync) -> delivered in order of seq -> answer
 *                                      |
 *                                      +- none, since the store is away -> journal -> answer `aplazado`
 *                                         and, when there is room again, delivered from the journal (V4)
 *
 * V1 Lotes are delivered in order of seq, each whole inside the gate; an epoch notes the last seq delivered, and recovery replays
 *    from there. Parsing is a function of the record alone, so a replay gives the same lecturas.
 * V2 A lote that cannot be delivered (no room) is refused before it is journalled; once journalled it is delivered whole.
 * V3 An id is remembered for as long as `idsMax` later ones have not pushed it out; ids are part of every epoch.
 * V4 While lotes wait in the journal, none is delivered before them: new ones join them as long as the store is away, and are refused
 *    for the moment of catching up. At a stop they are left to the next start, which replays them.
 */
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Journal, JournalRecord } from '#ports/journal.ts';
import type { LoteInput, LoteResult } from '#ports/nucleus-api.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Entrada } from './swarm.ts';
import type { Gate } from './gate.ts';
import type { OutageWatch } from './outage-watch.ts';

/** Ids remembered. A door that sends 100 lotes a second is covered for half an hour. */
const IDS_MAX = 200_000;
/** Lotes between journal and swarm; each holds its body in memory. */
const IN_FLIGHT_MAX = 64;
/** Of appends: the disk's fault. */
const BROKEN_CODES: ReadonlySet<string> = new Set(['COREC_E_DISK_FULL', 'COREC_E_JOURNAL']);
/** How often it is looked whether what waits in the journal may go on, ms. */
const CATCH_UP_LOOK_MS = 50;

/** A lote whose mapping is settled: what the journal keeps in its header. */
export interface ResolvedLote {
  readonly bloque: string;
  readonly mapeo: string;
}

export interface LotesDeps {
  readonly journal: Journal;
  /** Told of each append, whether it came through. */
  readonly watch: Pick<OutageWatch, 'answered' | 'failed'>;
  readonly gate: Gate;
  readonly clock: Clock;
  /** The entry to feed, made when it is not there. Errors: COREC_E_NOT_FOUND, COREC_E_LIMIT. */
  readonly entrada: (id: string, procesador: string | null) => Promise<Entrada>;
  /** Settles the mapping from what was asked and the body itself. Errors: COREC_E_MAPPING, COREC_E_BODY. */
  readonly resolve: (lote: LoteInput) => string;
  /** Parses and delivers in steps; resolves to counts. Never throws for bad rows. */
  readonly deliver: (
    entrada: Entrada,
    mapeo: string,
    body: Uint8Array,
    where: string,
    arrivalMs: number,
  ) => Promise<{ readonly lecturas: number; readonly refused: Readonly<Record<string, number>> }>;
  /** Why nothing can be delivered now, or null. */
  readonly held: () => Held | null;
  readonly logger: Logger;
  readonly say: Say;
  readonly describe: (error: unknown) => string;
  /** The journal cannot be read any more: what was acknowledged is in danger. */
  readonly lost: (error: unknown) => void;
}

export interface Held {
  readonly why: string;
  /** It will pass, and the journal may keep what comes until then. */
  readonly deferrable: boolean;
}

/** One remembered lote as an epoch keeps it. */
export type LoteId = readonly [id: string, lecturas: number, seq: number];

interface Known {
  readonly lecturas: number;
  readonly seq: number;
}

export class Lotes {
  /** Newest seq whose lecturas are in the swarm. */
  delivered = 0;
  taken = 0;
  repeated = 0;
  refusedFull = 0;
  /** Acknowledged when they were in the journal alone. */
  deferred = 0;

  readonly #deps: LotesDeps;
  readonly #ids = new Map<string, Known>();
  readonly #underway = new Map<string, Promise<LoteResult>>();
  readonly #rows: { readonly epoca: number; readonly count: number }[] = [];
  #fresh: LoteId[] = [];
  #line: Promise<unknown> = Promise.resolve();
  #catchingUp: Promise<void> = Promise.resolve();
  #inFlight = 0;
  /** True from the first deferred lote until the journal is caught up (V4). */
  #isBehind = false;
  #deferring = 0;
  readonly #deferredIds = new Map<string, number>();
  #stopped = false;
  readonly #settledWaiters: (() => void)[] = [];

  constructor(deps: LotesDeps) {
    this.#deps = deps;
  }

  /** Lotes in the journal that are not delivered yet. */
  get waiting(): number {
    return this.#isBehind ? Math.max(0, this.#deps.journal.stats().lastSeq - this.delivered) : 0;
  }

  /** True while lotes that were taken are delivered from the journal. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** What epochs kept, oldest first. */
  restore(delivered: number, rows: readonly { readonly epoca: number; readonly ids: readonly LoteId[] }[]): void {
    this.delivered = delivered;
    for (const { epoca, ids } of rows) {
      this.#rows.push({ epoca, count: ids.length });
      for (const [id, lecturas, seq] of ids) this.#ids.set(id, { lecturas, seq });
    }
  }

  /** The ids since the last epoch as one row of this one, and rows whose ids are all forgotten (V3). */
  seal(epoca: number): { readonly ids: readonly LoteId[]; readonly forgotten: readonly number[] } {
    const ids = this.#fresh;
    this.#fresh = [];
    if (ids.length > 0) this.#rows.push({ epoca, count: ids.length });
    const forgotten: number[] = [];
    let kept = this.#rows.reduce((sum, row) => sum + row.count, 0);
    while (this.#rows.length > 1 && kept - this.#rows[0]!.count >= IDS_MAX) {
      const row = this.#rows.shift()!;
      kept -= row.count;
      forgotten.push(row.epoca);
    }
    return { ids, forgotten };
  }

  async take(lote: LoteInput): Promise<LoteResult> {
    const { loteId } = lote;
    if (loteId === null) return this.#takeNew(lote);
    const known = this.#ids.get(loteId);
    if (known !== undefined) {
      this.repeated++;
      return { lecturas: known.lecturas, refused: {}, repetido: true, seq: known.seq };
    }
    const waits = this.#deferredIds.get(loteId);
    if (waits !== undefined) {
      this.repeated++;
      return { lecturas: 0, refused: {}, repetido: true, seq: waits, aplazado: true };
    }
    const underway = this.#underway.get(loteId);
    if (underway !== undefined) return { ...(await underway), repetido: true };
    const promise = this.#takeNew(lote);
    this.#underway.set(loteId, promise);
    try {
      return await promise;
    } finally {
      this.#underway.delete(loteId);
    }
  }

  /** Delivers what the journal holds and no epoch does. Returns records replayed. */
  async replay(onRecord: (done: number) => void): Promise<number> {
    let count = 0;
    for await (const record of this.#deps.journal.replay(this.delivered)) {
      await this.#deliver(record);
      onRecord(++count);
    }
    return count;
  }

  /** Resolves when every lote taken so far has its answer; those that wait in the journal stay there (V4). */
  async settled(): Promise<void> {
    this.#stopped = true;
    await this.#catchingUp;
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#settledWaiters.push(resolve));
  }

  async #takeNew(lote: LoteInput): Promise<LoteResult> {
    const { clock, held } = this.#deps;
    // first: a body that cannot be read must not leave an entry behind that nobody asked for
    const mapeo = this.#deps.resolve(lote);
    const entrada = await this.#deps.entrada(lote.bloque, lote.procesador ?? null);
    if (entrada.artificial) {
      throw new CoreCError('COREC_E_BODY', {
        found: `bloque ${entrada.id}, whose entidades are artificial`,
        expected: 'a bloque that takes lecturas',
      });
    }
    if (this.#inFlight >= IN_FLIGHT_MAX) throw this.#refuse(entrada);
    const why = held();
    const defer = why?.deferrable ?? false;
    if (!defer && why !== null) {
      this.refusedFull++;
      throw new CoreCError('COREC_E_BUSY', { what: 'CoreC', found: why.why, seconds: 2 });
    }
    if (!defer && this.#isBehind) {
      this.refusedFull++;
      throw new CoreCError('COREC_E_BUSY', {
        what: 'CoreC',
        found: `${this.waiting} lotes of the journal go first`,
        seconds: 1,
      });
    }
    // nor can it wait in the journal for an entry that does not drain
    if (entrada.blocked) throw this.#refuse(entrada);
    const header = {
      puerta: lote.puerta,
      bloque: lote.bloque,
      procesador: lote.procesador ?? null,
      mapeo,
      lote: lote.loteId,
    };
    if (defer) return this.#defer(header, lote);
    this.#inFlight++;
    try {
      const tsMs = clock.nowMs();
      const seq = await this.#append(header, lote.body, tsMs);
      // appends resolve in order of seq, and the line keeps that order (V1)
      const turn = this.#line.then(() => this.#deliver({ seq, tsMs, header, body: lote.body }));
      this.#line = turn.catch(() => {});
      const { lecturas, refused } = await turn;
      this.taken++;
      return { lecturas, refused, repetido: false, seq };
    } finally {
      this.#landed();
    }
  }

  async #append(header: JournalRecord['header'], body: Uint8Array, tsMs: number): Promise<number> {
    const { journal, watch, describe } = this.#deps;
    try {
      const seq = await journal.append(header, body, tsMs);
      watch.answered();
      return seq;
    } catch (error) {
      // full of what waits for an epoch, or closed, is not broken
      if (error instanceof CoreCError && BROKEN_CODES.has(error.code)) watch.failed(describe(error));
      throw error;
    }
  }

  #refuse(entrada: Entrada): CoreCError {
    this.refusedFull++;
    return new CoreCError('COREC_E_INBOX_FULL', { bloque: entrada.id, limit: entrada.config.inbox_max, seconds: 1 });
  }

  /** V4. */
  async #defer(header: JournalRecord['header'], { body, loteId }: LoteInput): Promise<LoteResult> {
    const { clock, logger, say } = this.#deps;
    if (!this.#isBehind) logger.warn('Persistencia', say('log.lotes_waiting'));
    const begins = !this.#isBehind;
    this.#isBehind = true;
    this.#inFlight++;
    this.#deferring++;
    try {
      const seq = await this.#append(header, body, clock.nowMs());
      this.taken++;
      this.deferred++;
      if (loteId !== null && this.#deferredIds.size < IDS_MAX) this.#deferredIds.set(loteId, seq);
      return { lecturas: 0, refused: {}, repetido: false, seq, aplazado: true };
    } finally {
      this.#deferring--;
      this.#landed();
      if (begins) this.#catchingUp = this.#catchUp();
    }
  }

  /** Delivers what waits in the journal, whenever there is room for it, until nothing does. Never rejects. */
  async #catchUp(): Promise<void> {
    const { journal, clock, held, logger, say, describe, lost } = this.#deps;
    const fromSeq = this.delivered;
    try {
      while (!this.#stopped) {
        // what was taken before goes first
        await this.#line;
        if (this.#deferring === 0 && this.delivered >= journal.stats().lastSeq) {
          this.#isBehind = false;
          this.#deferredIds.clear();
          logger.info('Persistencia', say('log.lotes_caught_up'), { lotes: this.delivered - fromSeq });
          return;
        }
        if (held() === null) {
          for await (const record of journal.replay(this.delivered)) {
            try {
              await this.#deliver(record);
            } catch (error) {
              logger.error('Persistencia', say('log.lote_undeliverable', { error: describe(error) }), {
                seq: record.seq,
              });
              this.delivered = record.seq;
            }
            if (this.#stopped || held() !== null) break;
          }
        } else await new Promise<void>((resolve) => void clock.after(CATCH_UP_LOOK_MS, resolve));
      }
    } catch (error) {
      lost(error);
    }
  }

  #landed(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) for (const resolve of this.#settledWaiters.splice(0)) resolve();
  }

  async #deliver(record: JournalRecord): Promise<{ lecturas: number; refused: Readonly<Record<string, number>> }> {
    const { gate } = this.#deps;
    const loteId = record.header.lote;
    await gate.enter();
    try {
      // sent twice while the first was not yet journalled, or journalled twice by a client that gave up waiting
      if (typeof loteId === 'string' && this.#ids.has(loteId)) {
        this.delivered = record.seq;
        return { lecturas: this.#ids.get(loteId)!.lecturas, refused: {} };
      }
      const { procesador } = record.header;
      const entrada = await this.#deps.entrada(
        String(record.header.bloque),
        typeof procesador === 'string' ? procesador : null,
      );
      const result = await this.#deps.deliver(
        entrada,
        String(record.header.mapeo),
        record.body,
        `journal:${record.seq}`,
        record.tsMs,
      );
      this.delivered = record.seq;
      if (typeof loteId === 'string') this.#remember(loteId, { lecturas: result.lecturas, seq: record.seq });
      return result;
    } catch (error) {
      // that its bloque is left out, or its procesador's file gone, is for a person to mend
      if (error instanceof CoreCError && error.kind !== 'terminal') throw error;
      throw new CoreCError('COREC_E_INTERNAL', { found: `journal record ${record.seq}: ${messageOf(error)}` }, error);
    } finally {
      gate.leave();
    }
  }

  #remember(id: string, known: Known): void {
    this.#ids.set(id, known);
    this.#fresh.push([id, known.lecturas, known.seq]);
    if (this.#ids.size <= IDS_MAX) return;
    const oldest = this.#ids.keys().next().value;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}
