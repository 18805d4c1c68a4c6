/**
 * The processes of the host: listing them, looking at a bounded number in each scan, and reporting those that have a seat.
 *
 * Owns the descriptors of /proc/<pid>/stat and the order of looking. Leaves who gets a seat to domain/host/process-seats.ts.
 *
 * P1 A scan looks at the seated ones and at `leidos_max` processes in all, the others in turn: its cost has a bound whatever
 *    runs on the machine.
 * P2 A process that vanishes at any moment, or whose pid is given to another, is never an error.
 */
import { openSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cleanPart } from '#domain/host/claves.ts';
import type { ClaveHost, Claves, ScanOutput } from '#domain/host/claves.ts';
import type { FuenteHost } from '#domain/host/config.ts';
import { ProcessEntry, ProcessSeats } from '#domain/host/process-seats.ts';
import type { Machine } from '#domain/host/process-seats.ts';
import { ProcessStat } from '#domain/host/process-stat.ts';
import { closeQuietly } from './proc-reader.ts';
import type { ProcReader } from './proc-reader.ts';

/** Listing /proc costs as much as looking at thirty processes, and who is new has to grow older anyway. */
const LIST_MS = 5000;
/** Of kernel threads only the pid is remembered, so that they cost nothing; forgotten now and then, for pids are used again. */
const KERNEL_MEMORY_MS = 600_000;
/** Descriptors kept for processes; beyond them a look opens and closes, at three times the cost. */
const KEPT_FDS_MAX = 512;
/** Runtimes that rename the first of their threads: the program's own name tells more. */
const NAMELESS = new Set(['MainThread', 'main', 'exe']);

class HostProcess extends ProcessEntry {
  /** -1: not kept open. */
  fd = -1;
  /** The listing that showed it last. */
  listing = 0;
  cpuClave: ClaveHost | null = null;
  rssClave: ClaveHost | null = null;
}

export class HostProcesses {
  readonly #reader: ProcReader;
  readonly #procPath: string;
  readonly #claves: Claves;
  readonly #config: FuenteHost['procesos'];
  readonly #pageBytes: number;
  readonly #ticksPerSecond: number;
  readonly #seats: ProcessSeats<HostProcess>;
  readonly #stat = new ProcessStat();
  readonly #byPid = new Map<number, HostProcess>();
  /** pid -> the listing that showed it last */
  readonly #kernelPids = new Map<number, number>();
  #entries: HostProcess[] = [];
  #turn = 0;
  #keptFds = 0;
  #listing = 0;
  #listedMs = Number.NEGATIVE_INFINITY;
  #kernelForgottenMs = Number.NEGATIVE_INFINITY;
  #someOut = false;

  constructor(
    reader: ProcReader,
    procPath: string,
    claves: Claves,
    config: FuenteHost['procesos'],
    units: { readonly pageBytes: number; readonly ticksPerSecond: number },
  ) {
    this.#reader = reader;
    this.#procPath = procPath;
    this.#claves = claves;
    this.#config = config;
    this.#pageBytes = units.pageBytes;
    this.#ticksPerSecond = units.ticksPerSecond;
    this.#seats = new ProcessSeats(config.max, config.edad_min_s * 1000);
  }

