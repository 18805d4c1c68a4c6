/**
 * Alerts of CoreC itself and of plugins, which belong to no bloque's book: opened, updated while they last, closed.
 *
 * Owns which are open. Leaves telling and storing to the hub. Of those that a restart finds open in the store, recovery closes the
 * ones that nothing keeps open any more.
 *
 * A1 One alert a (bloque, clave, rule) at a time; opening it again updates it.
 * A2 At most OPEN_MAX are open; over it the oldest is closed, since it was told.
 * A3 One that is told to pass closes by itself when nothing was heard of it for as long as an episodio takes to calm down.
 */
import { episodioId } from '#domain/episodio/episodio.ts';
import type { AlertaRow } from '#ports/bloque-store.ts';
import type { AvisoFacts, AvisoKey } from '#ports/nucleus-context.ts';
import type { AlertaHub } from './alertas.ts';

const OPEN_MAX = 256;
/** The canal of alerts and commands (section 2.5 of the specification). */
export const CANAL_ALERTAS = 4;

interface Open {
  row: AlertaRow;
  readonly passes: boolean;
}

export class Avisos {
  readonly #hub: Pick<AlertaHub, 'takeRow'>;
  readonly #enfriamientoMs: number;
  readonly #open = new Map<string, Open>();

  constructor(hub: Pick<AlertaHub, 'takeRow'>, enfriamientoMs: number) {
    this.#hub = hub;
    this.#enfriamientoMs = enfriamientoMs;
  }

  /** Of the open ones. */
  *ids(): Generator<string> {
    for (const { row } of this.#open.values()) yield row.id;
  }

  /** Opens the alert, or updates it. Returns its id. */
  open(key: AvisoKey, facts: AvisoFacts, nowMs: number): string {
    const known = this.#open.get(keyText(key));
    const valor = facts.valor ?? 1;
    const canal = facts.canal ?? CANAL_ALERTAS;
    const row: AlertaRow = {
      ...key,
      id: known?.row.id ?? episodioId(key.bloque, key.clave, key.regla, nowMs),
      canal,
      abiertaMs: known?.row.abiertaMs ?? nowMs,
      actualizadaMs: nowMs,
      cerradaMs: null,
      valor,
      lectura: facts.lectura ?? null,
      esperadoMin: facts.esperadoMin ?? null,
      esperadoMax: facts.esperadoMax ?? null,
      razon: facts.razon,
      lecturas: (known?.row.lecturas ?? 0) + 1,
    };
    if (known === undefined) this.#makeRoom(nowMs);
    this.#open.set(keyText(key), { row, passes: facts.passes ?? false });
    this.#hub.takeRow(known === undefined ? 'abierta' : 'actualizada', row, nowMs);
    return row.id;
  }

  /** False: it was not open. */
  close(key: AvisoKey, nowMs: number): boolean {
    const known = this.#open.get(keyText(key));
    if (known === undefined) return false;
    this.#close(known, nowMs, nowMs, false);
    return true;
  }

  /** At a stop: nobody is told. */
  closeAll(nowMs: number): void {
    for (const one of this.#open.values()) this.#close(one, nowMs, nowMs, true);
  }

  /** Closes those that have passed (A3); call it every second or so. */
  tick(nowMs: number): void {
    for (const one of this.#open.values()) {
      if (one.passes && nowMs - one.row.actualizadaMs >= this.#enfriamientoMs) {
        this.#close(one, one.row.actualizadaMs, nowMs, false);
      }
    }
  }

  #makeRoom(nowMs: number): void {
    if (this.#open.size < OPEN_MAX) return;
    const [oldest] = this.#open.values();
    this.#close(oldest!, nowMs, nowMs, false);
  }

  #close({ row }: Open, cerradaMs: number, nowMs: number, quiet: boolean): void {
    this.#open.delete(keyText(row));
    this.#hub.takeRow('cerrada', { ...row, cerradaMs }, nowMs, quiet);
  }
}

function keyText({ bloque, clave, regla }: AvisoKey): string {
  return `${bloque}\0${clave}\0${regla}`;
}
