/**
 * Who PostgreSQL runs as. PostgreSQL refuses to run as root, so a CoreC that is root (a container, a system service) gives it
 * another user: the owner of its folder, so that a folder once made stays usable, else the owner of the data folder when that is a
 * named user, else `nobody`.
 */
import { readFileSync, statSync } from 'node:fs';
import { CoreCError } from '#domain/errors.ts';

export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

function listUsers(): Map<number, { readonly name: string; readonly gid: number }> {
  const users = new Map<number, { name: string; gid: number }>();
  let text = '';
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    // A container without users.
  }
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) users.set(Number(uid), { name, gid: Number(gid) });
  }
  return users;
}

/** Null: as this process itself. `folder` is PostgreSQL's own, `dataDir` the one around it; `folder` need not exist yet. */
export function chooseRunAs(dataDir: string, folder: string): RunAs | null {
  const self = process.getuid!();
  const made = statSync(folder, { throwIfNoEntry: false });
  if (self !== 0) {
    if (made && made.uid !== self) {
      throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', {
        path: folder,
        found: `it belongs to user ${made.uid}, this is user ${self}`,
      });
    }
    return null;
  }
  if (made && made.uid !== 0) return { uid: made.uid, gid: made.gid };
  const users = listUsers();
  const around = statSync(dataDir);
  const owner = users.get(around.uid);
  if (around.uid !== 0 && owner) return { uid: around.uid, gid: owner.gid };
  for (const [uid, { name, gid }] of users) if (name === 'nobody') return { uid, gid };
  return { uid: 65534, gid: 65534 };
}

/** initdb asks the system for its user's name and stops without one: said here, with the way out. */
export function assertNamedUser(runAs: RunAs | null, folder: string, log: string): void {
  const uid = runAs?.uid ?? process.getuid!();
  if (listUsers().has(uid)) return;
  throw new CoreCError('COREC_E_POSTGRES_START', {
    path: folder,
    found: `user ${uid} has no line in /etc/passwd, which initdb needs; add one, run as a named user or root, or set db_config`,
    log,
  });
}
