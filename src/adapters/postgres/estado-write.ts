/**
 * Writes the state of an epoch, inside the epoch's transaction.
 *
 * A plain upsert would leave a dead copy of nearly everything behind each epoch, to be logged, vacuumed and written again. So the
 * classes that every epoch rewrites live in two tables in turns (tramos 1 and 2): the epoch empties the spare one, copies its rows
 * into it and empties the other. PostgreSQL gives an emptied table a new file and, where nobody replicates (the embedded server),
 * writes and syncs that file instead of logging it; the old one is gone at the commit, with nothing to vacuum.
 * 1,000 values of 28 kB: about 100 ms, against 240 to 370 ms for upserts (measured, PostgreSQL and Node on 2 cores).
 *
 * W1 After every commit each (clase, id) is stored once: what an epoch replaces or deletes is removed by the same transaction.
 * W2 A table is emptied only under a lock that is free at once; with a reader or a backup in it rows are deleted one by one instead.
 * W3 Few rows (below LANE_BYTES) go the simple way: copied in, their predecessors deleted.
 *
 * Rows come in any order and may be produced lazily; those that do not go where the open COPY goes wait, LANE_BYTES at most.
 */
import type pg from 'pg';
import { CoreCError } from '#domain/errors.ts';
import type { EstadoClase, EstadoRow } from '#ports/bloque-store.ts';
import { CopyWriter } from './copy-write.ts';
import type { InstanceTables } from './names.ts';
import { fillSql, quoteName } from './sql.ts';
import { sqlStateOf } from './store-error.ts';

/** What nearly every epoch rewrites as a whole, or is small beside that. */
const REWRITTEN: ReadonlySet<EstadoClase> = new Set<EstadoClase>(['columnas', 'inbox', 'episodios']);
const LANE_BYTES = 1024 * 1024;
/** One row a page of 8 kB: 8,160 bytes, less the row's header, fixed columns, lengths and padding. Half of it was 20 % slower. */
const ROW_BYTES = 8160 - 72;
const PIECE_BYTES_MIN = 1024;
const NAME_UNITS_MAX = 4096;
const FIXED_BYTES = 8 * 4 + 8 + 4 + 4 + 2;

type Tramo = 0 | 1 | 2;

interface Lane {
  readonly held: EstadoRow[];
  heldBytes: number;
  target: Tramo | null;
  /** The target was emptied by this transaction. */
  fresh: boolean;
}

interface Keys {
  readonly clases: string[];
  readonly ids: string[];
}

export class EstadoWriter {
  readonly #client: pg.ClientBase;
  readonly #tables: InstanceTables;
  readonly #instanceId: string;
  readonly #epoca: number;
  readonly #seen = new Set<string>();
  /** Written or deleted by this epoch, by lane: 0 seldom, 1 rewritten. */
  readonly #keys: readonly [Keys, Keys] = [makeKeys(), makeKeys()];
  readonly #lanes: readonly [Lane, Lane] = [makeLane(), makeLane()];
  #copy: { readonly lane: Lane; readonly writer: CopyWriter } | null = null;
  #rewrittenBytes = 0;
  bytes = 0;

  constructor(client: pg.ClientBase, tables: InstanceTables, instanceId: string, epoca: number) {
    this.#client = client;
    this.#tables = tables;
    this.#instanceId = instanceId;
    this.#epoca = epoca;
  }

