/**
 * The short texts: /proc/loadavg, /proc/sys/fs/file-nr and /proc/pressure/*.
 *
 * Pressure is the share of time in which some (or all) tasks stood still for want of a resource, told from the running
 * total rather than from the kernel's own 10 s average, so that one scan is one independent sample. Source: kernel,
 * Documentation/accounting/psi.rst; proc_loadavg(5).
 */
import { asciiBytes } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters, percent } from './counters.ts';
import type { HostParser } from './parser.ts';

export class LoadParser implements HostParser {
  readonly wanted: boolean;
  readonly #means: readonly (ClaveHost | null)[];
  readonly #hilos: ClaveHost | null;

  constructor(claves: Claves) {
    this.#means = ['1m', '5m', '15m'].map((span) => claves.make(`carga/${span}`));
    this.#hilos = claves.make('tareas/hilos');
    this.wanted = this.#hilos !== null || this.#means.some((clave) => clave !== null);
  }

  scan(text: ByteCursor, _nowMs: number, out: ScanOutput): void {
    for (const clave of this.#means) out.add(clave, text.number());
    // `2/345`: tasks that can run, and all of them.
    text.number();
    text.skipByte();
    out.add(this.#hilos, text.number());
  }
}

/** `allocated free maximum`: open files of the whole machine. */
export class FileNrParser implements HostParser {
  readonly wanted: boolean;
  readonly #abiertos: ClaveHost | null;

  constructor(claves: Claves) {
    this.#abiertos = claves.make('archivos/abiertos');
    this.wanted = this.#abiertos !== null;
  }

  scan(text: ByteCursor, _nowMs: number, out: ScanOutput): void {
    const allocated = text.number();
    out.add(this.#abiertos, allocated - text.number());
  }
}

const SOME = asciiBytes('some');
const FULL = asciiBytes('full');
const TOTAL = asciiBytes('total=');

export class PressureParser implements HostParser {
  readonly wanted: boolean;
  readonly #some: ClaveHost | null;
  readonly #full: ClaveHost | null;
  readonly #counted = new Counters(2);
  #lastMs = Number.NaN;

  constructor(claves: Claves, resource: 'cpu' | 'mem' | 'io') {
    this.#some = claves.make(`presion/${resource}/some`);
    // Of the whole machine, `full` of the processors is not defined: the kernel writes zeros.
    this.#full = resource === 'cpu' ? null : claves.make(`presion/${resource}/full`);
    this.wanted = this.#some !== null || this.#full !== null;
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const passedUs = (nowMs - this.#lastMs) * 1000;
    this.#lastMs = nowMs;
    for (; !text.done; text.nextLine()) {
      const isSome = text.startsWith(SOME);
      if (!isSome && !text.startsWith(FULL)) continue;
      for (let field = 0; field < 5; field++) {
        text.skipSpaces();
        if (text.startsWith(TOTAL)) {
          text.at += TOTAL.length;
          const stalledUs = this.#counted.step(isSome ? 0 : 1, text.number());
          out.add(isSome ? this.#some : this.#full, percent(stalledUs, passedUs));
          break;
        }
        text.skipWord();
      }
    }
  }
}
