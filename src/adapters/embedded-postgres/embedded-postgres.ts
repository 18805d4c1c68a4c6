/**
 * CoreC's own PostgreSQL server in the data folder, reached by a unix socket only.
 *
 * Owns: making the folder, starting, adopting, watching, restarting and stopping the server.
 * Leaves to its neighbours: what is stored in it (adapters/postgres), and keeping a second CoreC off the data folder.
 *
 *            start()                           exit seen, or silent for 15 s
 *   stopped ---------> starting ---> running --------------------------------> restarting
 *      ^                   | fails      | stop()                                 |   | ready
 *      +-------------------+------------+----------------------- stop() ---------+   +--> running
 *
 * E1 A folder is whole or absent: initdb works under another name and the rename is the last step.
 * E2 At most one server per folder: one that runs already (its CoreC was killed) is adopted when it answers and is of this
 *    CoreC's program and settings, else ended and started again.
 * E3 The server is not in CoreC's process group: a Ctrl-C meant for CoreC must find it alive for the last epoch.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Logger } from '#ports/logger.ts';
import { findBinaries, standardPlaces } from './binaries.ts';
import type { BinariesPlaces, PostgresBinaries } from './binaries.ts';
import { assertNamedUser, chooseRunAs } from './identity.ts';
import type { RunAs } from './identity.ts';
import { boundLog, readReason, tellingLines, turnLog } from './log-file.ts';
import {
  answersAt,
  argumentsOf,
  endServer,
  isServerOf,
  listServerProcesses,
  programOf,
  readPidFile,
  waitFor,
} from './postmaster.ts';
import { DATABASE, makeArguments, OWN_FOLDER, SOCKET_PORT, SUPERUSER } from './settings.ts';

export interface EmbeddedPostgresOptions {
  /** Absolute; made when absent. The server lives in its subfolder `postgres`, its log beside that. */
  readonly dataDir: string;
  readonly logger: Logger;
  /** Called when the running server is gone, before it is started again. */
  readonly onDown?: (found: string) => void;
  readonly onUp?: () => void;
  /** Where PostgreSQL's programs are looked for. Default: the npm package, then the distribution. */
  readonly places?: BinariesPlaces;
  /**
   * Where a copy of the npm package's programs may be put when its own folder cannot serve (read-only, or closed to the user that the
   * server of a root CoreC runs as). Default: the data folder, or as root /var/cache; then the temporary folder.
   */
  readonly copyFolders?: readonly string[];
}

/** What a PostgreSQL client needs; the same shape as a `db_config`. */
export interface EmbeddedConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface StartReport {
  /** The folder was made by this start. */
  readonly first: boolean;
  /** The server of a killed CoreC was taken over. */
  readonly adopted: boolean;
  readonly ms: number;
}

export interface EmbeddedPostgres {
  start(): Promise<StartReport>;
  /** Valid after `start`, also across restarts of the server. */
  connection(): EmbeddedConnection;
  pid(): number | null;
  /** Ends the server; never throws, harmless when it does not run. */
  stop(): Promise<void>;
}

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY;
const TAG = 'PostgreSQL';
const READY_MS_MAX = 60_000;
const ANSWER_MS_MAX = 3000;
/** How often the process is looked for; it is asked for an answer every so many looks. */
const WATCH_MS = 1000;
const LOOKS_PER_QUESTION = 5;
/** Unanswered questions in a row after which a live process counts as stuck. */
const SILENCES_MAX = 3;
const RESTART_MS = [50, 500, 2000, 5000, 10_000] as const;
/** sun_path holds 108 bytes, the last one a zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/** The server's address for any process of this machine that may enter `dataDir`. */
function makeConnection(folder: string, openFolder: () => number): EmbeddedConnection {
  const direct = Buffer.byteLength(socketPathIn(folder)) <= SOCKET_PATH_BYTES_MAX;
  // A path too long for a socket address is reached through an open handle of the folder.
  const host = direct ? folder : `/proc/self/fd/${openFolder()}`;
  return { host, port: SOCKET_PORT, user: SUPERUSER, database: DATABASE };
}

function socketPathIn(folder: string): string {
  return `${folder}/.s.PGSQL.${SOCKET_PORT}`;
}

