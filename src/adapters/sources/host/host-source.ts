/**
 * The live source `host`: the machine that CoreC runs on, as one scan of /proc and /sys per interval.
 *
 * Owns when to scan and which texts are read. Leaves what they say to the parsers of domain/host, and claves that no longer
 * come (processes, devices) to the router's TTL. Each clave and its unit: docs/HOST.md.
 *
 * H1 A scan never throws and never waits: what is missing on a machine (no root, a container, no /sys, another processor)
 *    is left out and said once.
 * H2 Scans stand on a grid of monotonic time from the first one on; a late scan takes the next free place instead of
 *    moving the grid, and none comes sooner than half an interval after the last: its rates would be noise.
 * H3 Nothing can be read again: after a restart rates begin anew, with the second scan.
 */
import { accessSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoreCError } from '#domain/errors.ts';
import { Claves, ScanOutput } from '#domain/host/claves.ts';
import type { FuenteHost } from '#domain/host/config.ts';
import {
  ContainerCpuParser,
  ContainerMemoryParser,
  ContainerPidsParser,
  NumbersParser,
} from '#domain/host/container.ts';
import { CpuParser } from '#domain/host/cpu.ts';
import { DiskParser, isPartitionName } from '#domain/host/disk.ts';
import { FileNrParser, LoadParser, PressureParser } from '#domain/host/load.ts';
import { MeminfoParser, VmstatParser } from '#domain/host/memory.ts';
import { NetParser, SnmpParser } from '#domain/host/net.ts';
import type { HostParser } from '#domain/host/parser.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Source, SourcePosition, SourceState } from '#ports/source.ts';
import { errorCodeOf, makeKeptFile, ProcReader } from './proc-reader.ts';
import type { KeptFile } from './proc-reader.ts';
import { HostProcesses } from './processes.ts';
import { SlowGauges } from './slow-gauges.ts';

const TAG = 'FuenteHost';
const PAGE_BYTES_USUAL = 4096;
const TICKS_PER_SECOND_USUAL = 100;

export interface HostSourceDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Part {
  readonly file: KeptFile;
  readonly parser: HostParser;
}

export class HostSource implements Source {
  readonly id: string;
  readonly replayable = false;
  readonly live = true;
  readonly #config: FuenteHost;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #out = new ScanOutput();
  readonly #reader: ProcReader;
  readonly #leftOut: string[] = [];
  readonly #proc: string;
  readonly #sys: string;
  #parts: readonly Part[] = [];
  #cpu: CpuParser | null = null;
  #meminfo: MeminfoParser | null = null;
  #processes: HostProcesses | null = null;
  #slow: SlowGauges | null = null;
  #nextMs = Number.NaN;
  #rows = 0;

  constructor(config: FuenteHost, deps: HostSourceDeps) {
    this.id = `host:${config.bloque}`;
    this.#config = config;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#proc = join(config.raiz, 'proc');
    this.#sys = join(config.raiz, 'sys');
    this.#reader = new ProcReader(this.#noteLeftOut);
  }

