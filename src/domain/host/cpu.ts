/**
 * /proc/stat: where the time of the processors went, and what the kernel counted beside it.
 *
 * Shares are of the ticks that passed by the kernel's own count, so they need no clock. A guest's time is already inside
 * `user`; stolen time is its own share and not part of `usado`. Source: proc(5), proc_stat(5).
 */
import { asciiBytes, WordTable } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters, percent } from './counters.ts';
import type { HostParser } from './parser.ts';

const CPU = asciiBytes('cpu');
const LINES = new WordTable(['intr', 'ctxt', 'processes', 'procs_running', 'procs_blocked']);

/** user nice system idle iowait irq softirq steal */
const TICK_FIELDS = 8;
const IDLE = 3;
const IOWAIT = 4;
const CPUS_MAX = 8192;

interface CpuClaves {
  readonly usado: ClaveHost | null;
  readonly usuario: ClaveHost | null;
  readonly sistema: ClaveHost | null;
  readonly espera: ClaveHost | null;
  readonly irq: ClaveHost | null;
  readonly robado: ClaveHost | null;
}

class CpuTimes {
  readonly #claves: CpuClaves;
  readonly #ticks = new Counters(TICK_FIELDS);
  readonly #delta = new Float64Array(TICK_FIELDS);

  constructor(claves: CpuClaves) {
    this.#claves = claves;
  }

  scan(text: ByteCursor, out: ScanOutput): void {
    const delta = this.#delta;
    let total = 0;
    for (let i = 0; i < TICK_FIELDS; i++) {
      const ticks = text.number();
      // Old kernels end before `steal`. Idle and iowait may go back by a few ticks, which is no reset of the others.
      const passed = Number.isNaN(ticks) ? 0 : this.#ticks.step(i, ticks);
      delta[i] = Number.isNaN(passed) && (i === IDLE || i === IOWAIT) ? 0 : passed;
      total += delta[i]!;
    }
    const claves = this.#claves;
    const user = delta[0]! + delta[1]!;
    const system = delta[2]!;
    const irq = delta[5]! + delta[6]!;
    out.add(claves.usado, percent(user + system + irq, total));
    out.add(claves.usuario, percent(user, total));
    out.add(claves.sistema, percent(system, total));
    out.add(claves.espera, percent(delta[IOWAIT]!, total));
    out.add(claves.irq, percent(irq, total));
    out.add(claves.robado, percent(delta[7]!, total));
  }
}

export class CpuParser implements HostParser {
  readonly wanted: boolean = true;
  /** Processors that the last text listed; at least 1. */
  cpus = 1;
  readonly #claves: Claves;
  readonly #total: CpuTimes;
  readonly #each: CpuTimes[] = [];
  readonly #counted = new Counters(3);
  readonly #interrupts: ClaveHost | null;
  readonly #switches: ClaveHost | null;
  readonly #created: ClaveHost | null;
  readonly #running: ClaveHost | null;
  readonly #waiting: ClaveHost | null;
  #lastMs = Number.NaN;

  constructor(claves: Claves) {
    this.#claves = claves;
    this.#total = new CpuTimes({
      usado: claves.make('cpu/total/usado'),
      usuario: claves.make('cpu/total/usuario'),
      sistema: claves.make('cpu/total/sistema'),
      espera: claves.make('cpu/total/espera'),
      irq: claves.make('cpu/total/irq'),
      robado: claves.make('cpu/total/robado'),
    });
    this.#interrupts = claves.make('kernel/interrupciones_s');
    this.#switches = claves.make('kernel/contextos_s');
    this.#created = claves.make('tareas/creadas_s');
    this.#running = claves.make('tareas/en_marcha');
    this.#waiting = claves.make('tareas/en_espera');
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    let cpus = 0;
    for (; !text.done; text.nextLine()) {
      if (text.startsWith(CPU)) {
        text.at += CPU.length;
        const digit = text.peek();
        if (digit < 48 || digit > 57) {
          this.#total.scan(text, out);
          continue;
        }
        const id = text.number();
        if (id >= CPUS_MAX) continue;
        cpus++;
        (this.#each[id] ??= this.#makeCpu(id)).scan(text, out);
        continue;
      }
      const from = text.at;
      const line = LINES.find(text.bytes, from, text.skipWord());
      if (line === -1) continue;
      const value = text.number();
      if (line === 0) out.add(this.#interrupts, this.#counted.step(0, value) / seconds);
      else if (line === 1) out.add(this.#switches, this.#counted.step(1, value) / seconds);
      else if (line === 2) out.add(this.#created, this.#counted.step(2, value) / seconds);
      else if (line === 3) out.add(this.#running, value);
      else out.add(this.#waiting, value);
    }
    this.cpus = Math.max(1, cpus);
  }

  #makeCpu(id: number): CpuTimes {
    const usado = this.#claves.make(`cpu/${id}/usado`);
    return new CpuTimes({ usado, usuario: null, sistema: null, espera: null, irq: null, robado: null });
  }
}
