/**
 * What may take long to answer: file systems (statfs) and temperature sensors (a bus, a disk's own controller).
 *
 * Owns finding and asking them, off the main thread. Leaves what the answers mean to domain/host.
 *
 * G1 Nothing here holds up a scan: a round runs in the background, its answers wait for the next scan, and a round that
 *    hangs is the last one until it ends.
 */
import { readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cleanPart, uniqueName } from '#domain/host/claves.ts';
import type { ClaveHost, Claves, ScanOutput } from '#domain/host/claves.ts';
import { percent } from '#domain/host/counters.ts';
import { chooseMounts, makeMountClaves, usedPercent } from '#domain/host/mounts.ts';
import type { MountClaves } from '#domain/host/mounts.ts';
import { parseMilliCelsius } from '#domain/host/temperature.ts';
import { errorCodeOf } from './proc-reader.ts';

/** Sensors do not come and go like mounts: every so many rounds is enough. */
const FIND_SENSORS_ROUNDS = 6;
const SENSORS_MAX = 64;
const MOUNTS_MAX = 256;

interface Sensor {
  readonly path: string;
  readonly clave: ClaveHost;
}

export interface SlowPaths {
  /** What stands before a path of the host. */
  readonly root: string;
  readonly sys: string;
  /** Candidates for the host's own table of mounts, best first. */
  readonly mountinfo: readonly string[];
}

export class SlowGauges {
  readonly #paths: SlowPaths;
  readonly #claves: Claves;
  readonly #intervalMs: number;
  readonly #onLeftOut: (path: string, code: string) => void;
  readonly #leftOut = new Set<string>();
  /** null: not wanted. */
  readonly #mountClaves = new Map<string, MountClaves | null>();
  #sensors: readonly Sensor[] = [];
  #answers: { readonly clave: ClaveHost | null; readonly valor: number }[] = [];
  #running = false;
  #closed = false;
  #rounds = 0;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(paths: SlowPaths, claves: Claves, intervalMs: number, onLeftOut: (path: string, code: string) => void) {
    this.#paths = paths;
    this.#claves = claves;
    this.#intervalMs = intervalMs;
    this.#onLeftOut = onLeftOut;
  }

  /** Adds the answers of the last round, and starts one when it is time. */
  scan(nowMs: number, out: ScanOutput): void {
    if (this.#answers.length > 0) {
      for (const { clave, valor } of this.#answers) out.add(clave, valor);
      this.#answers = [];
    }
    if (this.#running || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#intervalMs;
    this.#running = true;
    void this.#round()
      .catch((error: unknown) => this.#leaveOut(this.#paths.sys, error))
      .finally(() => {
        this.#running = false;
      });
  }

  close(): void {
    this.#closed = true;
    this.#answers = [];
  }

  async #round(): Promise<void> {
    await this.#askMounts().catch((error: unknown) => this.#leaveOut(this.#paths.mountinfo[0]!, error));
    if (this.#rounds++ % FIND_SENSORS_ROUNDS === 0) this.#sensors = await this.#findSensors();
    for (const { path, clave } of this.#sensors) {
      const text = await readText(path);
      if (text !== null) this.#answer(clave, parseMilliCelsius(text));
    }
  }

  #answer(clave: ClaveHost | null, valor: number): void {
    if (!this.#closed) this.#answers.push({ clave, valor });
  }

  #leaveOut(path: string, error: unknown): void {
    if (this.#closed || this.#leftOut.has(path)) return;
    this.#leftOut.add(path);
    this.#onLeftOut(path, errorCodeOf(error));
  }

  async #askMounts(): Promise<void> {
    for (const { path, name } of chooseMounts(await this.#readMountinfo()).slice(0, MOUNTS_MAX)) {
      let claves = this.#mountClaves.get(name);
      if (claves === undefined) {
        claves = makeMountClaves(this.#claves, name);
        this.#mountClaves.set(name, claves);
      }
      if (claves === null) continue;
      try {
        const fs = await statfs(join(this.#paths.root, path));
        // A file system of no size, or without a fixed number of inodes, gives no share: percent of 0 is NaN, and dropped.
        this.#answer(claves.usado, usedPercent(fs.blocks, fs.bfree, fs.bavail));
        this.#answer(claves.libre, fs.blocks > 0 ? fs.bavail * fs.bsize : Number.NaN);
        this.#answer(claves.inodos, percent(fs.files - fs.ffree, fs.files));
      } catch (error) {
        this.#leaveOut(path, error);
      }
    }
  }

  async #readMountinfo(): Promise<string> {
    let failure: unknown;
    for (const path of this.#paths.mountinfo) {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** The sensors of hwmon, which name what they measure; where there are none, the thermal zones. */
  async #findSensors(): Promise<readonly Sensor[]> {
    const taken = new Set<string>();
    const found = [...(await this.#findHwmon(taken))];
    if (found.length === 0) found.push(...(await this.#findZones(taken)));
    return found
      .flatMap(({ path, name }) => {
        const clave = this.#claves.make(`temp/${name}`);
        return clave === null ? [] : [{ path, clave }];
      })
      .slice(0, SENSORS_MAX);
  }

  async #findHwmon(taken: Set<string>): Promise<{ path: string; name: string }[]> {
    const base = join(this.#paths.sys, 'class/hwmon');
    const chips: { path: string; name: string; device: string }[] = [];
    for (const entry of await listNatural(base)) {
      const path = join(base, entry);
      const name = (await readText(join(path, 'name'))) ?? entry;
      const device = basename(await readlink(join(path, 'device')).catch(() => ''));
      chips.push({ path, name: cleanPart(name), device: cleanPart(device) });
    }
    const sensors: { path: string; name: string }[] = [];
    for (const { path, name, device } of chips) {
      // hwmon7 is another chip after the next boot; two of one name (two disks) are told apart by where they are plugged in.
      const isAlone = chips.filter((chip) => chip.name === name).length === 1;
      const chip = isAlone || device === '_' ? name : `${name}@${device}`;
      for (const file of await listNatural(path)) {
        const input = /^(temp\d+)_input$/.exec(file)?.[1];
        if (input === undefined) continue;
        const label = (await readText(join(path, `${input}_label`))) ?? input;
        sensors.push({ path: join(path, file), name: uniqueName(`${chip}.${cleanPart(label)}`, taken) });
      }
    }
    return sensors;
  }

  async #findZones(taken: Set<string>): Promise<{ path: string; name: string }[]> {
    const base = join(this.#paths.sys, 'class/thermal');
    const sensors: { path: string; name: string }[] = [];
    for (const entry of await listNatural(base)) {
      if (!/^thermal_zone\d+$/.test(entry)) continue;
      const type = (await readText(join(base, entry, 'type'))) ?? entry;
      sensors.push({ path: join(base, entry, 'temp'), name: uniqueName(cleanPart(type), taken) });
    }
    return sensors;
  }
}

/** Names in a folder, hwmon2 before hwmon10; none when it is not there. */
async function listNatural(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => [] as string[]);
  return names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/** Null when it cannot be read, or is empty. */
async function readText(path: string): Promise<string | null> {
  const text = await readFile(path, 'latin1').catch(() => '');
  return text.trim() || null;
}
