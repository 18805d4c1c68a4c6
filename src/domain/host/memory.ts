/**
 * /proc/meminfo and /proc/vmstat: memory as it stands, and what it costs to be short of it.
 *
 * Claves of swap are made only where there is some. Source: proc_meminfo(5), proc_vmstat(5).
 */
import { WordTable } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters, percent } from './counters.ts';
import type { HostParser } from './parser.ts';

const KIB = 1024;
const COLON = 58;

const MEMINFO = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'Buffers',
  'Cached',
  'AnonPages',
  'Shmem',
  'Dirty',
  'Writeback',
  'SUnreclaim',
  'SwapTotal',
  'SwapFree',
] as const;
const MEMINFO_LINES = new WordTable(MEMINFO);
const at = (word: (typeof MEMINFO)[number]): number => MEMINFO.indexOf(word);
const TOTAL = at('MemTotal');
const FREE = at('MemFree');
const AVAILABLE = at('MemAvailable');
const BUFFERS = at('Buffers');
const CACHED = at('Cached');
const ANON = at('AnonPages');
const SHMEM = at('Shmem');
const DIRTY = at('Dirty');
const WRITEBACK = at('Writeback');
const SLAB = at('SUnreclaim');
const SWAP_TOTAL = at('SwapTotal');
const SWAP_FREE = at('SwapFree');

export class MeminfoParser implements HostParser {
  /** Always: the share of a process in the memory is told from it. */
  readonly wanted: boolean = true;
  /** NaN until a text told it. */
  totalBytes: number = Number.NaN;
  swapBytes = 0;
  readonly #bytes = new Float64Array(MEMINFO.length);
  readonly #disponible: ClaveHost | null;
  readonly #usado: ClaveHost | null;
  readonly #cache: ClaveHost | null;
  readonly #anonima: ClaveHost | null;
  readonly #compartida: ClaveHost | null;
  readonly #sucia: ClaveHost | null;
  readonly #slab: ClaveHost | null;
  readonly #swapUsado: ClaveHost | null;

  constructor(claves: Claves) {
    this.#disponible = claves.make('mem/disponible');
    this.#usado = claves.make('mem/usado');
    this.#cache = claves.make('mem/cache');
    this.#anonima = claves.make('mem/anonima');
    this.#compartida = claves.make('mem/compartida');
    this.#sucia = claves.make('mem/sucia');
    this.#slab = claves.make('mem/slab');
    this.#swapUsado = claves.make('swap/usado');
  }

  scan(text: ByteCursor, _nowMs: number, out: ScanOutput): void {
    const bytes = this.#bytes.fill(Number.NaN);
    for (; !text.done; text.nextLine()) {
      const from = text.at;
      const line = MEMINFO_LINES.find(text.bytes, from, text.skipWord(COLON));
      if (line === -1) continue;
      text.skipByte();
      bytes[line] = text.number() * KIB;
    }
    const total = bytes[TOTAL]!;
    const cache = bytes[CACHED]! + bytes[BUFFERS]!;
    // Kernels before 3.14 do not estimate what is available.
    const available = Number.isNaN(bytes[AVAILABLE]!) ? bytes[FREE]! + cache : bytes[AVAILABLE]!;
    if (total > 0) this.totalBytes = total;
    out.add(this.#disponible, available);
    out.add(this.#usado, percent(total - available, total));
    out.add(this.#cache, cache);
    out.add(this.#anonima, bytes[ANON]!);
    out.add(this.#compartida, bytes[SHMEM]!);
    out.add(this.#sucia, bytes[DIRTY]! + bytes[WRITEBACK]!);
    out.add(this.#slab, bytes[SLAB]!);
    this.swapBytes = bytes[SWAP_TOTAL]! > 0 ? bytes[SWAP_TOTAL]! : 0;
    if (this.swapBytes > 0) out.add(this.#swapUsado, percent(this.swapBytes - bytes[SWAP_FREE]!, this.swapBytes));
  }
}

const VMSTAT_LINES = new WordTable(['pgmajfault', 'oom_kill', 'pswpin', 'pswpout']);

export class VmstatParser implements HostParser {
  readonly #meminfo: { readonly swapBytes: number };
  readonly #pageBytes: number;
  readonly #counted = new Counters(4);
  readonly #majfault: ClaveHost | null;
  readonly #oom: ClaveHost | null;
  readonly #swapIn: ClaveHost | null;
  readonly #swapOut: ClaveHost | null;
  #lastMs = Number.NaN;

  constructor(claves: Claves, meminfo: { readonly swapBytes: number }, pageBytes: number) {
    this.#meminfo = meminfo;
    this.#pageBytes = pageBytes;
    this.#majfault = claves.make('mem/majfault_s');
    this.#oom = claves.make('mem/oom_s');
    this.#swapIn = claves.make('swap/entra_bytes_s');
    this.#swapOut = claves.make('swap/sale_bytes_s');
  }

  get wanted(): boolean {
    return (
      this.#majfault !== null ||
      this.#oom !== null ||
      (this.#meminfo.swapBytes > 0 && (this.#swapIn !== null || this.#swapOut !== null))
    );
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    for (; !text.done; text.nextLine()) {
      const from = text.at;
      const line = VMSTAT_LINES.find(text.bytes, from, text.skipWord());
      if (line === -1) continue;
      const perSecond = this.#counted.step(line, text.number()) / seconds;
      if (line === 0) out.add(this.#majfault, perSecond);
      else if (line === 1) out.add(this.#oom, perSecond);
      else if (this.#meminfo.swapBytes > 0) {
        out.add(line === 2 ? this.#swapIn : this.#swapOut, perSecond * this.#pageBytes);
      }
    }
  }
}
