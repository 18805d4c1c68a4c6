/**
 * Recovery: the swarm as the last epoch left it.
 *
 * Owns reading estado rows back into bloques, directories and positions. Leaves writing them to epochs, the journal's part to lotes.
 *
 * Y1 A bloque whose size or columns have changed since is filled by name and, when it is smaller or gone, its claves are bound anew
 *    with their state carried over; a clave is never dropped for a change of configuration while there is room.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { decodeClaves } from '#domain/claves/blob.ts';
import { UNKNOWN_LOC } from '#domain/claves/directory.ts';
import type { BloqueEntry } from '#domain/config/config.ts';
import { messageOf } from '#domain/errors.ts';
import type { AlertaRow, EstadoRow } from '#ports/bloque-store.ts';
import type { AlertaHub } from './alertas.ts';
import {
  decodeColumnas,
  episodiosFrom,
  fillColumns,
  fillSlot,
  inboxFrom,
  jsonFrom,
  type DecodedColumnas,
} from './checkpoint.ts';
import type { NucleusDeps } from './deps.ts';
import type { FuenteRow } from './intake.ts';
import type { LoteId, Lotes } from './lotes.ts';
import type { CatalogRow, Entrada, Swarm } from './swarm.ts';

const TAG = 'Recuperacion';
/** Stored alerts looked through for open ones that nothing keeps open any more. */
const STALE_MAX = 10_000;

/** The one row of clase nucleus. */
export interface NucleusRow {
  readonly epoca: number;
  readonly nextNumero: number;
  readonly seq: number;
  readonly lecturas: number;
  readonly pausado: boolean;
  readonly pausados: readonly string[];
  readonly silencios: readonly {
    readonly glob: string;
    readonly bloque: string | null;
    readonly hastaMs: number;
    readonly por: string;
  }[];
}

export interface RestoreTargets {
  readonly fuentes: Map<string, FuenteRow>;
  readonly hadInbox: Set<string>;
  readonly hadEpisodios: Set<string>;
  readonly lotes: Lotes;
  readonly seq: number;
}

/** What replaying a command does; actions.ts is one. */
export interface Replayer {
  applyEfecto(nombre: string, efecto: unknown): void;
}

export class Recovery {
  readonly catalog = new Map<string, CatalogRow>();
  readonly #deps: NucleusDeps;
  readonly #swarm: Swarm;
  #nucleus: NucleusRow | null = null;
  #wasRunning = false;

  constructor(deps: NucleusDeps, swarm: Swarm) {
    this.#deps = deps;
    this.#swarm = swarm;
  }

  /** Reads what must be known before bloques are made. Null: the store is new. */
  async loadCatalog(): Promise<NucleusRow | null> {
    for await (const rows of this.#deps.store.loadEstado(['nucleus', 'catalogo'])) {
      for (const { clase, id, datos } of rows) {
        if (clase === 'nucleus') this.#nucleus = jsonFrom(datos, 'nucleus') as NucleusRow;
        else this.catalog.set(id, jsonFrom(datos, `catalogo ${id}`) as CatalogRow);
      }
    }
    this.#wasRunning = this.#nucleus !== null;
    return this.#nucleus;
  }

