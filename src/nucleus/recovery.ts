/**
 * Recovery: the swarm as the last epoch left it.
 *
 * Owns reading estado rows back into bloques, directories and positions. Leaves writing them to epochs, the journal's part to lotes.
 *
 * Y1 A bloque whose columns have changed since is filled by name. One that has another size now, or is gone, gives its claves to the
 *    bloques that there are: number, state, episodio and waiting lecturas go along. A clave is never dropped for a change of
 *    configuration while there is room; what found none stays in the store.
 * Y2 What was carried over is deleted from the store by the next epoch, so that it is carried over once.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { decodeClaves } from '#domain/claves/blob.ts';
import { bloqueOfLoc, slotOfLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import type { DecodedEstado } from '#domain/codec/estado-format.ts';
import type { BloqueEntry } from '#domain/config/config.ts';
import type { EpisodioSnapshot } from '#domain/episodio/episodio.ts';
import { messageOf } from '#domain/errors.ts';
import { makeSay, type Say } from '#domain/texts/text.ts';
import type { AlertaRow, EstadoClase, EstadoRow } from '#ports/bloque-store.ts';
import type { AlertaHub } from './alertas.ts';
import {
  decodeColumnas,
  episodiosFrom,
  fillColumns,
  fillSlot,
  inboxFrom,
  jsonFrom,
  type InboxSnapshot,
} from './checkpoint.ts';
import type { NucleusDeps } from './deps.ts';
import type { FuenteRow } from './intake.ts';
import type { LoteId, Lotes } from './lotes.ts';
import { settleHomes } from './mudanza.ts';
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
  /** Wall time since which alerts may not have been told everywhere; absent or null: all were. */
  readonly avisosDesdeMs?: number | null;
  readonly silencios: readonly {
    readonly glob: string;
    readonly bloque: string | null;
    readonly hastaMs: number;
    readonly por: string;
  }[];
}

export interface RestoreTargets {
  readonly fuentes: Map<string, FuenteRow>;
  /** What modules keep, by id. */
  readonly modulos: Map<string, Uint8Array>;
  readonly hadInbox: Set<string>;
  readonly hadEpisodios: Set<string>;
  /** Rows for the next epoch to delete (Y2). */
  readonly obsolete: { readonly clase: EstadoClase; readonly id: string }[];
  readonly lotes: Lotes;
  readonly seq: number;
}

/** What is stored of a bloque that cannot simply be filled. */
interface Displaced {
  readonly row: EstadoRow;
  readonly claves: Uint8Array | null;
  readonly episodios: EpisodioSnapshot | null;
  readonly inbox: InboxSnapshot | null;
}

/** What replaying a command does; door.ts is one. */
export interface Replayer {
  applyEfecto(nombre: string, efecto: unknown): void;
}

export class Recovery {
  readonly catalog = new Map<string, CatalogRow>();
  readonly #deps: NucleusDeps;
  readonly #say: Say;
  readonly #swarm: Swarm;
  #nucleus: NucleusRow | null = null;
  #wasRunning = false;
  /** Ids of episodios that stay in the store, open, with bloques that are not here now. */
  readonly #asleep = new Set<string>();

