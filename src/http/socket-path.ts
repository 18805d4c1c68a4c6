/**
 * Where the unix socket of a data folder is. One place for the server that makes it and the client that looks for it.
 *
 * The kernel takes at most 107 bytes of path for a socket. A longer one gets a short stand-in in the temp folder, and a file beside
 * the place where it should have been says where.
 */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CoreCError, messageOf } from '#domain/errors.ts';

/** sun_path has 108 bytes, the last one is 0. */
export const SOCKET_PATH_BYTES_MAX = 107;
const SOCKET_NAME = 'corec.sock';

/** The path that a data folder's socket should have, whether it fits or not. */
export function socketPathOf(dataDir: string): string {
  return join(resolve(dataDir), SOCKET_NAME);
}

export function pointerOf(socketPath: string): string {
  return `${socketPath}.path`;
}

/** Where a client connects; the path itself when nothing says otherwise. */
export function findSocket(socketPath: string): string {
  if (fits(socketPath)) return socketPath;
  try {
    return readFileSync(pointerOf(socketPath), 'utf8').trim();
  } catch {
    return socketPath;
  }
}

/**
 * Makes room for the socket and gives the path to listen on. Whoever calls holds the data folder's lock, so that what lies at the
 * path is left over.
 *
 * @throws CoreCError COREC_E_DATA_DIR_UNUSABLE.
 */
export function prepareSocket(socketPath: string): string {
  try {
    if (fits(socketPath)) {
      rmSync(socketPath, { force: true });
      rmSync(pointerOf(socketPath), { force: true });
      return socketPath;
    }
    const short = shortPath(socketPath);
    makePrivateFolder(dirname(short));
    rmSync(short, { force: true });
    writeFileSync(pointerOf(socketPath), `${short}\n`, { mode: 0o600 });
    return short;
  } catch (error) {
    if (error instanceof CoreCError) throw error;
    throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', { path: dirname(socketPath), found: messageOf(error) }, error);
  }
}

/** Takes away what prepareSocket and the server made; never throws. */
export function removeSocket(socketPath: string): void {
  try {
    const used = findSocket(socketPath);
    rmSync(used, { force: true });
    if (used === socketPath) return;
    rmSync(pointerOf(socketPath), { force: true });
    if (dirname(used).startsWith(stemIn(dirname(dirname(used)))))
      rmSync(dirname(used), { recursive: true, force: true });
  } catch {
    // left for the next start, which clears it
  }
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
}

function stemIn(folder: string): string {
  return join(folder, `corec-${process.geteuid!()}-`);
}

function shortPath(socketPath: string): string {
  const hash = createHash('sha256').update(socketPath).digest('hex').slice(0, 16);
  const inTemp = join(`${stemIn(tmpdir())}${hash}`, SOCKET_NAME);
  return fits(inTemp) ? inTemp : join(`${stemIn('/tmp')}${hash}`, SOCKET_NAME);
}

/** The temp folder is everybody's: what stands there already must be ours alone, or somebody waits for our clients. */
function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.geteuid!()) {
    throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', {
      path: folder,
      found: 'it belongs to another user, and the data folder is too long a path for a socket of its own',
    });
  }
  chmodSync(folder, 0o700);
}
