/**
 * The data folder: made, checked, and held by one CoreC at a time.
 *
 * Owns the folder itself, `corec.lock` and `corec.pid`. Leaves what lies in its subfolders to those who write there.
 *
 * The lock is the kernel's (a POSIX record lock), not the file's existence: a process that dies in whatever way has let go of
 * it, so nothing is ever stale, nothing has to be taken over, and of two that start at once one gets it. It holds between
 * containers that share a volume too, where a pid says nothing. Node.js opens no door to such locks but its own SQLite, whose
 * exclusive transaction on a file is one; the database in that file stays empty for ever (measured: 0.8 ms, 2.8 MB).
 *
 * D1 `corec.pid` only tells who holds the lock; it decides nothing.
 * D2 The kernel drops a process's record locks on a file when the process closes *any* descriptor of that file. So nothing in
 *    CoreC may open `corec.lock`, a backup of the folder from inside the process included.
 */
import { randomInt } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import { isRunning, ownProcessId, type ProcessId } from './process-id.ts';

export interface LockOwner extends ProcessId {
  readonly instanceId: string;
  /** UTC ms since 1970. */
  readonly startedMs: number;
}

export interface DataDir {
  /** Absolute. */
  readonly path: string;
  /** A folder inside, made when it is not there; only this user can enter it. */
  subfolder(name: string): string;
  /** Lets go of the folder; also done when the process ends. */
  release(): void;
}

export interface DataDirOptions {
  readonly instanceId: string;
  readonly nowMs: number;
  /** Less than this and CoreC does not start. */
  readonly freeBytesMin?: number;
}

const LOCK_FILE = 'corec.lock';
const PID_FILE = 'corec.pid';
/** Enough to write the first epochs and to say in the log that the disk is filling. */
const FREE_BYTES_MIN_DEFAULT = 32 * MIB;
const PRIVATE = 0o700;
const OTHERS_WRITE = 0o022;
/** How long a newcomer waits for the holder, who took the lock a moment ago, to write down who it is. */
const OWNER_WAIT_MS = 500;
/** How often a refusal is not believed at once. */
const ASKED_MIN = 3;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

/** Folders this process holds, as device:inode. D2 forbids to open the lock file of one of these again even to ask. */
const held = new Set<string>();

/**
 * Makes or checks the folder and takes its lock.
 *
 * Errors: COREC_E_DATA_DIR_LOCKED with the holder's pid; COREC_E_DATA_DIR_UNUSABLE; COREC_E_DISK_FULL.
 */
