/**
 * A BloqueStore over a StoreDisk, which keeps the port's promises (src/ports/bloque-store.ts, S1 to S4) and fails as a real one may:
 * away for a while, a connection that dies before or after its commit, a full disk, a refusal for good, slow answers.
 *
 * Writes go one after another, as over the one writing connection; questions go beside them. Whether a commit happened is decided at
 * one point in the middle: an instance that dies before it leaves nothing, one that dies after it leaves all.
 */
import { CoreCError } from '#domain/errors.ts';
import type {
  AlertaQuery,
  BloqueRow,
  BloqueRowQuery,
  BloqueStore,
  ComandoCommit,
  ComandoQuery,
  ComandoResult,
  ComandoRow,
  EpochCommit,
  EpochResult,
  EstadoClase,
  EstadoRow,
  StoredAlerta,
} from '#ports/bloque-store.ts';
import type { Host } from '../sim/host.ts';
import { partsOf, type StoreDisk } from './store-disk.ts';

const ROWS_A_BATCH = 4;

export class SimStore implements BloqueStore {
  readonly #disk: StoreDisk;
  readonly #host: Host;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #asking = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(disk: StoreDisk, host: Host) {
    this.#disk = disk;
    this.#host = host;
  }

  open(): Promise<void> {
    return this.#write('store open', () => Promise.resolve());
  }

  lastEpoch(): Promise<number> {
    return this.#ask('store lastEpoch', () => this.#disk.epoca);
  }

  async *loadEstado(clases: readonly EstadoClase[]): AsyncGenerator<readonly EstadoRow[]> {
    const rows = [...this.#disk.estado.values()].filter((row) => clases.includes(row.clase));
    for (let from = 0; from < rows.length; from += ROWS_A_BATCH) {
      const some = rows.slice(from, from + ROWS_A_BATCH);
      yield await this.#ask('store loadEstado', () => some.map((row) => ({ ...row, datos: row.datos.slice() })));
    }
  }

  readEstado(clase: EstadoClase, id: string): Promise<Uint8Array | null> {
    return this.#ask(`store readEstado ${clase}`, () => this.#disk.estado.get(`${clase} ${id}`)?.datos.slice() ?? null);
  }

  commitEpoch(commit: EpochCommit): Promise<EpochResult> {
    return this.#write(`store epoch ${commit.epoca}`, () => this.#commitEpoch(commit));
  }

  commitComandos(list: readonly ComandoCommit[]): Promise<readonly ComandoResult[]> {
    const names = list.map(({ row }) => `${row.nombre} ${row.id}`).join(', ');
    return this.#write(`store comandos ${names}`, async () => {
      this.#mayBreak('store_cut', `${names} is not in`);
      const results = list.map(({ row, alertaChange }): ComandoResult => {
        const first = this.#disk.addComando(row, alertaChange);
        const { respuesta, timestampMs } = this.#disk.findComando(row.id)!;
        return { first, respuesta, timestampMs };
      });
      await this.#host.passage('store comandos in');
      this.#mayBreak('store_answer_lost', `${names} is in`);
      return results;
    });
  }

  findComando(id: string): Promise<ComandoRow | null> {
    return this.#ask('store findComando', () => this.#disk.findComando(id));
  }

  comandosAfter(epoca: number): Promise<readonly ComandoRow[]> {
    return this.#ask('store comandosAfter', () => this.#disk.comandosAfter(epoca));
  }

  queryComandos(query: ComandoQuery): Promise<readonly ComandoRow[]> {
    return this.#ask('store queryComandos', () => this.#disk.queryComandos(query));
  }

  queryAlertas(query: AlertaQuery): Promise<readonly StoredAlerta[]> {
    return this.#ask('store queryAlertas', () => this.#disk.queryAlertas(query));
  }

  queryBloques(query: BloqueRowQuery): Promise<readonly BloqueRow[]> {
    return this.#ask('store queryBloques', () => this.#disk.queryBloques(query));
  }

  upkeep(
    nowMs: number,
    keepDays: number,
    keepBytes: number,
  ): Promise<{ readonly dropped: readonly string[]; readonly bytes: number }> {
    return this.#ask('store upkeep', () => this.#disk.upkeep(nowMs, keepDays, keepBytes));
  }

  async health(): Promise<{ ok: boolean; found: string; bytes: number | null; version: string | null }> {
    try {
      const { epoca, confirmedMs } = this.#disk;
      const found = `simulated: epoch ${epoca} at ${new Date(confirmedMs).toISOString()}`;
      return await this.#ask('store health', () => ({ ok: true, found, bytes: 8192, version: '0' }));
    } catch (error) {
      return { ok: false, found: `simulated: ${(error as Error).message}`, bytes: null, version: null };
    }
  }

  /** Waits for everything under way, as a pool of connections does. */
  async close(): Promise<void> {
    await this.#tail;
    this.#isClosed = true;
    while (this.#asking.size > 0) await Promise.allSettled(this.#asking);
  }

  async #commitEpoch(commit: EpochCommit): Promise<EpochResult> {
    const host = this.#host;
    const disk = this.#disk;
    if (commit.epoca <= disk.epoca) return { already: true, bytes: 0 };
    const estado: EstadoRow[] = [];
    const bloques: BloqueRow[] = [];
    let bytes = 0;
    for await (const [kind, row] of partsOf(commit)) {
      if (kind === 'estado') {
        estado.push(row);
        bytes += row.datos.length;
      } else {
        bloques.push(row);
        bytes += row.mensajes?.length ?? 0;
      }
      // rows are asked for as the connection takes them, and the swarm goes on in between
      if (host.below(4) === 0) await host.passage('store epoch row', 'store_slow');
    }
    this.#mayBreak('store_cut', `epoch ${commit.epoca} is not in`);
    if (host.mishap('store_full')) throw new CoreCError('COREC_E_DISK_FULL', { path: 'store', found: 'no space left' });
    if (host.mishap('store_refused')) {
      throw new CoreCError('COREC_E_STORE_REFUSED', {
        operation: `epoch ${commit.epoca}`,
        found: 'it will not have it',
      });
    }
    const { epoca, scheduledMs } = commit;
    const deleted = [...commit.estadoDeleted];
    const alertas = [...commit.alertas];
    disk.apply(
      { epoca, scheduledMs, estado, deleted, bloques, alertas, comandos: commit.comandos },
      host.clock.nowMs(),
    );
    host.note(
      `store has epoch ${epoca}: ${estado.length} estado, ${bloques.length} bloques, ${alertas.length} alertas`,
    );
    await host.passage('store epoch in');
    this.#mayBreak('store_answer_lost', `epoch ${epoca} is in`);
    return { already: false, bytes };
  }

  #write<T>(what: string, work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#isClosed) throw new CoreCError('COREC_E_STOPPING');
      await this.#host.passage(what, 'store_slow');
      if (this.#host.storeAway()) throw away('it is away');
      return work();
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #ask<T>(what: string, answer: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new CoreCError('COREC_E_STOPPING'));
    const asking = this.#answer(what, answer);
    this.#asking.add(asking);
    void asking.catch(() => {}).then(() => this.#asking.delete(asking));
    return asking;
  }

  async #answer<T>(what: string, answer: () => T): Promise<T> {
    await this.#host.passage(what, 'store_slow');
    if (this.#host.storeAway()) throw away('it is away');
    if (this.#host.mishap('store_read_failed')) throw away(`${what}: the connection died`);
    const value = answer();
    await this.#host.passage(`${what} answered`);
    return value;
  }

  #mayBreak(kind: 'store_cut' | 'store_answer_lost', found: string): void {
    if (!this.#host.mishap(kind)) return;
    this.#host.note(`store connection dies: ${found}`);
    throw away('the connection died');
  }
}

function away(found: string): CoreCError {
  return new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 'simulated', found });
}
