/**
 * What a simulated database holds: it outlives the instances, and changes by whole transactions only.
 *
 * Leaves connections, time and failures to sim-store.ts.
 */
import { CoreCError } from '#domain/errors.ts';
import { compileGlob } from '#domain/claves/glob.ts';
import type {
  AlertaChange,
  AlertaQuery,
  AlertaRow,
  BloqueRow,
  BloqueRowQuery,
  ComandoQuery,
  ComandoRow,
  EpochCommit,
  EstadoClase,
  EstadoRow,
  StoredAlerta,
} from '#ports/bloque-store.ts';

const DAY_MS = 86_400_000;
const ROW_BYTES = 200;

/** An epoch with everything that it gave lazily. */
export interface WholeEpoch {
  readonly epoca: number;
  readonly scheduledMs: number;
  readonly estado: readonly EstadoRow[];
  readonly deleted: readonly { readonly clase: EstadoClase; readonly id: string }[];
  readonly bloques: readonly BloqueRow[];
  readonly alertas: readonly AlertaRow[];
  readonly comandos: readonly ComandoRow[];
}

interface Acknowledged {
  readonly reconocidaMs: number;
  readonly reconocidaPor: string;
}

const encoder = new TextEncoder();
const plain = (text: string): string => text.replaceAll('\0', '\u2400');
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null') as unknown;

function matches(glob: string, text: string): boolean {
  const bytes = encoder.encode(text);
  // a backslash of the question stands for itself
  return compileGlob(plain(glob).replaceAll('\\', '\\\\')).matches(bytes, 0, bytes.length);
}

export class StoreDisk {
  epoca = 0;
  confirmedMs = 0;
  readonly estado = new Map<string, EstadoRow>();
  bloques: BloqueRow[] = [];
  readonly comandos: ComandoRow[] = [];
  /** Told of every epoch as it becomes durable. */
  onEpoch: (epoch: WholeEpoch, stored: readonly BloqueRow[]) => void = () => {};
  onComando: (row: ComandoRow) => void = () => {};

  readonly #alertas = new Map<string, AlertaRow>();
  readonly #storedMs = new Map<string, number>();
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #keys = new Set<string>();