export async function openDataDir(folder: string, options: DataDirOptions): Promise<DataDir> {
  const path = resolve(folder);
  const place = usable(path, () => {
    mkdirSync(path, { recursive: true, mode: PRIVATE });
    const stats = statSync(path);
    if (!stats.isDirectory()) throw new Error('it is not a folder');
    ensurePrivate(path, stats);
    return `${stats.dev}:${stats.ino}`;
  });
  assertRoom(path, options.freeBytesMin ?? FREE_BYTES_MIN_DEFAULT);
  if (held.has(place)) throw await lockedError(path);
  held.add(place);
  let lock: DatabaseSync;
  try {
    lock = await takeLock(path);
  } catch (error) {
    held.delete(place);
    throw error;
  }

  const pidFile = join(path, PID_FILE);
  let isHeld = true;
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    process.removeListener('exit', release);
    // In this order: while the file is there, its writer holds the lock.
    rmSync(pidFile, { force: true });
    lock.close();
    held.delete(place);
  };
  process.once('exit', release);
  try {
    const owner: LockOwner = { ...ownProcessId(), instanceId: options.instanceId, startedMs: options.nowMs };
    usable(path, () => {
      writeFileSync(`${pidFile}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
      renameSync(`${pidFile}.new`, pidFile);
    });
  } catch (error) {
    release();
    throw error;
  }
  return {
    path,
    release,
    subfolder: (name) =>
      usable(path, () => {
        const inside = join(path, name);
        mkdirSync(inside, { recursive: true, mode: PRIVATE });
        return inside;
      }),
  };
}

/**
 * Who holds the folder, as far as can be seen without asking for the lock; null when nobody does. A holder in another container
 * cannot be looked at from here and is believed.
 */
export function readLockOwner(folder: string): LockOwner | null {
  const owner = readPidFile(folder);
  return owner !== null && isRunning(owner) !== false ? owner : null;
}

function readPidFile(folder: string): LockOwner | null {
  try {
    const owner = JSON.parse(readFileSync(join(folder, PID_FILE), 'utf8')) as LockOwner;
    return Number.isInteger(owner.pid) ? owner : null;
  } catch {
    return null;
  }
}

/**
 * Asks until it is given or its holder is known.
 *
 * SQLite takes its exclusive lock in steps, and of many that ask in one moment each may be refused for another's first step: being
 * refused once does not mean that somebody has it.
 */
async function takeLock(path: string): Promise<DatabaseSync> {
  const endMs = performance.now() + OWNER_WAIT_MS;
  for (let asked = 1; ; asked++) {
    const lock = await askForLock(path);
    if (lock !== null) return lock;
    // a pid file may be a dead one's that cannot be looked at from here: so more than once in any case
    const isSure = asked >= ASKED_MIN && readLockOwner(path) !== null;
    if (isSure || performance.now() > endMs) throw await lockedError(path);
    // apart from the others who were refused in the same moment
    await delay(randomInt(2, 20));
  }
}

/** Null when another process holds it, or is asking. */
async function askForLock(path: string): Promise<DatabaseSync | null> {
  const file = join(path, LOCK_FILE);
  // By hand first: SQLite does not tell a missing permission from a missing folder. One that is there is not opened (D2).
  usable(path, () => {
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    else closeSync(openSync(file, 'a', 0o600));
  });
  const sqlite = await import('node:sqlite');
  let lock: DatabaseSync | null = null;
  try {
    lock = new sqlite.DatabaseSync(file);
    // Its own journal in memory: nothing is ever written, and no second file appears.
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    const { errcode } = error as { errcode?: number };
    if (errcode === SQLITE_BUSY || errcode === SQLITE_LOCKED) return null;
    const found = `its file system gives no lock on ${file} (${messageOf(error)})`;
    throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', { path, found }, error);
  }
}

async function lockedError(path: string): Promise<CoreCError> {
  const endMs = performance.now() + OWNER_WAIT_MS;
  let owner = readLockOwner(path);
  while (owner === null && performance.now() < endMs) {
    await delay(10);
    owner = readLockOwner(path);
  }
  return new CoreCError('COREC_E_DATA_DIR_LOCKED', { pid: owner?.pid ?? '?', path });
}

/**
 * Other users have no business in here: claves, valores and the control socket are. A folder that is new, empty or known to be
 * CoreC's is closed to them; one with other things in it is left as it is, unless others could put files in.
 */
function ensurePrivate(path: string, stats: Stats): void {
  if ((stats.mode & 0o077) === 0) return;
  const names = readdirSync(path).filter((name) => name !== 'lost+found');
  const uid = process.geteuid?.() ?? stats.uid;
  if ((names.length === 0 || names.includes(LOCK_FILE)) && (uid === 0 || uid === stats.uid)) {
    chmodSync(path, PRIVATE);
  } else if ((stats.mode & OTHERS_WRITE) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    throw new Error(`other users can write there (mode ${mode}), and it is not a folder that CoreC made`);
  }
}

function assertRoom(path: string, freeBytesMin: number): void {
  const { bavail, bsize } = usable(path, () => statfsSync(path));
  const freeBytes = bavail * bsize;
  if (freeBytes < freeBytesMin) {
    const found = `${Math.floor(freeBytes / MIB)} MiB free, ${Math.ceil(freeBytesMin / MIB)} needed to start`;
    throw new CoreCError('COREC_E_DISK_FULL', { path, found });
  }
}

/** What fails in `attempt` makes the folder unusable, and the error says so. */
function usable<T>(path: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof CoreCError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new CoreCError(
      isFull ? 'COREC_E_DISK_FULL' : 'COREC_E_DATA_DIR_UNUSABLE',
      { path, found: messageOf(error) },
      error,
    );
  }
}
