/** A measuring process of its own: its memory is only what is measured, and its optimised code has seen nothing else. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { ROOT, start } from './workspace.ts';

export interface ChildRun<T> {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the last line it printed, when it ended well. */
  readonly result: Promise<T>;
}

/**
 * Runs `bench/children/<script>` with one JSON argument, under the flags that this process has from the launcher, and `flags`. Each line of its stdout is JSON: `onLine` sees them all, the last is the result.
 */
export function startChild<T>(
  script: string,
  input: unknown,
  withinMs: number,
  onLine: (line: unknown) => void = () => {},
  flags: readonly string[] = [],
): ChildRun<T> {
  const path = join(ROOT, 'bench', 'children', script);
  const child = start(process.execPath, [...process.execArgv, ...flags, path, JSON.stringify(input)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  let last: unknown;
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => {
    last = JSON.parse(line);
    onLine(last);
  });
  const finish = async (): Promise<T> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    try {
      const [[code, signal]] = (await Promise.all([once(child, 'exit'), once(lines, 'close')])) as [
        [number | null, NodeJS.Signals | null],
        unknown,
      ];
      if (code === 0 && last !== undefined) return last as T;
      const how = signal === 'SIGKILL' ? `killed, more than ${withinMs} ms` : `ended with ${code ?? signal}`;
      const said = errors.split('\n').filter((line) => /Error|COREC_E|code:/.test(line));
      throw new Error(`${script} ${how}: ${said.slice(0, 6).join(' | ').trim()}`);
    } finally {
      clearTimeout(timer);
    }
  };
  return { child, pid: child.pid!, result: finish() };
}

/** In the child: its argument, and a line out. */
export const childInput = <T>(): T => JSON.parse(process.argv[2]!) as T;
export const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