  apply(epoch: WholeEpoch, nowMs: number): void {
    const seen = new Set<string>();
    for (const { clase, id } of epoch.estado) {
      const key = `${clase} ${id}`;
      if (seen.has(key)) {
        throw new CoreCError('COREC_E_STORE_REFUSED', { operation: `epoch ${epoch.epoca}`, found: `${key} twice` });
      }
      seen.add(key);
    }
    for (const row of epoch.estado) this.estado.set(`${row.clase} ${row.id}`, { ...row, datos: row.datos.slice() });
    for (const { clase, id } of epoch.deleted) {
      if (!seen.has(`${clase} ${id}`)) this.estado.delete(`${clase} ${id}`);
    }
    const stored = epoch.bloques.map((row) => this.#addBloque(row));
    for (const row of epoch.alertas) {
      this.#alertas.set(plain(row.id), { ...row, id: plain(row.id), clave: plain(row.clave) });
      this.#storedMs.set(plain(row.id), nowMs);
    }
    for (const row of epoch.comandos) this.addComando(row);
    this.epoca = epoch.epoca;
    this.confirmedMs = nowMs;
    this.onEpoch(epoch, stored);
  }

  /** False: its id is known. */
  addComando(row: ComandoRow, change?: AlertaChange): boolean {
    if (this.findComando(row.id) !== null) return false;
    const stored: ComandoRow = {
      ...row,
      id: plain(row.id),
      argumentos: asJson(row.argumentos),
      efecto: asJson(row.efecto),
      respuesta: asJson(row.respuesta),
    };
    this.comandos.push(stored);
    if (change !== undefined) this.#acknowledged.set(plain(change.id), change);
    this.onComando(stored);
    return true;
  }

  findComando(id: string): ComandoRow | null {
    return this.comandos.find((row) => row.id === plain(id)) ?? null;
  }

  comandosAfter(epoca: number): ComandoRow[] {
    return this.comandos.filter((row) => row.epoca > epoca);
  }

  queryComandos({ nombres, desdeMs = -Infinity, hastaMs = Infinity, desdeLugar, limit }: ComandoQuery): ComandoRow[] {
    return this.comandos
      .filter(
        ({ nombre, timestampMs: ms, id }) =>
          (nombres === undefined || nombres.includes(nombre)) &&
          ms >= desdeMs &&
          ms < hastaMs &&
          (desdeLugar === undefined || ms < desdeLugar.ms || (ms === desdeLugar.ms && id >= desdeLugar.id)),
      )
      .toSorted((a, b) => b.timestampMs - a.timestampMs || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  get alertas(): StoredAlerta[] {
    return [...this.#alertas.values()].map((row) => {
      const known = this.#acknowledged.get(row.id);
      return { ...row, reconocidaMs: known?.reconocidaMs ?? null, reconocidaPor: known?.reconocidaPor ?? null };
    });
  }

  queryAlertas(query: AlertaQuery): StoredAlerta[] {
    const { bloque, orden, desdeLugar } = query;
    // none of an open one counts in the order of ends
    const timeOf = (row: StoredAlerta): number => (orden === 'cierre' ? (row.cerradaMs ?? NaN) : row.abiertaMs);
    const { desdeMs = -Infinity, hastaMs = Infinity } = query;
    return this.alertas
      .filter(
        (row) =>
          (query.id === undefined || row.id.startsWith(plain(query.id))) &&
          (query.guardadaDesdeMs === undefined || this.#storedMs.get(row.id)! >= query.guardadaDesdeMs) &&
          (query.clave === undefined || matches(query.clave, row.clave)) &&
          (bloque === undefined || row.bloque === bloque || row.bloque.startsWith(`${bloque}/`)) &&
          (query.reglas === undefined || query.reglas.includes(row.regla)) &&
          (query.abiertas === undefined || query.abiertas === (row.cerradaMs === null)) &&
          timeOf(row) >= desdeMs &&
          timeOf(row) < hastaMs &&
          (desdeLugar === undefined ||
            timeOf(row) < desdeLugar.ms ||
            (timeOf(row) === desdeLugar.ms && row.id >= desdeLugar.id)),
      )
      .toSorted((a, b) => (orden === 'valor' ? b.valor - a.valor || b.abiertaMs - a.abiertaMs : timeOf(b) - timeOf(a)))
      .slice(0, query.limit);
  }

  queryBloques(query: BloqueRowQuery): BloqueRow[] {
    const { desdeMs = -Infinity, hastaMs = Infinity } = query;
    return this.bloques
      .filter((row) => {
        const ms = row.timestampS * 1000;
        return row.id === plain(query.bloque) && ms >= desdeMs && ms < hastaMs;
      })
      .toSorted((a, b) => b.timestampS - a.timestampS)
      .slice(0, query.limit)
      .map((row) => (query.conMensajes ? { ...row } : { ...row, mensajes: null }));
  }

  /** Whole months by age, then the oldest rows by bytes. */
  upkeep(nowMs: number, keepDays: number, keepBytes: number): { dropped: string[]; bytes: number } {
    const dropped: string[] = [];
    let bytes = 0;
    const drop = (gone: (row: BloqueRow) => boolean): void => {
      for (const row of this.bloques) if (gone(row)) bytes += sizeOf(row);
      this.bloques = this.bloques.filter((row) => !gone(row));
    };
    const oldestMs = nowMs - keepDays * DAY_MS;
    for (const month of new Set(this.bloques.map(monthOf).toSorted())) {
      if (monthEndMs(month) > oldestMs) continue;
      drop((row) => monthOf(row) === month);
      dropped.push(month);
    }
    let total = this.bloques.reduce((sum, row) => sum + sizeOf(row), 0);
    if (total > keepBytes) {
      for (const row of this.bloques.toSorted((a, b) => a.timestampS - b.timestampS)) {
        if (total <= keepBytes * 0.9) break;
        total -= sizeOf(row);
        drop((one) => one === row);
      }
      dropped.push('bloques by size');
    }
    let old = 0;
    for (const { id, cerradaMs } of this.alertas) {
      if (cerradaMs === null || this.#storedMs.get(id)! >= oldestMs) continue;
      this.#alertas.delete(id);
      old++;
    }
    if (old > 0) dropped.push(`${old} alertas`);
    return { dropped, bytes };
  }

  /** A row whose (id, canal, timestamp) is taken gets the next free millisecond. */
  #addBloque(row: BloqueRow): BloqueRow {
    let timestampS = row.timestampS;
    const key = (): string => `${row.id} ${row.canal} ${timestampS}`;
    while (this.#keys.has(key())) timestampS = (Math.round(timestampS * 1000) + 1) / 1000;
    this.#keys.add(key());
    const stored = { ...row, id: plain(row.id), timestampS, mensajes: row.mensajes?.slice() ?? null };
    this.bloques.push(stored);
    return stored;
  }
}

const sizeOf = (row: BloqueRow): number => ROW_BYTES + (row.mensajes?.length ?? 0);

function monthOf(row: BloqueRow): string {
  const date = new Date(row.timestampS * 1000);
  return `bloques_${date.getUTCFullYear()}_${String(date.getUTCMonth() + 1).padStart(2, '0')}`;
}

function monthEndMs(month: string): number {
  const [, year, number] = month.split('_').map(Number);
  return Date.UTC(year!, number, 1);
}

/** Everything that a commit gives, one by one, so that it can break off in the middle. */
export async function* partsOf(commit: EpochCommit): AsyncGenerator<['estado', EstadoRow] | ['bloque', BloqueRow]> {
  for (const row of commit.estado) yield ['estado', row];
  for await (const row of commit.bloques) yield ['bloque', row];
}
