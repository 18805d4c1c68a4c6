/** The server's log: one file beside its folder, bounded, its predecessor kept as `.1`. */
import { closeSync, copyFileSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';

const LOG_BYTES_MAX = 1024 * 1024;
const TAIL_BYTES = 4096;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Before a start, when nobody writes it. */
export function turnLog(path: string): void {
  if (sizeOf(path) > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
}

/** While the server runs: it appends, so that after the cut it goes on at the start; lines of that very instant may be lost. */
export function boundLog(path: string): void {
  if (sizeOf(path) <= 4 * LOG_BYTES_MAX) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/** What tells a failure in what was written since `offset`, of the last few kB. */
export function readReason(path: string, offset: number): string {
  let text = '';
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const from = Math.max(Math.min(offset, size), size - TAIL_BYTES);
      const buffer = Buffer.alloc(size - from);
      readSync(fd, buffer, 0, buffer.length, from);
      text = buffer.toString('utf8');
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
  return tellingLines(text);
}

/** The lines of a program's output that say why it failed, else the last ones. */
export function tellingLines(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.filter((line) => /\b(FATAL|PANIC|ERROR|HINT|error):/.test(line));
  return (telling.length > 0 ? telling : lines).slice(-3).join(' | ');
}
