/**
 * /proc/diskstats: what each whole disk read and wrote, and how long it took.
 *
 * Partitions are left out: their traffic is their disk's. Source: kernel, Documentation/admin-guide/iostats.rst.
 */
import { NamedThings } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import { cleanPart } from './claves.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters, percent } from './counters.ts';
import type { HostParser } from './parser.ts';

/** A sector of this text is 512 bytes whatever the disk's own. */
const SECTOR_BYTES = 512;

/** Told by the name, for where /sys/block cannot be asked: sda1, vdb2, nvme0n1p3, mmcblk0p1, mmcblk0boot0. */
export function isPartitionName(name: string): boolean {
  return /^(?:(?:s|h|v|xv)d[a-z]+\d+|(?:nvme\d+n\d+|mmcblk\d+|nbd\d+|md\d+|loop\d+)p\d+|mmcblk\d+(?:boot|gp)\d+|mmcblk\d+rpmb)$/.test(
    name,
  );
}

interface Disk {
  readonly counted: Counters;
  readonly leidoBytes: ClaveHost | null;
  readonly escritoBytes: ClaveHost | null;
  readonly leidoOps: ClaveHost | null;
  readonly escritoOps: ClaveHost | null;
  readonly ocupado: ClaveHost | null;
  readonly espera: ClaveHost | null;
  readonly cola: ClaveHost | null;
}

export class DiskParser implements HostParser {
  readonly wanted: boolean = true;
  readonly #disks: NamedThings<Disk | null>;
  #lastMs = Number.NaN;

  constructor(claves: Claves, isWholeDisk: (name: string) => boolean) {
    this.#disks = new NamedThings((name) => {
      if (!isWholeDisk(name)) return null;
      const make = (measure: string): ClaveHost | null => claves.make(`disco/${cleanPart(name)}/${measure}`);
      return {
        counted: new Counters(7),
        leidoBytes: make('leido_bytes_s'),
        escritoBytes: make('escrito_bytes_s'),
        leidoOps: make('leido_ops_s'),
        escritoOps: make('escrito_ops_s'),
        ocupado: make('ocupado'),
        espera: make('espera_ms'),
        cola: make('cola'),
      };
    });
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const passedMs = nowMs - this.#lastMs;
    const seconds = passedMs / 1000;
    this.#lastMs = nowMs;
    this.#disks.begin();
    for (; !text.done; text.nextLine()) {
      text.skipFields(2);
      text.skipSpaces();
      const from = text.at;
      const to = text.skipWord();
      if (to === from) continue;
      const disk = this.#disks.find(text, from, to);
      if (disk === null) continue;
      const { counted } = disk;
      const reads = counted.step(0, text.number());
      text.skipFields(1);
      const readSectors = counted.step(1, text.number());
      const readMs = counted.step(2, text.number());
      const writes = counted.step(3, text.number());
      text.skipFields(1);
      const writtenSectors = counted.step(4, text.number());
      const writeMs = counted.step(5, text.number());
      text.skipFields(1);
      const busyMs = counted.step(6, text.number());
      out.add(disk.leidoBytes, (readSectors * SECTOR_BYTES) / seconds);
      out.add(disk.escritoBytes, (writtenSectors * SECTOR_BYTES) / seconds);
      out.add(disk.leidoOps, reads / seconds);
      out.add(disk.escritoOps, writes / seconds);
      out.add(disk.ocupado, percent(busyMs, passedMs));
      // The mean wait of the operations that ended: nothing to tell when none did.
      out.add(disk.espera, (readMs + writeMs) / (reads + writes));
      // By Little's law the waits that a second held are the operations that stood in line, on average.
      out.add(disk.cola, (readMs + writeMs) / passedMs);
    }
    this.#disks.end();
  }
}
