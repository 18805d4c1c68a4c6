/**
 * Repairs for the record: of each bloque how many entidades were replaced since the last epoch, and what they had failed with.
 *
 * Owns the rows of `comandos` that tell it. Leaves repairing to the bloque, and counting all repairs to runs.ts.
 *
 * Q1 A row a bloque and epoch, however many repairs: what fails all the time costs no more than what fails once.
 * Q2 At most ROWS_MAX bloques of an epoch have a row of their own, those with most repairs; the others are summed in one.
 * Q3 Rows are told by `unsaved` until the epoch that holds them is in.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { ComandoRow } from '#ports/bloque-store.ts';

/** The name under which repairs stand among the commands; nobody can give it. */
export const COMANDO_REPARACION = 'repair';
export const PUERTA_REPARACION = 'autorreparacion';
/** 300 bytes a row: a swarm that is ill all day long, with an epoch every 30 s, adds about 14 MB. */
const ROWS_MAX = 16;
const FALLO_CHARS_MAX = 200;

export interface Reparacion {
  /** Empty: of several bloques. */
  readonly bloque: string;
  readonly bloques: number;
  readonly entidades: number;
  /** Of the first and the last repair. */
  readonly desdeMs: number;
  readonly hastaMs: number;
  /** What the last failed run failed with. */
  readonly fallo: string;
}

type Row = Omit<ComandoRow, 'epoca'>;

export class Reparaciones {
  #noted = new Map<string, Reparacion>();
  /** Of the epoch under way. */
  #saving: readonly Row[] = [];

  note({ id, lastFallo }: Pick<BloqueSimbiotico, 'id' | 'lastFallo'>, entidades: number, nowMs: number): void {
    const known = this.#noted.get(id);
    this.#noted.set(id, {
      bloque: id,
      bloques: 1,
      entidades: (known?.entidades ?? 0) + entidades,
      desdeMs: known?.desdeMs ?? nowMs,
      hastaMs: nowMs,
      fallo: lastFallo.slice(0, FALLO_CHARS_MAX),
    });
  }

  /** The rows for an epoch; `saved` says that it is in. */
  take(epoca: number): readonly Row[] {
    this.#saving = this.#rows(epoca);
    this.#noted = new Map();
    return this.#saving;
  }

  saved(): void {
    this.#saving = [];
  }

  /** Rows that are not in the store yet; `next`: number of the epoch that will hold what is noted. */
  unsaved(next: number): readonly Row[] {
    return [...this.#saving, ...this.#rows(next)];
  }

  #rows(epoca: number): Row[] {
    if (this.#noted.size === 0) return [];
    const all = [...this.#noted.values()].toSorted(
      (a, b) => b.entidades - a.entidades || (a.bloque < b.bloque ? -1 : 1),
    );
    const own = all.slice(0, ROWS_MAX);
    const rest = all.slice(ROWS_MAX);
    return (rest.length > 0 ? [...own, sumOf(rest)] : own).map((reparacion) => ({
      id: `reparacion-${epoca}-${reparacion.bloque}`,
      nombre: COMANDO_REPARACION,
      puerta: PUERTA_REPARACION,
      argumentos: {},
      efecto: { tipo: 'nada' },
      respuesta: reparacion,
      timestampMs: reparacion.hastaMs,
    }));
  }
}

function sumOf(list: readonly Reparacion[]): Reparacion {
  return list.reduce((sum, one) => ({
    bloque: '',
    bloques: sum.bloques + one.bloques,
    entidades: sum.entidades + one.entidades,
    desdeMs: Math.min(sum.desdeMs, one.desdeMs),
    hastaMs: Math.max(sum.hastaMs, one.hastaMs),
    fallo: one.hastaMs > sum.hastaMs ? one.fallo : sum.fallo,
  }));
}
