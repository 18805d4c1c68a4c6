/**
 * The image's folder /app, made by hand from the Dockerfile: what it copies, laid where it says, with the packages that it installs.
 *
 * Packages are taken from this checkout's node_modules, by the lock file, instead of from the registry: those that are neither for
 * development nor, unless asked for, optional. The commands behind the installation are run as they stand.
 *
 * The folder belongs to whoever runs the test and nobody may write in it; as root (as CI is) it is run by another user, to whom only the
 * two volumes are open, as in a container with a read-only file system.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { killAll, postgresPids } from '../support/corec-process.ts';
import { copiesOf, execForm, filesCopied, ofKind, readStages, ROOT, type Stage } from './dockerfile.ts';

export interface Image {
  /** What is /app in the image. */
  readonly app: string;
  /** Runs a command in it as the image's user would: no home, no variables but these. */
  start(command: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** Every file that is not in a volume, with the time of its last change. */
  list(): string[];
}

export interface Running {
  readonly child: ChildProcess;
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The exit code; null after a signal that ended it. */
  readonly ended: Promise<number | null>;
}

export interface ImageOptions {
  /** EMBEDDED_POSTGRES=1. */
  readonly embedded: boolean;
  /** Who runs it where the test may choose. */
  readonly uid: number;
  /** The volumes belong to that user, as those of a new container to the image's own; else anybody may make folders in them. */
  readonly ownVolumes: boolean;
  /** /app/corec_config.json; from the shipped one. */
  readonly config: (shipped: string) => string;
}

const VOLUMES = ['data', 'logs'] as const;
const isRoot = process.getuid!() === 0;

export const [build, final] = readStages() as [Stage, Stage];
/** The exec form of the image's command and of its health check. */
export const command: readonly string[] = execForm(ofKind(final, 'CMD')[0]!)!;
export const healthCheck: readonly string[] = JSON.parse(
  /CMD (\[.*\])$/.exec(ofKind(final, 'HEALTHCHECK')[0]!.getTextContent())![1]!,
) as string[];

export function makeImage(t: TestContext, options: ImageOptions): Image {
  const folder = mkdtempSync(join(tmpdir(), 'corec-image-'));
  const app = join(folder, 'app');
  const running = new Set<Running>();
  t.after(async () => {
    for (const one of running) one.child.kill('SIGKILL');
    await Promise.all([...running].map((one) => one.ended));
    killAll(postgresPids(join(app, 'data')));
    execFileSync('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true, maxRetries: 10 });
  });
  mkdirSync(app);
  for (const { sources, target } of copiesOf(build)) {
    for (const source of sources) {
      const isFolder = statSync(join(ROOT, source)).isDirectory();
      for (const file of filesCopied(source)) {
        const inside = isFolder ? file.slice(source.replace(/\/?$/, '/').length) : file.split('/').at(-1)!;
        placeFile(join(ROOT, file), join(app, target, inside));
      }
    }
  }
  installPackages(app, options.embedded);
  for (const run of ofKind(build, 'RUN')) {
    const text = run.getTextContent().replace(/^RUN\s+/, '');
    if (!text.includes('npm ci')) execFileSync('sh', ['-c', text.replace(/\\\n/g, '')], { cwd: app });
  }
  const config = join(app, 'corec_config.json');
  writeFileSync(config, options.config(readFileSync(config, 'utf8')));
  for (const name of VOLUMES) {
    mkdirSync(join(app, name));
    chmodSync(join(app, name), 0o1777);
    if (isRoot && options.ownVolumes) chownSync(join(app, name), options.uid, options.uid);
  }
  if (isRoot) chmodSync(folder, 0o755);
  else execFileSync('sh', ['-c', 'chmod -R a-w . && chmod u+w data logs'], { cwd: app });
  return {
    app,
    list: () => listFiles(app),
    start: (words, env = {}) => {
      const one = startIn(app, words, env, isRoot ? options.uid : null);
      running.add(one);
      return one;
    },
  };
}

function placeFile(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, statSync(from).mode);
}

function installPackages(app: string, embedded: boolean): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { dev?: boolean; optional?: boolean; devOptional?: boolean; os?: string[]; cpu?: string[] }
    >;
  };
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || entry.dev === true || entry.devOptional === true) continue;
    if (entry.optional === true && (!embedded || entry.cpu?.includes(process.arch) === false)) continue;
    // packages inside this one stand in the lock file themselves
    const filter = (file: string): boolean => !file.slice(ROOT.length + path.length + 1).includes('/node_modules');
    cpSync(join(ROOT, path), join(app, path), { recursive: true, filter });
  }
  copyFileSync(join(ROOT, 'package-lock.json'), join(app, 'node_modules/.package-lock.json'));
  if (embedded) {
    const links = /cd (node_modules\/\S+\/) && (node \S+\.js)/.exec(ofKind(build, 'RUN')[0]!.getTextContent())!;
    execFileSync('sh', ['-c', `cd ${links[1]} && ${links[2]}`], { cwd: app, env: environment() });
  }
}

const environment = (): Record<string, string> => ({ PATH: `${dirname(process.execPath)}:/usr/bin:/bin` });

function startIn(
  app: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  uid: number | null,
): Running {
  const child = spawn(words[0]!, words.slice(1), {
    cwd: app,
    env: { ...environment(), NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === null ? {} : { uid, gid: uid }),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  return { child, env, stdout: () => out, stderr: () => err, ended };
}

function listFiles(app: string): string[] {
  const found = execFileSync(
    'find',
    ['.', '-path', './data', '-prune', '-o', '-path', './logs', '-prune', '-o', '-printf', '%p %T@\\n'],
    {
      cwd: app,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return found.split('\n').toSorted();
}