export function makeEmbeddedPostgres(options: EmbeddedPostgresOptions): EmbeddedPostgres {
  return new Launcher(options);
}

class Launcher implements EmbeddedPostgres {
  readonly #options: EmbeddedPostgresOptions;
  readonly #logPath: string;
  /** Without symbolic links once the folder exists: /proc shows it so. */
  #folder: string;
  #folderFd: number | null = null;
  #binaries: PostgresBinaries | null = null;
  #runAs: RunAs | null = null;
  #state: 'stopped' | 'starting' | 'running' | 'restarting' | 'stopping' = 'stopped';
  #pid: number | null = null;
  #watch: NodeJS.Timeout | null = null;
  #restart: NodeJS.Timeout | null = null;
  #restarting: Promise<void> = Promise.resolve();
  #silences = 0;
  #looks = 0;

  constructor(options: EmbeddedPostgresOptions) {
    this.#options = options;
    this.#folder = join(options.dataDir, 'postgres');
    this.#logPath = join(options.dataDir, 'postgres.log');
  }

  async start(): Promise<StartReport> {
    if (this.#state !== 'stopped') throw new CoreCError('COREC_E_INTERNAL', { found: `start in state ${this.#state}` });
    const from = performance.now();
    this.#state = 'starting';
    try {
      const first = await this.#prepare();
      const adopted = await this.#adoptOrLaunch();
      this.#becomeRunning();
      return { first, adopted, ms: performance.now() - from };
    } catch (error) {
      this.#state = 'stopped';
      throw this.#explain(error);
    }
  }

  connection(): EmbeddedConnection {
    return makeConnection(this.#folder, () => this.#openFolder());
  }

  pid(): number | null {
    return this.#pid;
  }

  async stop(): Promise<void> {
    this.#state = 'stopping';
    if (this.#watch) clearInterval(this.#watch);
    if (this.#restart) clearTimeout(this.#restart);
    await this.#restarting;
    if (existsSync(this.#folder)) {
      const how = await endServer(this.#folder, 15_000);
      if (how === 'immediate' || how === 'killed')
        this.#options.logger.warn(
          TAG,
          `The server did not stop by itself (${how}); its next start recovers from its log.`,
        );
    }
    if (this.#folderFd !== null) closeSync(this.#folderFd);
    this.#folderFd = null;
    this.#pid = null;
    this.#state = 'stopped';
  }

  #openFolder(): number {
    this.#folderFd ??= openSync(this.#folder, FOLDER_FLAGS);
    return this.#folderFd;
  }

  #answers(): Promise<boolean> {
    return answersAt({ path: socketPathIn(this.connection().host) }, ANSWER_MS_MAX);
  }

  /** Folder, owner, programs, settings; true when the folder was made just now. */
  async #prepare(): Promise<boolean> {
    const { dataDir } = this.#options;
    mkdirSync(dataDir, { recursive: true });
    this.#folder = join(realpathSync(dataDir), 'postgres');
    this.#runAs = chooseRunAs(dataDir, this.#folder);
    const made = existsSync(join(this.#folder, 'PG_VERSION'));
    const major = made ? Number.parseInt(readFileSync(join(this.#folder, 'PG_VERSION'), 'utf8'), 10) : null;
    const copyFolders = this.#options.copyFolders ?? [this.#runAs === null ? dataDir : '/var/cache', tmpdir()];
    const binaries = findBinaries(this.#options.places ?? standardPlaces(), major, this.#runAs, copyFolders);
    if (!binaries) {
      throw new CoreCError('COREC_E_POSTGRES_START', {
        path: this.#folder,
        found: `it was written by PostgreSQL ${major}, whose programs are not installed; install that version, or move the folder away to begin anew`,
        log: this.#logPath,
      });
    }
    this.#binaries = binaries;
    if (!made) await this.#initialise(binaries);
    this.#folder = realpathSync(this.#folder);
    return !made;
  }

  async #initialise(binaries: PostgresBinaries): Promise<void> {
    const { dataDir } = this.#options;
    assertNamedUser(this.#runAs, this.#folder, this.#logPath);
    for (const name of readdirSync(dataDir))
      if (name.startsWith('postgres.init-')) rmSync(join(dataDir, name), { recursive: true, force: true });
    if (existsSync(this.#folder)) {
      throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', {
        path: this.#folder,
        found: 'it exists but holds no database (no PG_VERSION)',
      });
    }
    const unfinished = mkdtempSync(join(dataDir, 'postgres.init-'));
    try {
      if (this.#runAs) chownSync(unfinished, this.#runAs.uid, this.#runAs.gid);
      chmodSync(unfinished, 0o700);
      const { code, output } = await this.#run(binaries.initdb, unfinished, [
        `--pgdata=${OWN_FOLDER}`,
        `--username=${SUPERUSER}`,
        '--auth=trust',
        '--encoding=UTF8',
        '--locale=C',
      ]);
      if (code !== 0) throw new Error(tellingLines(output) || `initdb ended with ${code}`);
      renameSync(unfinished, this.#folder); // E1
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      throw error;
    }
  }

  async #run(
    program: string,
    folder: string,
    args: readonly string[],
  ): Promise<{ code: number | null; output: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; output: string }>();
    const folderFd = openSync(folder, FOLDER_FLAGS);
    try {
      const child = spawn(program, args, { ...this.#spawnOptions(), stdio: ['ignore', 'pipe', 'pipe', folderFd] });
      let output = '';
      child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
      return await promise;
    } finally {
      closeSync(folderFd);
    }
  }

  #spawnOptions(): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
    // A bare environment: no PG* variable of the caller's may bend the server; TZ spares initdb a search.
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
    return this.#runAs ? { cwd: '/', env, uid: this.#runAs.uid, gid: this.#runAs.gid } : { cwd: '/', env };
  }

  /** True when adopted. */
  async #adoptOrLaunch(): Promise<boolean> {
    if (await this.#adopt()) return true;
    try {
      await this.#launch();
      return false;
    } catch (error) {
      // One that was just starting when its CoreC was killed shows itself only now.
      if (listServerProcesses(this.#folder).length > 0 && (await this.#adopt())) return true;
      throw error;
    }
  }

  /** E2. True when a server runs and may stay. */
  async #adopt(): Promise<boolean> {
    const { logger } = this.#options;
    let pidFile = readPidFile(this.#folder);
    if (pidFile && isServerOf(pidFile.pid, this.#folder)) {
      const { pid } = pidFile;
      // Left in the middle of a start or a stop: it ends that first.
      await waitFor(() => {
        pidFile = readPidFile(this.#folder);
        return pidFile?.status === 'ready' || !isServerOf(pid, this.#folder);
      }, 15_000);
      const fit =
        programOf(pid) === realpathSync(this.#binaries!.postgres) &&
        argumentsOf(pid).join('\0') === makeArguments(this.#binaries!.major).join('\0');
      if (fit && isServerOf(pid, this.#folder) && (await this.#answers())) {
        this.#pid = pid;
        logger.info(TAG, 'Adopted the running server of a CoreC that was killed', { pid });
        return true;
      }
      const how = await endServer(this.#folder, fit ? 0 : 10_000);
      // Its number lives on as a zombie where nobody waits for orphans (a container): the next server would take that for alive.
      this.#removeLocks();
      logger.warn(TAG, 'Ended the server that a killed CoreC left: it did not answer, or is of another version', {
        pid,
        how,
      });
    } else if (listServerProcesses(this.#folder).length > 0) {
      await endServer(this.#folder, 0);
      this.#removeLocks();
    } else if (pidFile || existsSync(join(this.#folder, 'postmaster.pid'))) {
      // Empty when its server was killed before it had written its number: the next one would refuse to start beside it.
      if (await this.#answers()) {
        // It answers but is not among this machine's processes: another container works on the same folder.
        throw new CoreCError('COREC_E_DATA_DIR_LOCKED', { pid: pidFile?.pid ?? 'unknown', path: this.#folder });
      }
      this.#removeLocks();
    }
    return false;
  }

  /** Only while no server process is there: its locks name a number that somebody else may have by now. */
  #removeLocks(): void {
    const socket = `.s.PGSQL.${SOCKET_PORT}`;
    for (const name of ['postmaster.pid', `${socket}.lock`, socket]) rmSync(join(this.#folder, name), { force: true });
  }

  async #launch(): Promise<void> {
    turnLog(this.#logPath);
    const log = openSync(this.#logPath, 'a', 0o600);
    const offset = statSync(this.#logPath).size;
    const folderFd = openSync(this.#folder, FOLDER_FLAGS);
    let exit: string | null = null;
    try {
      const child = spawn(this.#binaries!.postgres, makeArguments(this.#binaries!.major), {
        ...this.#spawnOptions(),
        detached: true, // E3
        stdio: ['ignore', log, log, folderFd],
      });
      child.once('error', (error) => (exit = messageOf(error)));
      child.once('exit', (code, name) => {
        exit = readReason(this.#logPath, offset) || `it ended with ${name ?? code}`;
        this.#lost(child.pid!, exit);
      });
      child.unref();
      const ready = (): boolean => {
        const pidFile = readPidFile(this.#folder);
        return pidFile?.pid === child.pid && pidFile?.status === 'ready';
      };
      const done = await waitFor(() => exit !== null || ready(), READY_MS_MAX);
      if (exit !== null) throw new Error(exit);
      if (!done) {
        await endServer(this.#folder, 0);
        throw new Error(`it was not ready after ${READY_MS_MAX / 1000} s: ${readReason(this.#logPath, offset)}`);
      }
      this.#pid = child.pid!;
    } finally {
      closeSync(log);
      closeSync(folderFd);
    }
  }

  #becomeRunning(): void {
    this.#state = 'running';
    this.#silences = 0;
    this.#watch ??= setInterval(() => void this.#look(), WATCH_MS).unref();
  }

  /** What an exit event does not tell: an adopted server's end, a server that lives but is stuck, a growing log. */
  async #look(): Promise<void> {
    try {
      if (this.#state !== 'running' || this.#pid === null) return;
      const pid = this.#pid;
      if (!isServerOf(pid, this.#folder)) return this.#lost(pid, 'its process is gone');
      if (++this.#looks % LOOKS_PER_QUESTION !== 0) return;
      boundLog(this.#logPath);
      this.#silences = (await this.#answers()) ? 0 : this.#silences + 1;
      if (this.#silences < SILENCES_MAX || this.#state !== 'running') return;
      await endServer(this.#folder, 0);
      this.#lost(pid, `it did not answer ${SILENCES_MAX} times`);
    } catch (error) {
      this.#options.logger.warn(TAG, 'The look after the server failed', { found: messageOf(error) });
    }
  }

  #lost(pid: number, found: string): void {
    if (this.#state !== 'running' || pid !== this.#pid) return;
    this.#state = 'restarting';
    this.#pid = null;
    this.#options.logger.error(TAG, 'The server is gone; starting it again', { pid, found });
    this.#options.onDown?.(found);
    this.#restartAfter(0, '');
  }

  #restartAfter(attempt: number, lastFound: string): void {
    const ms = RESTART_MS[Math.min(attempt, RESTART_MS.length - 1)]!;
    this.#restart = setTimeout(() => {
      this.#restarting = this.#tryRestart(attempt, lastFound);
    }, ms);
  }

  async #tryRestart(attempt: number, lastFound: string): Promise<void> {
    try {
      await this.#adoptOrLaunch();
      if (this.#state !== 'restarting') return;
      this.#becomeRunning();
      this.#options.logger.info(TAG, 'The server is back', { pid: this.#pid });
      this.#options.onUp?.();
    } catch (error) {
      const found = messageOf(this.#explain(error));
      // The same cause again is not news.
      if (found !== lastFound) this.#options.logger.error(TAG, 'The server does not start', { found });
      if (this.#state === 'restarting') this.#restartAfter(attempt + 1, found);
    }
  }

  #explain(error: unknown): CoreCError {
    if (error instanceof CoreCError) return error;
    const found = messageOf(error);
    const code = (error as NodeJS.ErrnoException | null)?.code;
    if (code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(found))
      return new CoreCError('COREC_E_DISK_FULL', { path: this.#options.dataDir, found }, error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
      return new CoreCError('COREC_E_DATA_DIR_UNUSABLE', { path: this.#options.dataDir, found }, error);
    return new CoreCError('COREC_E_POSTGRES_START', { path: this.#folder, found, log: this.#logPath }, error);
  }
}
