/**
 * Alerts on their way: from episodios to the store (all of them) and to people (through the gate).
 *
 * Owns: rows that wait for the epoch, notices to sinks and listeners, counts. Leaves opening and closing to episodio.ts, how much is
 * told to the notice gate, sending to sinks.
 *
 * H1 Every change reaches the store with the next epoch; telling may be summarised, storing is not.
 * H2 Only a change of an episodio's row makes it wait again: an open episodio that stays as it is costs nothing.
 * H3 A row is told by `unsaved` until the epoch that holds it is in, so that no reader misses it between cut and commit.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { Quantiles } from '#domain/cycle/quantiles.ts';
import type { Episodio, EpisodioChange, EpisodioEvento } from '#domain/episodio/episodio.ts';
import type { AlertaRow } from '#ports/bloque-store.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';

/** Decides what of the notices is told; domain/episodio/notice-gate.ts is one. */
export interface Gate {
  /** Notices to tell now for this one: itself, nothing, or a summary. */
  pass(notice: AlertaNotice, nowMs: number): readonly AlertaNotice[];
  /** Summaries that have become due. */
  due(nowMs: number): readonly AlertaNotice[];
}

export interface AlertaHubDeps {
  readonly instanceId: string;
  readonly gate: Gate;
  readonly sinks: readonly AlertaSink[];
  /** The reason in words. */
  readonly texto: (row: AlertaRow) => string;
}

export function alertaRow(bloque: BloqueSimbiotico, episodio: Episodio): AlertaRow {
  return {
    id: episodio.id,
    bloque: bloque.id,
    canal: bloque.canal,
    clave: episodio.clave,
    regla: episodio.regla,
    abiertaMs: episodio.abiertaMs,
    actualizadaMs: episodio.actualizadaMs,
    cerradaMs: episodio.cerradaMs,
    valor: episodio.valor,
    lectura: episodio.lectura,
    esperadoMin: episodio.esperadoMin,
    esperadoMax: episodio.esperadoMax,
    razon: episodio.razon,
    lecturas: episodio.lecturas,
  };
}

export class AlertaHub {
  readonly latencyMs = new Quantiles();
  /** Episodios opened since the start. */
  opened = 0;
  closed = 0;

  readonly #deps: AlertaHubDeps;
  readonly #listeners = new Set<(notice: AlertaNotice) => void>();
  #waiting = new Map<string, AlertaRow>();
  /** Rows of the epoch under way. */
  #saving: readonly AlertaRow[] = [];

  constructor(deps: AlertaHubDeps) {
    this.#deps = deps;
  }

  /** Rows that wait for the epoch. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes what happened in a bloque. `arrivedMs`: when the oldest lectura behind it arrived (wall), or NaN. `quiet`: store, tell nobody. */
  take(
    bloque: BloqueSimbiotico,
    changes: readonly EpisodioChange[],
    nowMs: number,
    arrivedMs: number,
    quiet: boolean,
  ): void {
    for (const { evento, episodio } of changes) {
      this.takeRow(evento, alertaRow(bloque, episodio), nowMs, quiet);
      if (evento === 'abierta' && arrivedMs <= nowMs) this.latencyMs.observe(nowMs - arrivedMs);
    }
  }

  /** Takes one change of an alert, of whoever's. `quiet`: store, tell nobody. */
  takeRow(evento: EpisodioEvento, row: AlertaRow, nowMs: number, quiet: boolean = false): void {
    this.#waiting.set(row.id, row);
    if (evento === 'abierta') this.opened++;
    else if (evento === 'cerrada') this.closed++;
    if (quiet) return;
    const notice: AlertaNotice = {
      evento,
      instanceId: this.#deps.instanceId,
      alerta: row,
      texto: this.#deps.texto(row),
      omitidas: 0,
    };
    for (const told of this.#deps.gate.pass(notice, nowMs)) this.#tell(told);
  }

  /** Rows for the store alone, nobody is told. */
  takeStale(rows: readonly AlertaRow[]): void {
    for (const row of rows) if (!this.#waiting.has(row.id)) this.#waiting.set(row.id, row);
  }

  /** Tells summaries that are due; call about once a second. */
  tick(nowMs: number): void {
    for (const notice of this.#deps.gate.due(nowMs)) this.#tell(notice);
  }

  /** Takes the rows for an epoch; `saved` says that it is in. */
  takeRows(): readonly AlertaRow[] {
    this.#saving = [...this.#waiting.values()];
    this.#waiting = new Map();
    return this.#saving;
  }

  saved(): void {
    this.#saving = [];
  }

  /** Rows not yet in the store, newest state of an episodio last (H3). */
  *unsaved(): Generator<AlertaRow> {
    yield* this.#saving;
    yield* this.#waiting.values();
  }

  onAlerta(listener: (notice: AlertaNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(notice: AlertaNotice): void {
    for (const sink of this.#deps.sinks) sink.notify(notice);
    for (const listener of this.#listeners) listener(notice);
  }
}
