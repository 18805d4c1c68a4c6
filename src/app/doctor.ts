/** Checks of the machine under a running CoreC: memory, disk, fsync. The nucleus adds what it knows of itself. */
import { readCpu } from '#adapters/host-check/cpu.ts';
import { measureFsync, readDisk } from '#adapters/host-check/disk.ts';
import type { MemoryState } from '#adapters/host-check/memory.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import type { DoctorFinding } from '#ports/nucleus-api.ts';

const MIB = 1024 * 1024;
/** Specification, section 3: the least that CoreC is made for, with its servers. */
const MEMORY_MB_MIN = 2048;
/** Of it, what CoreC is left with where PostgreSQL runs elsewhere: in another container, on another machine. */
const MEMORY_MB_MIN_ALONE = 1024;
const DISK_MB_WARN = 1024;
const FSYNC_MS_WARN = 50;

export async function examineMachine(config: CoreCConfig, memory: MemoryState): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const limitMb = Math.round((memory.limitBytes ?? memory.machineBytes) / MIB);
  const minMb = config.db_config === null ? MEMORY_MB_MIN : MEMORY_MB_MIN_ALONE;
  const isTight = limitMb < minMb * 0.9;
  findings.push({
    check: 'memory',
    state: isTight ? 'warn' : 'ok',
    found: `${limitMb} MB, ${Math.round(memory.rssBytes / MIB)} MB of it used by this process`,
    mend: isTight ? `CoreC is made for ${minMb} MB and more here; lower the entidades.` : '',
  });
  const cpu = readCpu();
  findings.push({ check: 'cpu', state: 'ok', found: `${cpu.cores} cores`, mend: '' });
  const disk = await readDisk(config.data_dir);
  const freeMb = Math.round(disk.freeBytes / MIB);
  findings.push({
    check: 'disk',
    state: freeMb < DISK_MB_WARN ? 'warn' : 'ok',
    found: `${freeMb} MB free for ${config.data_dir}`,
    mend: freeMb < DISK_MB_WARN ? 'Free space, or lower persistencia.retencion_mb.' : '',
  });
  const fsync = await measureFsync(config.data_dir);
  findings.push({
    check: 'fsync',
    state: fsync.medianMs > FSYNC_MS_WARN ? 'warn' : 'ok',
    found: `median ${fsync.medianMs.toFixed(2)} ms`,
    mend: fsync.medianMs > FSYNC_MS_WARN ? 'Put data_dir on a faster disk: every acknowledgement waits for one.' : '',
  });
  return findings;
}
