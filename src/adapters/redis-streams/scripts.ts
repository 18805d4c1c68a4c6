/**
 * The scripts that run inside the server. They are sent whole (EVAL), not by their digest: that saves a state, which scripts a
 * server knows, and costs a kilobyte for a batch of up to a thousand (ADR 0029).
 */
import { readFileSync } from 'node:fs';

/** Without comments: they are for readers. */
function load(name: string): string {
  const source = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  return source
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--'))
    .join('\n');
}

export const SCRIPTS = { begin: load('begin'), finish: load('finish'), appendOnce: load('append-once') } as const;