  scan(machine: Machine, nowMs: number, out: ScanOutput): void {
    if (nowMs - this.#listedMs >= LIST_MS) this.#list(nowMs);
    let looks = 0;
    for (const entry of this.#seats.seated) {
      this.#look(entry, nowMs);
      looks++;
    }
    const entries = this.#entries;
    for (let i = 0; i < entries.length && looks < this.#config.leidos_max; i++) {
      this.#turn = this.#turn + 1 < entries.length ? this.#turn + 1 : 0;
      const entry = entries[this.#turn]!;
      if (entry.isSeated || entry.isOut) continue;
      this.#look(entry, nowMs);
      looks++;
    }
    for (const entry of this.#seats.update(entries, machine, nowMs)) this.#name(entry);
    for (const entry of this.#seats.seated) {
      if (entry.readMs !== nowMs || entry.isOut) continue;
      out.add(entry.cpuClave, entry.cpu);
      out.add(entry.rssClave, entry.rssBytes);
    }
    if (this.#someOut) this.#sweep();
  }

  close(): void {
    for (const entry of this.#entries) this.#letGo(entry);
    this.#entries = [];
    this.#byPid.clear();
  }

  #list(nowMs: number): void {
    let names: string[];
    try {
      names = readdirSync(this.#procPath);
    } catch {
      return;
    }
    // Who is there at the first listing may have been there for long.
    const firstSeenMs = this.#listing === 0 ? Number.NEGATIVE_INFINITY : nowMs;
    const listing = ++this.#listing;
    this.#listedMs = nowMs;
    if (nowMs - this.#kernelForgottenMs >= KERNEL_MEMORY_MS) {
      this.#kernelPids.clear();
      this.#kernelForgottenMs = nowMs;
    }
    for (const name of names) {
      const pid = Number(name);
      if (!(pid > 0)) continue;
      if (this.#kernelPids.has(pid)) {
        this.#kernelPids.set(pid, listing);
        continue;
      }
      let entry = this.#byPid.get(pid);
      if (entry === undefined) {
        entry = new HostProcess(pid, firstSeenMs);
        this.#byPid.set(pid, entry);
        this.#entries.push(entry);
      }
      entry.listing = listing;
    }
    for (const entry of this.#entries) if (entry.listing !== listing) this.#putOut(entry);
    for (const [pid, seen] of this.#kernelPids) if (seen !== listing) this.#kernelPids.delete(pid);
  }

  #look(entry: HostProcess, nowMs: number): void {
    const stat = this.#stat;
    if (!this.#readStat(entry) || !stat.parse(this.#reader.cursor) || stat.isOver) {
      this.#putOut(entry);
      return;
    }
    if (stat.isKernel && !this.#config.hilos_kernel) {
      this.#kernelPids.set(entry.pid, this.#listing);
      this.#putOut(entry);
      return;
    }
    // Another process under the same pid: the next listing makes it an entry of its own.
    if (stat.startTicks !== entry.startTicks && !Number.isNaN(entry.startTicks)) {
      this.#putOut(entry);
      return;
    }
    entry.startTicks = stat.startTicks;
    entry.look(stat.ticks, stat.rssPages * this.#pageBytes, nowMs, this.#ticksPerSecond);
  }

  #readStat(entry: HostProcess): boolean {
    if (entry.fd !== -1) return this.#reader.readShort(entry.fd);
    let fd: number;
    try {
      fd = openSync(`${this.#procPath}/${entry.pid}/stat`, 'r');
    } catch {
      return false;
    }
    const isRead = this.#reader.readShort(fd);
    if (isRead && this.#keptFds < KEPT_FDS_MAX) {
      entry.fd = fd;
      this.#keptFds++;
    } else {
      closeQuietly(fd);
    }
    return isRead;
  }

  /** Names a process that sat down. The name stays for as long as it sits, even if the process takes another. */
  #name(entry: HostProcess): void {
    if (!this.#readStat(entry) || !this.#stat.parse(this.#reader.cursor)) {
      this.#putOut(entry);
      return;
    }
    const name = this.#reader.cursor.text(this.#stat.nameFrom, this.#stat.nameTo);
    if (!NAMELESS.has(name)) {
      this.#makeClaves(entry, name);
      return;
    }
    // In the background: the kernel takes a lock of the process for it, and one that hangs may hold that lock for good.
    void readFile(`${this.#procPath}/${entry.pid}/cmdline`, 'latin1')
      .then(programName, () => null)
      .then((program) => this.#makeClaves(entry, program ?? name));
  }

  #makeClaves(entry: HostProcess, name: string): void {
    if (entry.isOut) return;
    const thing = `proc/${entry.pid}.${cleanPart(name)}`;
    entry.cpuClave = this.#claves.make(`${thing}/cpu`);
    entry.rssClave = this.#claves.make(`${thing}/rss`);
    // Not wanted: its seat is free at the next scan, and it is not considered again.
    if (entry.cpuClave !== null || entry.rssClave !== null) return;
    entry.isOut = true;
    this.#letGo(entry);
  }

  /** Gone: out of everything at the end of the scan. */
  #putOut(entry: HostProcess): void {
    entry.isOut = true;
    this.#someOut = true;
    this.#letGo(entry);
    if (this.#byPid.get(entry.pid) === entry) this.#byPid.delete(entry.pid);
  }

  #letGo(entry: HostProcess): void {
    if (entry.fd === -1) return;
    closeQuietly(entry.fd);
    entry.fd = -1;
    this.#keptFds--;
  }

  #sweep(): void {
    this.#someOut = false;
    this.#entries = this.#entries.filter((entry) => this.#byPid.get(entry.pid) === entry);
  }
}

/** The file name of the first argument of a command line; null when there is none. */
function programName(command: string): string | null {
  const program = command.slice(0, command.search(/[\0 ]|$/));
  return program.slice(program.lastIndexOf('/') + 1) || null;
}
