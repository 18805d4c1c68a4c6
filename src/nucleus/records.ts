/**
 * What CoreC itself puts on record: it started, it stopped, it repaired. Rows of `comandos` that ride in the next epoch and ask for none.
 *
 * Owns which rows wait. Leaves counting repairs to reparaciones.ts, and what a row tells to timeline-events.ts.
 */
import type { ComandoRow } from '#ports/bloque-store.ts';
import { Reparaciones } from './reparaciones.ts';

type Row = Omit<ComandoRow, 'epoca'>;

/** Names under which starts and stops stand among the commands; nobody can give them. */
export const COMANDO_ARRANQUE = 'start';
export const COMANDO_PARADA = 'stop';

export interface Arranque {
  readonly version: string;
  readonly entidades: number;
  readonly bloques: number;
}

export class Records {
  readonly reparaciones = new Reparaciones();
  #rows: Row[] = [];
  /** Of the epoch under way. */
  #saving: readonly Row[] = [];

  /** `what`: of this life; nothing for its end. */
  note(nombre: typeof COMANDO_ARRANQUE | typeof COMANDO_PARADA, what: Arranque | null, nowMs: number): void {
    this.#rows.push({
      id: `${nombre}-${nowMs}`,
      nombre,
      puerta: 'CoreCNucleus',
      argumentos: {},
      efecto: { tipo: 'nada' },
      respuesta: what ?? {},
      timestampMs: nowMs,
    });
  }

  /** The rows for an epoch; `saved` says that it is in. */
  take(epoca: number): readonly Row[] {
    this.#saving = this.#rows;
    this.#rows = [];
    return [...this.#saving, ...this.reparaciones.take(epoca)];
  }

  saved(): void {
    this.#saving = [];
    this.reparaciones.saved();
  }

  /** Rows that are not in the store yet; `next`: number of the epoch that will hold what is noted. */
  unsaved(next: number): readonly Row[] {
    return [...this.#saving, ...this.#rows, ...this.reparaciones.unsaved(next)];
  }
}