  async write(
    rows: Iterable<EstadoRow>,
    deleted: Iterable<{ readonly clase: EstadoClase; readonly id: string }>,
  ): Promise<void> {
    for (const row of rows) {
      const which = this.#note(row);
      const lane = this.#lanes[which];
      if (this.#copy?.lane === lane) {
        const wait = this.#writeRow(row);
        if (wait) await wait;
        continue;
      }
      lane.held.push(row);
      lane.heldBytes += row.datos.length;
      if (lane.heldBytes >= LANE_BYTES) await this.#openLane(lane);
    }
    for (const { clase, id } of deleted) {
      const keys = this.#keys[REWRITTEN.has(clase) ? 1 : 0];
      keys.clases.push(clase);
      keys.ids.push(id);
    }
    for (const lane of this.#lanes) if (lane.held.length > 0) await this.#openLane(lane);
    await this.#closeCopy();
    await this.#removeSeldom();
    await this.#removeRewritten();
  }

  #note({ clase, id, datos }: EstadoRow): 0 | 1 {
    const key = `${clase}\0${id}`;
    if (this.#seen.has(key)) {
      throw new CoreCError('COREC_E_INTERNAL', {
        found: `epoch ${this.#epoca} holds the estado row ${clase} ${id} twice`,
      });
    }
    if (key.length > NAME_UNITS_MAX)
      throw new CoreCError('COREC_E_INTERNAL', { found: `an estado id of ${id.length} characters` });
    this.#seen.add(key);
    const which = REWRITTEN.has(clase) ? 1 : 0;
    this.#keys[which].clases.push(clase);
    this.#keys[which].ids.push(id);
    this.bytes += datos.length;
    if (which === 1) this.#rewrittenBytes += datos.length;
    return which;
  }