  /** Entries that an ingest or a push door made: kept by the catalogue alone. */
  dynamicEntries(): readonly BloqueEntry[] {
    const configured = new Set(this.#deps.config.bloques.map((entry) => entry.id));
    return [...this.catalog.values()]
      .map((row) => row.config)
      .filter((entry) => entry.dinamico && !configured.has(entry.id));
  }

  /** Fills bloques and directories. Returns entidades whose state came back (the bound ones). */
  async restore(targets: RestoreTargets): Promise<number> {
    const { store, compressor } = this.#deps;
    const claves = new Map<string, Uint8Array>();
    for await (const rows of store.loadEstado(['claves'])) {
      for (const { id, datos } of rows) if (datos.length > 0) claves.set(id, datos);
    }
    this.#reserve(claves.size);
    const displaced: EstadoRow[] = [];
    const inboxes: EstadoRow[] = [];
    const episodios: EstadoRow[] = [];
    const loteRows: { epoca: number; ids: readonly LoteId[] }[] = [];
    for await (const rows of store.loadEstado(['episodios', 'inbox', 'fuente', 'lotes'])) {
      for (const row of rows) {
        if (row.clase === 'fuente') targets.fuentes.set(row.id, jsonFrom(row.datos, row.id) as FuenteRow);
        else if (row.clase === 'lotes') {
          const raw = compressor.decompress(row.datos, 256 * 1024 * 1024);
          loteRows.push({ epoca: Number(row.id), ids: jsonFrom(raw, `lotes ${row.id}`) as readonly LoteId[] });
        } else if (row.clase === 'inbox') inboxes.push(row);
        else episodios.push(row);
      }
    }
    targets.lotes.restore(
      targets.seq,
      loteRows.toSorted((a, b) => a.epoca - b.epoca),
    );
    const openOf = new Map(episodios.map((row) => [row.id, episodiosFrom(row.datos, `episodios ${row.id}`)]));
    for await (const rows of store.loadEstado(['columnas'])) {
      for (const row of rows) {
        const bloque = this.#swarm.bloque(row.id);
        const entrada = bloque === null ? undefined : this.#swarm.entradas.get(bloque.entrada);
        const stored = this.#slotsOf(row.id);
        if (bloque === null || entrada === undefined || (stored !== null && stored !== bloque.entidades)) {
          displaced.push(row);
          continue;
        }
        const open = openOf.get(row.id);
        if (open !== undefined) {
          bloque.episodios.restore(open);
          targets.hadEpisodios.add(row.id);
        }
        this.#fill(entrada, bloque, row, claves.get(row.id) ?? null);
      }
    }
    for (const row of inboxes) {
      targets.hadInbox.add(row.id);
      const bloque = this.#swarm.bloque(row.id);
      if (bloque === null) continue;
      const { slot, valor, tsMs } = inboxFrom(row.datos, `inbox ${row.id}`);
      for (let k = 0; k < slot.length; k++)
        bloque.inbox.pushOne(slot[k]!, valor[k]!, tsMs[k]!, this.#deps.clock.nowMs());
    }
    for (const row of displaced) this.#carryOver(row, claves.get(row.id) ?? null);
    for (const id of this.#nucleus?.pausados ?? []) {
      const bloque = this.#swarm.bloque(id);
      if (bloque !== null) bloque.pausado = true;
    }
    return this.#swarm.ligadas;
  }

  async replayComandos(epoca: number, replayer: Replayer): Promise<void> {
    for (const row of await this.#deps.store.comandosAfter(epoca)) replayer.applyEfecto(row.nombre, row.efecto);
  }

  /** Alerts that a crash left open in the store, and that no episodio keeps open, are closed where they were last seen. */
  async closeStale(hub: AlertaHub, nowMs: number): Promise<void> {
    if (!this.#wasRunning) return;
    const live = new Set<string>();
    for (const bloque of this.#swarm.bloques) {
      for (const open of bloque.episodios.open) live.add(open.id);
      for (const open of bloque.avisos.open) live.add(open.id);
    }
    const rows = await this.#deps.store.queryAlertas({ abiertas: true, limit: STALE_MAX, orden: 'tiempo' });
    const stale: AlertaRow[] = [];
    for (const row of rows) {
      if (live.has(row.id) || row.abiertaMs > nowMs) continue;
      stale.push({ ...row, cerradaMs: row.actualizadaMs });
    }
    hub.takeStale(stale);
  }

  #slotsOf(bloqueId: string): number | null {
    const at = bloqueId.lastIndexOf('/');
    return this.catalog.get(bloqueId.slice(0, at))?.bloques[Number(bloqueId.slice(at + 1))]?.slots ?? null;
  }

  #reserve(bloquesWithClaves: number): void {
    for (const entrada of this.#swarm.entradas.values()) {
      if (entrada.artificial || bloquesWithClaves < 10) continue;
      const expected = entrada.bloques.length * entrada.config.entidades_por_bloque;
      entrada.claves.reserve(Math.min(expected, bloquesWithClaves * entrada.config.entidades_por_bloque), 20);
    }
  }

  #fill(entrada: Entrada, bloque: BloqueSimbiotico, row: EstadoRow, clavesBlob: Uint8Array | null): void {
    const { compressor, logger } = this.#deps;
    const decoded = decodeColumnas(row.datos, compressor, row.id);
    const bound = new Uint8Array(bloque.entidades);
    if (clavesBlob !== null) {
      const list = decodeClaves(clavesBlob, compressor, `claves ${row.id}`);
      entrada.claves.insertList(bloque.options.indice, list);
      for (let k = 0; k < list.length; k++) bound[list.slots[k]!] = 1;
    }
    const fresh = fillColumns(bloque, decoded.estado);
    if (fresh.length > 0)
      logger.warn(TAG, 'Columns that the checkpoint does not have start fresh', { bloque: bloque.id, columns: fresh });
    bloque.restored(decoded.vitals, (slot) => bound[slot] === 1);
    bloque.clavesDirty = false;
    bloque.dirty = false;
    entrada.watermarkMs = Math.max(entrada.watermarkMs, decoded.vitals.watermarkMs);
  }

  /** Y1: a bloque that is gone or has another size. */
  #carryOver(row: EstadoRow, clavesBlob: Uint8Array | null): void {
    const { compressor, logger } = this.#deps;
    const entrada = this.#swarm.entradas.get(row.id.slice(0, row.id.lastIndexOf('/')));
    if (clavesBlob === null) return;
    if (entrada === undefined || entrada.artificial) {
      logger.warn(TAG, 'The configuration no longer has this bloque; its state stays in the store', { bloque: row.id });
      return;
    }
    try {
      const decoded: DecodedColumnas = decodeColumnas(row.datos, compressor, row.id);
      const list = decodeClaves(clavesBlob, compressor, `claves ${row.id}`);
      let carried = 0;
      for (let k = 0; k < list.length; k++) {
        const clave = new TextDecoder().decode(
          list.bytes.subarray(list.offsets[k], list.offsets[k]! + list.lengths[k]!),
        );
        if (this.#rebind(entrada, clave, decoded, list.slots[k]!)) carried++;
      }
      logger.info(TAG, 'Claves carried over to the new layout', { bloque: row.id, claves: carried, of: list.length });
    } catch (error) {
      logger.error(TAG, messageOf(error), { bloque: row.id });
    }
  }

  #rebind(entrada: Entrada, clave: string, decoded: DecodedColumnas, from: number): boolean {
    const loc = this.#swarm.bindText(entrada, clave);
    if (loc === UNKNOWN_LOC) return false;
    const bloque = entrada.bloques[loc >>> 16]!;
    const slot = loc & 0xffff;
    fillSlot(bloque, decoded.estado, from, slot);
    return true;
  }
}
