/** Checks of the machine under a running CoreC: memory, disk, fsync. The nucleus adds what it knows of itself. */
import { readCpu } from '#adapters/host-check/cpu.ts';
import { measureFsync, readDisk } from '#adapters/host-check/disk.ts';
import type { MemoryState } from '#adapters/host-check/memory.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import type { DoctorFinding } from '#ports/nucleus-api.ts';

const MIB = 1024 * 1024;
/** Specification, section 3: the least that CoreC is made for. */
const MEMORY_MB_MIN = 2048;
const DISK_MB_WARN = 1024;
const FSYNC_MS_WARN = 50;

export async function examineMachine(config: CoreCConfig, memory: MemoryState): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const limitMb = Math.round((memory.limitBytes ?? memory.machineBytes) / MIB);
  findings.push({
    check: 'memory',
    state: limitMb < MEMORY_MB_MIN * 0.9 ? 'warn' : 'ok',
    found: `${limitMb} MB, ${Math.round(memory.rssBytes / MIB)} MB of it used by this process`,
    mend: limitMb < MEMORY_MB_MIN * 0.9 ? `CoreC is made for ${MEMORY_MB_MIN} MB and more; lower the entidades.` : '',
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
