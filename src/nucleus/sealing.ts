/**
 * What an epoch holds beside bloque rows and alerts: which bloques changed, their parts, and everything that is no bloque.
 *
 * Owns choosing and gathering. Leaves the cut and the commit to epochs.ts, the bytes of each part to checkpoint.ts.
 */
import type { BloqueSimbiotico, BloqueVitals } from '#domain/bloque/bloque.ts';
import type { EstadoClase, EstadoRow } from '#ports/bloque-store.ts';
import { clavesRow, encodeColumnas, inboxSnapshot, jsonBytes } from './checkpoint.ts';
import type { SealedOthers } from './epochs.ts';
import type { FuenteRow } from './intake.ts';
import type { Nucleus } from './nucleus.ts';
import type { NucleusRow } from './recovery.ts';

export class Sealing {
  /** Bloques whose inbox or episodios stand in the store: an empty one must be deleted there. */
  readonly hadInbox = new Set<string>();
  readonly hadEpisodios = new Set<string>();
  /** Rows that recovery has no more use for. */
  readonly obsolete: { readonly clase: EstadoClase; readonly id: string }[] = [];
  /** Positions, by source, that no epoch has yet and whose pump is over. */
  readonly fuentes = new Map<string, FuenteRow>();
  readonly #nucleus: Nucleus;

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
  }

  /** True when an epoch must hold the bloque again. */
  changed(bloque: BloqueSimbiotico): boolean {
    return (
      bloque.dirty ||
      bloque.clavesDirty ||
      bloque.inbox.size > 0 ||
      this.hadInbox.has(bloque.id) ||
      this.hadEpisodios.has(bloque.id)
    );
  }

  encodeBloque(
    bloque: BloqueSimbiotico,
    vitals: BloqueVitals,
    take: (length: number) => Uint8Array,
  ): { rows: EstadoRow[] } {
    const { swarm, deps } = this.#nucleus;
    const rows: EstadoRow[] = [
      { clase: 'columnas', id: bloque.id, datos: encodeColumnas(bloque, vitals, deps.compressor, take) },
    ];
    if (bloque.clavesDirty) {
      bloque.clavesDirty = false;
      rows.push(clavesRow(swarm.entradas.get(bloque.entrada)!, bloque, deps.compressor));
    }
    return { rows };
  }

  bloqueParts(bloque: BloqueSimbiotico): { rows: EstadoRow[]; deleted: EstadoClase[] } {
    const rows: EstadoRow[] = [];
    const deleted: EstadoClase[] = [];
    const part = (clase: EstadoClase, had: Set<string>, wanted: boolean, value: () => unknown): void => {
      if (wanted) {
        had.add(bloque.id);
        rows.push({ clase, id: bloque.id, datos: jsonBytes(value()) });
      } else if (had.delete(bloque.id)) deleted.push(clase);
    };
    part('inbox', this.hadInbox, bloque.inbox.size > 0, () => inboxSnapshot(bloque));
    part('episodios', this.hadEpisodios, bloque.episodios.openCount > 0 || bloque.episodios.overflow > 0, () =>
      bloque.episodios.snapshot(),
    );
    return { rows, deleted };
  }

  others(epoca: number): SealedOthers {
    const { swarm, pumps, lotes, deps, clock, silencios } = this.#nucleus;
    const estado: EstadoRow[] = [];
    const deleted: { clase: EstadoClase; id: string }[] = this.obsolete.splice(0);
    for (const entrada of swarm.entradas.values()) {
      if (!entrada.catalogDirty) continue;
      entrada.catalogDirty = false;
      estado.push({ clase: 'catalogo', id: entrada.id, datos: jsonBytes(swarm.catalogRow(entrada)) });
    }
    // one row a source, the newest: of one that was taken in again after a failure there is more than one to tell
    const fuentes = new Map(this.fuentes);
    this.fuentes.clear();
    for (const pump of pumps) {
      const row = pump.seal();
      if (row !== null) fuentes.set(pump.source.id, row);
    }
    for (const [id, row] of fuentes) estado.push({ clase: 'fuente', id, datos: jsonBytes(row) });
    for (const [id, encode] of this.#nucleus.keepers) {
      const datos = encode(this.#nucleus.fase === 'deteniendo');
      if (datos !== null) estado.push({ clase: 'modulo', id, datos });
    }
    const { ids, forgotten } = lotes.seal(epoca);
    if (ids.length > 0)
      estado.push({ clase: 'lotes', id: String(epoca), datos: deps.compressor.compress(jsonBytes(ids)) });
    for (const old of forgotten) deleted.push({ clase: 'lotes', id: String(old) });
    const seq = lotes.delivered;
    const nowMs = clock.nowMs();
    const nucleus: NucleusRow = {
      epoca,
      nextNumero: swarm.nextNumero,
      seq,
      lecturas: swarm.lecturas,
      pausado: this.#nucleus.pausado,
      pausados: swarm.pausados(),
      avisosDesdeMs: this.#nucleus.catchUp.missingSinceMs,
      silencios: silencios.filter((silencio) => silencio.hastaMs > nowMs),
    };
    estado.push({ clase: 'nucleus', id: 'nucleus', datos: jsonBytes(nucleus) });
    return { estado, deleted, seq };
  }
}