  /** `position` says nothing: what the host was like cannot be asked later. Errors: COREC_E_SOURCE_OPEN. */
  // oxlint-disable-next-line require-await -- the port is asynchronous
  async open(_position: SourcePosition | null): Promise<void> {
    try {
      accessSync(join(this.#proc, 'stat'));
    } catch (error) {
      throw new CoreCError(
        'COREC_E_SOURCE_OPEN',
        {
          source: this.id,
          found: `${join(this.#proc, 'stat')}: ${errorCodeOf(error)}`,
          hint: "The source host reads Linux's /proc: mount it, give the host's file system as raiz, or take the entry out of fuentes.",
        },
        error,
      );
    }
    this.#build();
    this.#nextMs = Number.NaN;
  }

  async read(batch: LecturaBatch): Promise<SourceState> {
    if (this.#out.pending === 0) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs < this.#nextMs) return this.#idle();
      this.#scan();
      this.#nextMs = this.#placeAfter(nowMs);
    }
    this.#rows += this.#out.drain(batch);
    if (this.#out.pending > 0) return { kind: 'more' };
    return this.#idle();
  }

  /** Rounded up: timers count whole milliseconds, and one that rings early costs a call for nothing. */
  #idle(): SourceState {
    return { kind: 'idle', retryMs: Math.max(0, Math.ceil(this.#nextMs - this.#clock.monotonicMs())) };
  }

  position(): SourcePosition {
    return {};
  }

  progress(): { bytesDone: number; bytesTotal: null; rows: number; refused: number } {
    return { bytesDone: this.#reader.bytesRead, bytesTotal: null, rows: this.#rows, refused: 0 };
  }

  async close(): Promise<void> {
    for (const { file } of this.#parts) this.#reader.close(file);
    this.#parts = [];
    this.#processes?.close();
    this.#slow?.close();
    this.#processes = null;
    this.#slow = null;
  }

  #scan(): void {
    const out = this.#out;
    out.begin(this.#clock.nowMs());
    for (const { file, parser } of this.#parts) {
      if (!parser.wanted) continue;
      const nowMs = this.#clock.monotonicMs();
      if (this.#reader.read(file, nowMs)) parser.scan(this.#reader.cursor, nowMs, out);
    }
    const nowMs = this.#clock.monotonicMs();
    this.#processes?.scan({ cpus: this.#cpu!.cpus, memoryBytes: this.#meminfo!.totalBytes }, nowMs, out);
    this.#slow?.scan(nowMs, out);
    this.#tellLeftOut();
  }

  /** H2 */
  #placeAfter(nowMs: number): number {
    const { intervalo_ms: interval } = this.#config;
    if (Number.isNaN(this.#nextMs)) return nowMs + interval;
    const places = Math.max(1, Math.ceil((nowMs + interval / 2 - this.#nextMs) / interval));
    return this.#nextMs + places * interval;
  }

  #build(): void {
    const { include, exclude, raiz, procesos, intervalo_lento_ms: slowMs } = this.#config;
    const claves = new Claves(include, exclude);
    const units = this.#readUnits();
    // With another root, /proc/self would show what this process sees instead of what the host's first one does.
    const seenFrom = raiz !== '/' && existsSync(join(this.#proc, '1')) ? '1/' : '';
    const parts: Part[] = [];
    const take = <T extends HostParser>(path: string, parser: T, isLong: boolean = false): T => {
      parts.push({ file: makeKeptFile(path, isLong), parser });
      return parser;
    };
    const proc = (name: string): string => join(this.#proc, name);
    const cpu = take(proc('stat'), new CpuParser(claves));
    const meminfo = take(proc('meminfo'), new MeminfoParser(claves));
    take(proc('vmstat'), new VmstatParser(claves, meminfo, units.pageBytes), true);
    take(proc('loadavg'), new LoadParser(claves));
    take(proc('diskstats'), new DiskParser(claves, this.#isWholeDisk), true);
    take(proc(`${seenFrom}net/dev`), new NetParser(claves), true);
    take(proc(`${seenFrom}net/snmp`), new SnmpParser(claves), true);
    take(proc('sys/fs/file-nr'), new FileNrParser(claves));
    take(proc('pressure/cpu'), new PressureParser(claves, 'cpu'));
    take(proc('pressure/memory'), new PressureParser(claves, 'mem'));
    take(proc('pressure/io'), new PressureParser(claves, 'io'));
    const cgroup = join(this.#sys, 'fs/cgroup');
    // The root of all groups has no such file: then this is no container, and the machine's own figures say it all.
    if (existsSync(join(cgroup, 'memory.current'))) {
      const cpuLimit = take(join(cgroup, 'cpu.max'), new NumbersParser());
      take(join(cgroup, 'cpu.stat'), new ContainerCpuParser(claves, cpuLimit));
      const current = take(join(cgroup, 'memory.current'), new NumbersParser());
      const limit = take(join(cgroup, 'memory.max'), new NumbersParser());
      take(join(cgroup, 'memory.stat'), new ContainerMemoryParser(claves, current, limit));
      take(join(cgroup, 'pids.current'), new ContainerPidsParser(claves));
    }
    this.#cpu = cpu;
    this.#meminfo = meminfo;
    this.#parts = parts;
    this.#processes = procesos.max === 0 ? null : new HostProcesses(this.#reader, this.#proc, claves, procesos, units);
    this.#slow = new SlowGauges(
      {
        root: raiz,
        sys: this.#sys,
        mountinfo: seenFrom === '' ? [proc('self/mountinfo')] : [proc('1/mountinfo'), proc('self/mountinfo')],
      },
      claves,
      slowMs,
      this.#noteLeftOut,
    );
  }

  readonly #isWholeDisk = (name: string): boolean => {
    const base = join(this.#sys, 'block');
    // The kernel writes a / of a device's name as ! there.
    return existsSync(base) ? existsSync(join(base, name.replaceAll('/', '!'))) : !isPartitionName(name);
  };

  /** From the vector that the kernel hands to every program: pairs of 64-bit words. Source: getauxval(3). */
  #readUnits(): { pageBytes: number; ticksPerSecond: number } {
    const found = new Map<number, number>();
    try {
      const vector = readFileSync(join(this.#proc, 'self/auxv'));
      for (let at = 0; at + 16 <= vector.length; at += 16) {
        found.set(Number(vector.readBigUInt64LE(at)), Number(vector.readBigUInt64LE(at + 8)));
      }
    } catch {
      // A tree without it: the usual values.
    }
    const pageBytes = found.get(6) ?? 0;
    const ticksPerSecond = found.get(17) ?? 0;
    return {
      pageBytes: pageBytes >= 4096 && pageBytes <= 1_048_576 ? pageBytes : PAGE_BYTES_USUAL,
      ticksPerSecond: ticksPerSecond > 0 && ticksPerSecond <= 10_000 ? ticksPerSecond : TICKS_PER_SECOND_USUAL,
    };
  }

  readonly #noteLeftOut = (path: string, code: string): void => {
    this.#leftOut.push(`${path} (${code})`);
  };

  #tellLeftOut(): void {
    if (this.#leftOut.length === 0) return;
    const left = this.#leftOut.splice(0);
    this.#logger.info(TAG, `Left out, since this machine does not let it be read: ${left.join(', ')}`, {
      count: left.length,
    });
  }
}
