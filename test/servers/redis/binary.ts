/**
 * The Redis server of this machine: found, or installed where that is allowed, or a clear word on what to install.
 *
 * Debian and its kin pack the server's program into redis-tools, as redis-check-rdb, which does what its name says: under the name
 * redis-server it is the server. That package starts no service of its own, so it is what is installed (scripts/bootstrap.sh does the same).
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['redis-server', 'redis-check-rdb'];
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/opt/redis/bin', '/opt/homebrew/bin', '/snap/bin'];
const INSTALL_MS = 180_000;

let known: string | null = null;

/** Path of a program that is the server when it is called redis-server. */
export function redisBinary(): string {
  known ??= find() ?? install();
  return known;
}

function find(): string | null {
  for (const name of NAMES) {
    for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS]) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not there
      }
    }
  }
  return null;
}

function install(): string {
  let found = 'this is no root, and sudo was not tried';
  if (process.getuid?.() === 0) {
    try {
      const apt = (...args: string[]): Buffer =>
        execFileSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
          timeout: INSTALL_MS,
          env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
      apt('update');
      apt('install', '-y', '--no-install-recommends', 'redis-tools', 'openssl');
    } catch (error) {
      found = error instanceof Error ? error.message : String(error);
    }
    const path = find();
    if (path !== null) return path;
  }
  throw new Error(
    `These tests need a Redis server (7.0 or newer), and there is none in PATH nor in ${FOLDERS.join(', ')}. ` +
      `Install it: apt-get install redis-tools openssl (or redis-server). Installing it here did not work: ${found}`,
  );
}
