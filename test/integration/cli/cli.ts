/** The command line as a child process, and as a function over made-up streams where a terminal is needed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after } from 'node:test';
import type { Io } from '#cli/io.ts';
import { main } from '#cli/program.ts';
import { startHttp, type HttpDoor } from '#http/server.ts';
import { socketPathOf } from '#http/socket-path.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';
import { loggerInto, meterInto } from '../http/door.ts';

export const root: string = join(import.meta.dirname, '..', '..', '..');
const entry = join(root, 'src', 'cli', 'main.ts');

/** A test that failed half-way must not leave its children behind. */
const alive = new Set<ChildProcess>();
after(() => {
  for (const child of alive) child.kill('SIGKILL');
});

export interface Home extends AsyncDisposable {
  /** Holds corec_config.json and data/. */
  readonly folder: string;
  readonly dataDir: string;
  readonly configPath: string;
  readonly nucleus: FakeNucleus;
  /** What its doors counted, by name and labels. */
  readonly counted: Map<string, number>;
  /** Opens the door on the home's data folder; closed with the home. */
  open(): Promise<HttpDoor>;
}

export function makeHome(config: Record<string, unknown> = {}): Home {
  const folder = mkdtempSync(join(tmpdir(), 'corec-cli-'));
  const configPath = join(folder, 'corec_config.json');
  writeFileSync(configPath, JSON.stringify({ http: null, ...config }));
  const nucleus = new FakeNucleus();
  const dataDir = join(folder, 'data');
  const doors: HttpDoor[] = [];
  const counted = new Map<string, number>();
  const metrics = meterInto(counted);
  return {
    folder,
    dataDir,
    configPath,
    nucleus,
    counted,
    async open() {
      mkdirSync(dataDir, { recursive: true });
      const door = await startHttp({
        api: nucleus,
        host: null,
        port: 0,
        token: null,
        socketPath: socketPathOf(dataDir),
        idioma: 'en',
        logger: loggerInto([]),
        metrics,
      });
      doors.push(door);
      return door;
    },
    async [Symbol.asyncDispose]() {
      for (const door of doors) await door.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly out: { text: string };
  readonly err: { text: string };
  readonly done: Promise<Ran>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly input?: string | Uint8Array;
  /** Leaves stdin open for the test to write to. */
  readonly keepStdin?: boolean;
}

/** Runs the entry as `./corec` does, without a terminal. */
export function start(
  args: readonly string[],
  { cwd, env = {}, input, keepStdin = false }: StartOptions = {},
): Started {
  const { LANG: _lang, LC_ALL: _all, LC_MESSAGES: _messages, NODE_TEST_CONTEXT: _context, ...rest } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
    cwd: cwd ?? root,
    env: { ...rest, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  alive.add(child);
  const out = { text: '' };
  const err = { text: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out.text += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err.text += text));
  child.stdin.on('error', () => {});
  if (!keepStdin) child.stdin.end(input ?? '');
  const done = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      alive.delete(child);
      resolve({ code, stdout: out.text, stderr: err.text });
    });
  });
  return { child, out, err, done };
}

export function corec(args: readonly string[], options: StartOptions = {}): Promise<Ran> {
  return start(args, options).done;
}

/** The same without a process of its own: what needs no signals, pipes or entry. */
export async function within(args: readonly string[], { cwd, env = {} }: StartOptions = {}): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const sink = (take: (text: string) => void): NodeJS.WriteStream =>
    new PassThrough().on('data', (chunk: Buffer) => take(chunk.toString())) as unknown as NodeJS.WriteStream;
  const code = await main(args, '0.0.0', {
    stdin: new PassThrough().end() as unknown as NodeJS.ReadStream,
    stdout: sink((text) => (stdout += text)),
    stderr: sink((text) => (stderr += text)),
    env,
    cwd: cwd ?? root,
    root,
    user: 'ana',
    pipeClosed: new AbortController().signal,
    onInterrupt: () => () => {},
  });
  return { code, stdout, stderr };
}

export interface Terminal {
  readonly io: Io;
  readonly screen: () => string;
  readonly errors: () => string;
  /** Types into it. */
  type(text: string): void;
  interrupt(): void;
  readonly rawMode: () => boolean;
}

/** A made-up terminal of 80 x 24. */
export function makeTerminal(home: Home, env: Record<string, string> = {}, columns = 80): Terminal {
  let screen = '';
  let errors = '';
  let raw = false;
  const interrupts = new Set<() => void>();
  const tty = (take: (text: string) => void): NodeJS.WriteStream => {
    const stream = new PassThrough();
    stream.on('data', (chunk: Buffer) => take(chunk.toString()));
    return Object.assign(stream, {
      isTTY: true,
      columns,
      rows: 24,
      cursorTo: () => true,
      clearLine: () => true,
      moveCursor: () => true,
    }) as unknown as NodeJS.WriteStream;
  };
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => {
      raw = on;
    },
  }) as unknown as NodeJS.ReadStream;
  const io: Io = {
    stdin,
    stdout: tty((text) => (screen += text)),
    stderr: tty((text) => (errors += text)),
    env,
    cwd: home.folder,
    root,
    user: 'ana',
    pipeClosed: new AbortController().signal,
    onInterrupt: (callback) => {
      interrupts.add(callback);
      return () => void interrupts.delete(callback);
    },
  };
  return {
    io,
    screen: () => screen,
    errors: () => errors,
    type: (text) => void (stdin as unknown as PassThrough).write(text),
    interrupt: () => {
      for (const callback of interrupts) callback();
    },
    rawMode: () => raw,
  };
}

export function onTerminal(terminal: Terminal, args: readonly string[]): Promise<number> {
  return main(args, '0.0.0', terminal.io);
}
