/**
 * The entry of `./corec`: the one place of the command line that touches the process.
 *
 * Owns environment, arguments, interrupts and a reader that goes away (`corec alerts | head -1`). Loads next to nothing itself, so
 * that `corec --version` answers at once.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { Io } from './io.ts';

const root = dirname(dirname(import.meta.dirname));
const argv = process.argv.slice(2);

function version(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

function userName(env: Io['env']): string {
  try {
    return userInfo().username;
  } catch {
    // a user id without a name, as containers have
    return env['USER'] ?? 'cli';
  }
}

/** The first interrupt asks, the second one ends the process at once. */
function onInterrupt(callback: () => void): () => void {
  let count = 0;
  const listener = (): void => {
    count++;
    if (count > 1) process.exit(130);
    callback();
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}

if (argv[0] === '--version' || argv[0] === '-V') {
  process.stdout.write(`${version()}\n`);
} else {
  const pipe = new AbortController();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // nobody reads on: not an error, and what still runs may store and stop in its own time
    pipe.abort();
  });
  process.stderr.on('error', () => {});
  const { main } = await import('./program.ts');
  process.exitCode = await main(argv, version(), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    root,
    user: userName(process.env),
    pipeClosed: pipe.signal,
    onInterrupt,
  });
}