  async #openLane(lane: Lane): Promise<void> {
    await this.#closeCopy();
    if (lane.target === null) await this.#chooseTarget(lane);
    const statement = fillSql('copy-estado', {
      table: this.#name(lane.target!),
      // Rows of a table that this transaction emptied need no later look at who wrote them.
      options: lane.fresh ? ', FREEZE' : '',
    });
    this.#copy = { lane, writer: new CopyWriter(this.#client, statement) };
    for (const row of lane.held) {
      const wait = this.#writeRow(row);
      if (wait) await wait;
    }
    lane.held.length = 0;
    lane.heldBytes = 0;
  }

  async #closeCopy(): Promise<void> {
    const copy = this.#copy;
    this.#copy = null;
    await copy?.writer.finish();
  }

  async #chooseTarget(lane: Lane): Promise<void> {
    if (lane === this.#lanes[0]) {
      lane.target = 0;
      return;
    }
    const [filled1, filled2] = await this.#holdRows();
    const spare = filled1 ? (filled2 ? null : 2) : 1;
    if (spare !== null && lane.heldBytes >= LANE_BYTES) {
      lane.fresh = await this.#tryEmpty(spare);
      lane.target = spare;
    } else {
      lane.target = filled2 && !filled1 ? 2 : 1;
    }
  }

  #name(tramo: Tramo): string {
    return quoteName(this.#tables.tramos[tramo]);
  }

  async #holdRows(): Promise<[tramo1: boolean, tramo2: boolean]> {
    const { rows } = await this.#client.query<{ one: boolean; two: boolean }>(
      `SELECT EXISTS (SELECT FROM ${this.#name(1)}) AS one, EXISTS (SELECT FROM ${this.#name(2)}) AS two`,
    );
    return [rows[0]!.one, rows[0]!.two];
  }

  /** W2. False: somebody is reading it. */
  async #tryEmpty(tramo: Tramo, keepFirst: () => Promise<void> = () => Promise.resolve()): Promise<boolean> {
    await this.#client.query('SAVEPOINT emptying');
    try {
      await this.#client.query(`LOCK TABLE ${this.#name(tramo)} IN ACCESS EXCLUSIVE MODE NOWAIT`);
    } catch (error) {
      if (sqlStateOf(error) !== '55P03') throw error;
      await this.#client.query('ROLLBACK TO SAVEPOINT emptying');
      return false;
    }
    // What follows stands outside the savepoint, or COPY could not freeze.
    await this.#client.query('RELEASE SAVEPOINT emptying');
    await keepFirst();
    await this.#client.query(`TRUNCATE ${this.#name(tramo)}`);
    return true;
  }

  /** Pieces of equal length; an empty value is one empty piece. */
  #writeRow({ clase, id, datos }: EstadoRow): Promise<void> | undefined {
    const { writer, lane } = this.#copy!;
    const names = this.#instanceId.length + clase.length + id.length;
    const pieceMax = Math.max(PIECE_BYTES_MIN, ROW_BYTES - names);
    const partes = Math.max(1, Math.ceil(datos.length / pieceMax));
    const pieceBytes = Math.ceil(datos.length / partes);
    const rowBytes = FIXED_BYTES + 3 * names + pieceBytes;
    for (let parte = 0; parte < partes; parte++) {
      const wait = writer.row(8, rowBytes);
      if (wait) return wait.then(() => this.#writePieces(parte, partes, pieceBytes, rowBytes, clase, id, datos));
      this.#writePiece(writer, lane.target!, parte, partes, clase, id, datos, pieceBytes);
    }
    return undefined;
  }

  /** The rest of a value, its row begun, after a wait for the server. */
  async #writePieces(
    first: number,
    partes: number,
    pieceBytes: number,
    rowBytes: number,
    clase: string,
    id: string,
    datos: Uint8Array,
  ): Promise<void> {
    const { writer, lane } = this.#copy!;
    for (let parte = first; parte < partes; parte++) {
      if (parte > first) await writer.row(8, rowBytes);
      this.#writePiece(writer, lane.target!, parte, partes, clase, id, datos, pieceBytes);
    }
  }

  #writePiece(
    writer: CopyWriter,
    tramo: Tramo,
    parte: number,
    partes: number,
    clase: string,
    id: string,
    datos: Uint8Array,
    pieceBytes: number,
  ): void {
    writer.int8(this.#epoca);
    writer.int4(parte);
    writer.int4(partes);
    writer.int2(tramo);
    writer.text(this.#instanceId);
    writer.text(clase);
    writer.text(id);
    void writer.bytea(datos.subarray(parte * pieceBytes, (parte + 1) * pieceBytes));
  }

  async #removeSeldom(): Promise<void> {
    await this.#delete(0, this.#keys[0]);
  }

  /** W1 for tramos 1 and 2. */
  async #removeRewritten(): Promise<void> {
    const keys = this.#keys[1];
    if (keys.ids.length === 0) return;
    const { target, fresh } = this.#lanes[1];
    if (target === 0) throw new CoreCError('COREC_E_INTERNAL', { found: 'rewritten rows in tramo 0' });
    const other = target === 1 ? 2 : 1;
    if (target === null || !fresh) {
      await this.#delete(1, keys);
      await this.#delete(2, keys);
      // Both were in use; once one is empty the turns can begin again.
      if (target !== null && this.#rewrittenBytes >= LANE_BYTES && !(await this.#holdRows())[other - 1])
        await this.#tryEmpty(other);
      return;
    }
    const filas = await this.#countRest(other, keys);
    // Taking the rest along costs as much as writing it; more than the epoch itself is left where it is.
    const fits = filas * ROW_BYTES <= this.#rewrittenBytes;
    if (!fits || !(await this.#moveAll(other, target, filas, keys))) await this.#delete(other, keys);
  }

  /** Rows that no key of this epoch replaces. */
  async #countRest(tramo: Tramo, keys: Keys): Promise<number> {
    // Without statistics the planner would read the whole table; the key's index answers it in a tenth of the time.
    await this.#client.query('SET LOCAL enable_seqscan = off');
    const { rows } = await this.#client.query<{ filas: number }>(
      fillSql('rest-of-estado', { table: this.#name(tramo) }),
      [keys.clases, keys.ids],
    );
    await this.#client.query('SET LOCAL enable_seqscan = on');
    return rows[0]!.filas;
  }

  /** Only where the source can be emptied then. */
  #moveAll(from: Tramo, to: Tramo, filas: number, keys: Keys): Promise<boolean> {
    return this.#tryEmpty(from, async () => {
      if (filas === 0) return;
      const text = fillSql('move-estado', { source: this.#name(from), target: this.#name(to) });
      await this.#client.query(text, [keys.clases, keys.ids, to]);
    });
  }

  async #delete(tramo: Tramo, keys: Keys): Promise<void> {
    if (keys.ids.length === 0) return;
    await this.#client.query(fillSql('delete-estado', { table: this.#name(tramo) }), [
      keys.clases,
      keys.ids,
      this.#epoca,
    ]);
  }
}

function makeKeys(): Keys {
  return { clases: [], ids: [] };
}

function makeLane(): Lane {
  return { held: [], heldBytes: 0, target: null, fresh: false };
}
