/**
 * Which mensajes of a cycle go into the stream of the canal (`publicar`), as one frame.
 *
 * Owns choosing them and the frame. Leaves who ran to the bloque, sending to the nucleus.
 *
 * P1 A mensaje says how an entidad stands at the end of the cycle: of several lecturas between two cycles the last one counts, so a
 *    frame holds an entidad once, and a file that is read at full speed does not flood the stream.
 * P2 `todos`: every entidad that ran. `cambios`: those whose valor or activo is not what was published last, whoever ran; after a
 *    start nothing is known of that, so each entidad is published once.
 */
import { encodeFrameOf } from '../codec/mensaje.ts';
import type { Publicar } from '../config/config.ts';
import { OCUPADO, type CoreColumns } from '../entidad/columns.ts';

/** One cycle at a time is looked at, and nothing of it outlives the look. */
let chosen = new Uint16Array(1024);

export class Publication {
  readonly modo: Exclude<Publicar, 'ninguno'>;
  /** What was published last of each slot; NaN: nothing. */
  #valor: Float32Array | null;
  #activo: Uint8Array | null;

  constructor(modo: Exclude<Publicar, 'ninguno'>, slots: number) {
    this.modo = modo;
    this.#valor = modo === 'cambios' ? new Float32Array(slots).fill(NaN) : null;
    this.#activo = modo === 'cambios' ? new Uint8Array(slots) : null;
  }

  /** The frame of a cycle over slots [0, used); null: there is nothing to publish. `ran`: `stamp[slot] === now`. */
  frame(core: CoreColumns, canal: number, used: number, stamp: Uint16Array | null, now: number): Uint8Array | null {
    if (chosen.length < used) chosen = new Uint16Array(used * 2);
    const count = this.modo === 'todos' ? chooseRan(core, used, stamp, now) : this.#chooseChanged(core, used);
    if (count === 0) return null;
    return encodeFrameOf(core.numero, canal, core.valor, core.activo, chosen, count);
  }

  /** Another entidad stands in this slot: nothing of it was published. */
  forget(slot: number): void {
    if (this.#valor !== null) this.#valor[slot] = NaN;
  }

  resize(slots: number): void {
    if (this.#valor === null || this.#activo === null) return;
    const valor = new Float32Array(slots).fill(NaN);
    valor.set(this.#valor.subarray(0, slots));
    const activo = new Uint8Array(slots);
    activo.set(this.#activo.subarray(0, slots));
    this.#valor = valor;
    this.#activo = activo;
  }

  #chooseChanged({ ocupado, valor, activo }: CoreColumns, used: number): number {
    const lastValor = this.#valor!;
    const lastActivo = this.#activo!;
    let count = 0;
    for (let slot = 0; slot < used; slot++) {
      const now = valor[slot]!;
      if (lastValor[slot] === now && lastActivo[slot] === activo[slot]) continue;
      if (ocupado[slot] === OCUPADO.libre) continue;
      lastValor[slot] = now;
      lastActivo[slot] = activo[slot]!;
      chosen[count++] = slot;
    }
    return count;
  }
}

function chooseRan({ ocupado }: CoreColumns, used: number, stamp: Uint16Array | null, now: number): number {
  if (stamp === null) return 0;
  let count = 0;
  for (let slot = 0; slot < used; slot++) {
    if (stamp[slot] === now && ocupado[slot] !== OCUPADO.libre) chosen[count++] = slot;
  }
  return count;
}