  constructor(deps: NucleusDeps, swarm: Swarm) {
    this.#deps = deps;
    this.#say = makeSay(deps.idioma);
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
    const inboxes = new Map<string, InboxSnapshot>();
    const episodios = new Map<string, EpisodioSnapshot>();
    const loteRows: { epoca: number; ids: readonly LoteId[] }[] = [];
    for await (const rows of store.loadEstado(['episodios', 'inbox', 'fuente', 'lotes', 'modulo'])) {
      for (const { clase, id, datos } of rows) {
        if (clase === 'fuente') targets.fuentes.set(id, jsonFrom(datos, id) as FuenteRow);
        else if (clase === 'modulo') targets.modulos.set(id, datos);
        else if (clase === 'lotes') {
          const raw = compressor.decompress(datos, 256 * 1024 * 1024);
          loteRows.push({ epoca: Number(id), ids: jsonFrom(raw, `lotes ${id}`) as readonly LoteId[] });
        } else if (clase === 'inbox') inboxes.set(id, inboxFrom(datos, `inbox ${id}`));
        else episodios.set(id, episodiosFrom(datos, `episodios ${id}`));
      }
    }
    targets.lotes.restore(
      targets.seq,
      loteRows.toSorted((a, b) => a.epoca - b.epoca),
    );
    const displaced: Displaced[] = [];
    for await (const rows of store.loadEstado(['columnas'])) {
      for (const row of rows) {
        const bloque = this.#swarm.bloque(row.id);
        const entrada = bloque === null ? undefined : this.#swarm.entradas.get(bloque.entrada);
        const stored = this.#slotsOf(row.id);
        const open = episodios.get(row.id) ?? null;
        const inbox = inboxes.get(row.id) ?? null;
        if (bloque === null || entrada === undefined || (stored !== null && stored !== bloque.options.slots)) {
          displaced.push({ row, claves: claves.get(row.id) ?? null, episodios: open, inbox });
          continue;
        }
        if (open !== null) {
          bloque.episodios.restore(open);
          targets.hadEpisodios.add(row.id);
        }
        this.#fill(entrada, bloque, row, claves.get(row.id) ?? null);
        if (inbox === null) continue;
        targets.hadInbox.add(row.id);
        const { slot, valor, tsMs } = inbox;
        for (let k = 0; k < slot.length; k++) this.#await(entrada, bloque, slot[k]!, valor[k]!, tsMs[k]!);
      }
    }
    for (const one of displaced) this.#carryOver(one, targets);
    settleHomes(this.#swarm, this.#asleepCatalog());
    this.#swarm.pauseAgain(this.#nucleus?.pausados ?? []);
    return this.#swarm.ligadas;
  }

  /** Returns how many there were. */
  async replayComandos(epoca: number, replayer: Replayer): Promise<number> {
    const rows = await this.#deps.store.comandosAfter(epoca);
    for (const row of rows) {
      try {
        replayer.applyEfecto(row.nombre, row.efecto);
      } catch (error) {
        // of a bloque that the configuration no longer has, most likely
        this.#deps.logger.warn(TAG, messageOf(error), { comando: row.nombre, id: row.id });
      }
    }
    return rows.length;
  }

  /** What is in quarantine stays so over a restart, and so does the alert that tells it, with the reason that nobody knows any more. */
  async adoptQuarantine(): Promise<void> {
    const ill = new Map(this.#swarm.bloques.flatMap((bloque) => (bloque.quarantined > 0 ? [[bloque.id, bloque]] : [])));
    if (ill.size === 0) return;
    const rows = await this.#deps.store.queryAlertas({ abiertas: true, limit: STALE_MAX, orden: 'tiempo' });
    for (const row of rows) if (row.regla === 'quarantine') ill.get(row.bloque)?.adoptAviso(row);
  }

  /** Alerts that a crash left open in the store, and that no episodio nor any of `open` keeps open, are closed where they were last seen. */
  async closeStale(hub: AlertaHub, open: Iterable<string>, nowMs: number): Promise<void> {
    if (!this.#wasRunning) return;
    const live = new Set(this.#asleep);
    for (const id of open) live.add(id);
    for (const bloque of this.#swarm.bloques) {
      for (const open of bloque.episodios.open) live.add(open.id);
      for (const open of bloque.avisos.open) live.add(open.id);
    }
    const rows = await this.#deps.store.queryAlertas({ abiertas: true, limit: STALE_MAX, orden: 'tiempo' });
    const stale: AlertaRow[] = [];
    for (const row of rows) {
      if (live.has(row.id) || row.abiertaMs > nowMs) continue;
      // without the artificial entidades and plugins nobody can say how it stands with theirs
      if (!this.#deps.whole && this.#swarm.bloque(row.bloque) === null) continue;
      stale.push({ ...row, cerradaMs: row.actualizadaMs });
    }
    hub.takeStale(stale);
  }

  /** Of entries that are not here now. */
  *#asleepCatalog(): Generator<CatalogRow> {
    for (const [id, row] of this.catalog) if (!this.#swarm.entradas.has(id)) yield row;
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
    const bound = new Uint8Array(bloque.slots);
    if (clavesBlob !== null) {
      const list = decodeClaves(clavesBlob, compressor, `claves ${row.id}`);
      entrada.claves.insertList(bloque.options.indice, list);
      for (let k = 0; k < list.length; k++) bound[list.slots[k]!] = 1;
    }
    const fresh = fillColumns(bloque, decoded.estado);
    bloque.restored(decoded.vitals, (slot) => bound[slot] === 1);
    bloque.clavesDirty = false;
    bloque.dirty = false;
    if (fresh.length > 0) {
      logger.warn(TAG, this.#say('log.columns_fresh'), {
        bloque: bloque.id,
        procesador: bloque.options.procesador.procesador.nombre,
        stored: decoded.estado.nombre,
        columns: fresh,
      });
      bloque.startColumns(fresh);
    }
    entrada.watermarkMs = Math.max(entrada.watermarkMs, decoded.vitals.watermarkMs);
  }

  /** A lectura that waits again, as it did at the cut. */
  #await(entrada: Entrada, bloque: BloqueSimbiotico, slot: number, valor: number, tsMs: number): void {
    bloque.inbox.pushOne(slot, valor, tsMs, this.#deps.clock.nowMs());
    if (bloque.inbox.room <= 0) entrada.full.add(bloque);
  }

  /** Y1: a bloque that is gone or has another size. */
  #carryOver(displaced: Displaced, targets: RestoreTargets): void {
    const { compressor, logger } = this.#deps;
    const { row, claves, episodios, inbox } = displaced;
    const entrada = this.#swarm.entradas.get(row.id.slice(0, row.id.lastIndexOf('/')));
    if (entrada === undefined || entrada.artificial) {
      for (const open of episodios?.abiertos ?? []) this.#asleep.add(open.id);
      if (this.#deps.whole && claves !== null) {
        logger.warn(TAG, this.#say('log.bloque_gone'), {
          bloque: row.id,
        });
      }
      return;
    }
    const { vitals, estado } = decodeColumnas(row.datos, compressor, row.id);
    const moved = new Map<number, { readonly bloque: BloqueSimbiotico; readonly slot: number }>();
    let homeless = 0;
    const list = claves === null ? null : decodeClaves(claves, compressor, `claves ${row.id}`);
    for (let k = 0; k < (list?.length ?? 0); k++) {
      const from = list!.offsets[k]!;
      const clave = new TextDecoder().decode(list!.bytes.subarray(from, from + list!.lengths[k]!));
      // one that found no room before, and has come anew since
      if (entrada.claves.lookupText(clave) !== UNKNOWN_LOC) continue;
      const loc = this.#swarm.bindText(entrada, clave);
      if (loc === UNKNOWN_LOC) homeless++;
      else moved.set(list!.slots[k]!, this.#settle(entrada, loc, estado, list!.slots[k]!));
    }
    for (const open of episodios?.abiertos ?? []) {
      const now = moved.get(open.slot);
      if (now === undefined) {
        this.#asleep.add(open.id);
        continue;
      }
      now.bloque.adoptEpisodio({ ...open, slot: now.slot }, episodios!.enfrian.includes(open.slot));
      targets.hadEpisodios.add(now.bloque.id);
    }
    for (let k = 0; k < (inbox?.slot.length ?? 0); k++) {
      const now = moved.get(inbox!.slot[k]!);
      if (now !== undefined) this.#await(entrada, now.bloque, now.slot, inbox!.valor[k]!, inbox!.tsMs[k]!);
    }
    for (const { bloque } of moved.values()) bloque.watermarkMs = Math.max(bloque.watermarkMs, vitals.watermarkMs);
    entrada.watermarkMs = Math.max(entrada.watermarkMs, vitals.watermarkMs);
    this.#supersede(row.id, homeless, targets);
    logger[homeless > 0 ? 'warn' : 'info'](TAG, this.#say('log.carried_over'), {
      bloque: row.id,
      claves: moved.size,
      without_room: homeless,
    });
  }

  /** Y2. A bloque of that id that stands is written anew whole; what is left of one that does not is deleted once nothing is in it. */
  #supersede(id: string, homeless: number, targets: RestoreTargets): void {
    const present = this.#swarm.bloque(id);
    if (present !== null) {
      present.dirty = true;
      present.clavesDirty = true;
      targets.hadInbox.add(id);
      targets.hadEpisodios.add(id);
    } else if (homeless === 0) {
      for (const clase of ['columnas', 'claves', 'inbox', 'episodios'] as const) targets.obsolete.push({ clase, id });
    }
  }

  /** Fills the entidad at `loc` with what is stored of slot `from`. */
  #settle(
    entrada: Entrada,
    loc: number,
    estado: DecodedEstado,
    from: number,
  ): { readonly bloque: BloqueSimbiotico; readonly slot: number } {
    const bloque = entrada.bloques[bloqueOfLoc(loc)]!;
    const slot = slotOfLoc(loc);
    fillSlot(bloque, estado, from, slot);
    const stored = (name: string): number | undefined =>
      estado.columns.find((column) => column.name === name)?.data[from];
    const numero = stored('core.numero');
    if (numero !== undefined) bloque.adopt(slot, numero, stored('core.generacion') ?? 0);
    return { bloque, slot };
  }
}
