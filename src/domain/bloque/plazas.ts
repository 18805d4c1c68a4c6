/**
 * The places of a bloque: which rows of its columns hold an entidad, which of those a new clave may have, and which are vacant since
 * their entidad moved away.
 *
 * Owns the bookkeeping. Leaves the columns to the bloque: `numero` and `ocupado` are read where they are given, and `numero` of a
 * vacated row becomes 0.
 *
 *   row   0 ........ used ........ bindable ........ rows
 *         bound,     never used,    come by moves that
 *         freed or   may be bound   no epoch holds yet
 *         vacant
 *
 * V1 A row below `used` is bound, listed as freed, vacant or arriving; one between `used` and `bindable` is none of these: that it may
 *    be bound is told by its place alone, so a million rows never used cost nothing.
 * V2 Rows at the end are never vacant after `trim`.
 */
import { OCUPADO, type CoreColumns } from '../entidad/columns.ts';

type Rows = Pick<CoreColumns, 'numero' | 'ocupado'>;

export class Plazas {
  #rows: number;
  #used = 0;
  #bindable: number;
  #freed: number[] = [];
  #vacant: number[] = [];
  #arriving: number[] = [];

  constructor(rows: number) {
    this.#rows = rows;
    this.#bindable = rows;
  }

  get rows(): number {
    return this.#rows;
  }
  get entidades(): number {
    return this.#rows - this.#vacant.length;
  }
  /** Rows from 0 that were ever occupied, or are vacant. */
  get used(): number {
    return this.#used;
  }
  /** How many `take` can give. */
  get free(): number {
    return this.#freed.length + this.#bindable - this.#used;
  }

  /** A row for a new clave; -1 when none is free. */
  take(): number {
    return this.#freed.pop() ?? (this.#used < this.#bindable ? this.#used++ : -1);
  }

  /** The clave of this row is gone. */
  give(slot: number): void {
    this.#freed.push(slot);
  }

  /** All rows are occupied, for ever. */
  takeAll(): void {
    this.#used = this.#rows;
  }

  /** At a restore: so many rows, those vacant whose number is 0; nothing is bound. */
  standAs(rows: Rows, count: number): void {
    this.#rows = count;
    this.#bindable = count;
    this.#vacant = [];
    for (let slot = 0; slot < count; slot++) if (rows.numero[slot] === 0) this.#vacant.push(slot);
    this.restored(rows, 0);
  }

  /** After a restore: `used` rows or fewer are bound, as `ocupado` tells. */
  restored(rows: Rows, used: number): void {
    this.#used = 0;
    this.#freed = [];
    this.#listFree(rows, 0, Math.max(used, this.#lastVacant + 1));
  }

  /** Numbers of unbound entidades, those first that are the least trouble to do without. */
  *unbound({ numero }: Rows): Generator<number> {
    for (let slot = this.#bindable - 1; slot >= this.#used; slot--) yield numero[slot]!;
    for (const slot of this.#freed.toSorted((a, b) => b - a)) yield numero[slot]!;
    for (const slot of this.#arriving) yield numero[slot]!;
  }

  /** The entidades of these numbers, all unbound, leave. */
  dismiss(rows: Rows, numeros: ReadonlySet<number>): void {
    const { numero } = rows;
    let end = this.#bindable;
    while (end > this.#used && numeros.has(numero[end - 1]!)) end--;
    // all are listed before one between them, or before others behind them, goes (V1)
    if (end < this.#bindable && this.#arriving.length > 0) end = this.#bindable;
    for (let slot = this.#used; slot < end; slot++) {
      if (!numeros.has(numero[slot]!)) continue;
      end = this.#bindable;
      this.#listFree(rows, this.#used, end);
      break;
    }
    const stays = (slot: number): boolean => {
      if (!numeros.has(numero[slot]!)) return true;
      this.vacate(rows, slot);
      return false;
    };
    this.#freed = this.#freed.filter(stays);
    this.#arriving = this.#arriving.filter(stays);
    for (let slot = end; slot < this.#bindable; slot++) stays(slot);
  }

  /** Its entidad has left, and its clave went with it. */
  vacate({ numero }: Rows, slot: number): void {
    numero[slot] = 0;
    this.#vacant.push(slot);
  }

  /** A row for an entidad that comes: a vacant one, or one more at the end. What it is for is told next, by one of the three below. */
  open(): number {
    return this.#vacant.pop() ?? this.#rows++;
  }

  /** It is unbound, and `admit` lets claves have it. */
  arrive(slot: number): void {
    this.#arriving.push(slot);
  }

  /** It is unbound, and claves may have it at once. */
  welcome(rows: Rows, slot: number): void {
    if (slot === this.#bindable && slot === this.#rows - 1) this.#bindable++;
    else if (slot < this.#used) this.#freed.push(slot);
    else {
      this.#listFree(rows, this.#used, slot + 1);
      this.#bindable = Math.max(this.#bindable, this.#used);
    }
  }

  /** It has brought its clave. */
  occupy(rows: Rows, slot: number): void {
    if (slot >= this.#used) {
      this.#listFree(rows, this.#used, slot);
      this.#used = slot + 1;
    }
    this.#bindable = Math.max(this.#bindable, slot + 1);
  }

  /** Claves may have what has arrived. */
  admit(rows: Rows): void {
    const arrived = this.#arriving;
    const used = this.#used;
    this.#arriving = [];
    this.#bindable = this.#rows;
    for (const slot of arrived) if (slot < used) this.#freed.push(slot);
    this.#listFree(rows, used, this.#lastVacant + 1);
  }

  /** V2. */
  trim(): void {
    const vacant = new Set(this.#vacant);
    while (this.#rows > 0 && vacant.delete(this.#rows - 1)) this.#rows--;
    this.#vacant = [...vacant];
    this.#bindable = Math.min(this.#bindable, this.#rows);
    this.#used = Math.min(this.#used, this.#rows);
  }

  get #lastVacant(): number {
    return this.#vacant.reduce((last, slot) => Math.max(last, slot), -1);
  }

  /** Rows of [from, to) count as used from now on: those that a clave may have are listed. */
  #listFree({ ocupado }: Rows, from: number, to: number): void {
    if (to <= from) return;
    const others = new Set([...this.#vacant, ...this.#arriving]);
    this.#used = Math.max(this.#used, to);
    for (let slot = to - 1; slot >= from; slot--) {
      if (ocupado[slot] === OCUPADO.libre && !others.has(slot)) this.#freed.push(slot);
    }
  }
}
