/**
 * Which file systems are worth a look, and what their figures say.
 *
 * Owns parsing /proc/<pid>/mountinfo and the choice. Only file systems on this machine's own disks and memory are chosen:
 * asking one that a network server holds may hang for as long as that server is away. Source: proc_pid_mountinfo(5).
 */
import type { Claves, ClaveHost } from './claves.ts';
import { cleanPart, uniqueName } from './claves.ts';
import { percent } from './counters.ts';

export interface Mount {
  readonly path: string;
  /** As it stands in the clave. */
  readonly name: string;
}

const LOCAL_TYPES = new Set(
  'ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs nilfs2 reiserfs vfat exfat ntfs ntfs3 ubifs'.split(' '),
);
/** Memory file systems that stop a machine when they are full. */
const TMPFS_PATHS = new Set(['/tmp', '/run', '/dev/shm']);
const NAME_CHARS_MAX = 120;

function isWorthALook(type: string, path: string): boolean {
  if (type === 'overlay') return path === '/';
  if (type === 'tmpfs') return TMPFS_PATHS.has(path);
  // Single files that a container engine mounts over a container's own.
  return LOCAL_TYPES.has(type) && !path.startsWith('/etc/');
}

/** The mounts to ask, by path, one for each device: the one nearest to the root. */
export function chooseMounts(mountinfo: string): Mount[] {
  /** path -> device; a later mount on a path hides the earlier one. */
  const devices = new Map<string, string | null>();
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ');
    const device = left?.split(' ')[2];
    const coded = left?.split(' ')[4];
    const type = right?.split(' ')[0];
    if (device === undefined || coded === undefined || type === undefined) continue;
    const path = coded.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    devices.set(path, isWorthALook(type, path) ? device : null);
  }
  const seen = new Set<string>();
  const taken = new Set<string>();
  return [...devices]
    .filter(([, device]) => device !== null)
    .map(([path, device]) => ({ path, device: device! }))
    .sort((a, b) => a.path.length - b.path.length || (a.path < b.path ? -1 : 1))
    .filter(({ device }) => !seen.has(device) && seen.add(device))
    .map(({ path }) => ({
      path,
      name: uniqueName(path === '/' ? 'raiz' : cleanPart(path.slice(1).replaceAll('/', ':'), NAME_CHARS_MAX), taken),
    }));
}

export interface MountClaves {
  readonly usado: ClaveHost | null;
  readonly libre: ClaveHost | null;
  readonly inodos: ClaveHost | null;
}

/** Null when none is wanted. */
export function makeMountClaves(claves: Claves, name: string): MountClaves | null {
  const usado = claves.make(`fs/${name}/usado`);
  const libre = claves.make(`fs/${name}/libre`);
  const inodos = claves.make(`fs/${name}/inodos`);
  return usado === null && libre === null && inodos === null ? null : { usado, libre, inodos };
}

/** What may be used is what an ordinary user may use, as df(1) has it. All in units of the file system. */
export function usedPercent(total: number, free: number, available: number): number {
  const used = total - free;
  return percent(used, used + available);
}
