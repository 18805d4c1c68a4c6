/**
 * The files of a control group (v2): what the container that CoreC runs in uses of what it may.
 *
 * The limits are values that its neighbours divide by; a group without a limit gives no share. Memory is without the pages
 * of files that nobody used lately: the kernel takes those back before it calls the group short, and every tool that shows a
 * container's memory leaves them out. Source: kernel, Documentation/admin-guide/cgroup-v2.rst.
 */
import { WordTable } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters, percent } from './counters.ts';
import type { HostParser } from './parser.ts';

/** One file of one or two numbers; `max` reads as Infinity. */
export class NumbersParser implements HostParser {
  readonly wanted: boolean = true;
  first: number = Number.NaN;
  second: number = Number.NaN;

  scan(text: ByteCursor): void {
    const number = (): number => {
      const value = text.number();
      if (!Number.isNaN(value)) return value;
      const isWord = text.peek() === MAX_FIRST_BYTE;
      text.skipWord();
      return isWord ? Number.POSITIVE_INFINITY : Number.NaN;
    };
    this.first = number();
    this.second = number();
  }
}
const MAX_FIRST_BYTE = 109;

const CPU_LINES = new WordTable(['usage_usec', 'nr_periods', 'nr_throttled']);

/** cpu.stat */
export class ContainerCpuParser implements HostParser {
  readonly wanted: boolean;
  readonly #limit: NumbersParser;
  readonly #counted = new Counters(3);
  readonly #delta = new Float64Array(3);
  readonly #cpu: ClaveHost | null;
  readonly #usado: ClaveHost | null;
  readonly #frenado: ClaveHost | null;
  #lastMs = Number.NaN;

  /** `limit` reads cpu.max: microseconds allowed in a period, and the period. */
  constructor(claves: Claves, limit: NumbersParser) {
    this.#limit = limit;
    this.#cpu = claves.make('contenedor/cpu');
    this.#usado = claves.make('contenedor/cpu_usado');
    this.#frenado = claves.make('contenedor/frenado');
    this.wanted = this.#cpu !== null || this.#usado !== null || this.#frenado !== null;
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const passedUs = (nowMs - this.#lastMs) * 1000;
    this.#lastMs = nowMs;
    const delta = this.#delta.fill(Number.NaN);
    for (; !text.done; text.nextLine()) {
      const from = text.at;
      const line = CPU_LINES.find(text.bytes, from, text.skipWord());
      if (line !== -1) delta[line] = this.#counted.step(line, text.number());
    }
    const allowedCpus = this.#limit.first / this.#limit.second;
    out.add(this.#cpu, (100 * delta[0]!) / passedUs);
    if (Number.isFinite(allowedCpus)) out.add(this.#usado, percent(delta[0]!, passedUs * allowedCpus));
    out.add(this.#frenado, percent(delta[2]!, delta[1]!));
  }
}

const MEMORY_LINES = new WordTable(['inactive_file']);

/** memory.stat, after memory.current and memory.max were read. */
export class ContainerMemoryParser implements HostParser {
  readonly wanted: boolean;
  readonly #current: NumbersParser;
  readonly #limit: NumbersParser;
  readonly #mem: ClaveHost | null;
  readonly #usado: ClaveHost | null;

  constructor(claves: Claves, current: NumbersParser, limit: NumbersParser) {
    this.#current = current;
    this.#limit = limit;
    this.#mem = claves.make('contenedor/mem');
    this.#usado = claves.make('contenedor/mem_usado');
    this.wanted = this.#mem !== null || this.#usado !== null;
  }

  scan(text: ByteCursor, _nowMs: number, out: ScanOutput): void {
    let unused = 0;
    for (; !text.done; text.nextLine()) {
      const from = text.at;
      if (MEMORY_LINES.find(text.bytes, from, text.skipWord()) === -1) continue;
      unused = text.number();
      break;
    }
    const used = Math.max(0, this.#current.first - unused);
    out.add(this.#mem, used);
    if (Number.isFinite(this.#limit.first)) out.add(this.#usado, percent(used, this.#limit.first));
  }
}

/** pids.current */
export class ContainerPidsParser implements HostParser {
  readonly wanted: boolean;
  readonly #tareas: ClaveHost | null;

  constructor(claves: Claves) {
    this.#tareas = claves.make('contenedor/tareas');
    this.wanted = this.#tareas !== null;
  }

  scan(text: ByteCursor, _nowMs: number, out: ScanOutput): void {
    out.add(this.#tareas, text.number());
  }
}
