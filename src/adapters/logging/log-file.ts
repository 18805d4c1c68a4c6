/**
 * The log file: rotated by size and count, the live one always under its own name (`tail -F logs/corec.log`).
 *
 * L1 Nothing here throws or stops CoreC. Lines that cannot be written are counted, and trying again starts a few seconds later.
 * L2 Memory is bounded: over `PENDING_BYTES_MAX` that a slow disk has not taken, new lines are dropped and counted.
 * L3 A file that was deleted or moved away while it was open (by hand, by logrotate) is begun anew under its name.
 * L4 The first line after trouble begins on a line of its own, whatever half line the trouble left.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import { messageOf } from '#domain/errors.ts';
import { MIB } from '#domain/limits.ts';
import type { Clock } from '#ports/clock.ts';

export interface LogFileOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** Size at which the live file becomes `<name>.1`. */
  readonly sizeBytes: number;
  /** Rotated files kept beside the live one. */
  readonly filesMax: number;
  /** Called once when lines begin to be lost, for whoever else can say so. */
  readonly onTrouble: (found: string) => void;
  /** Called when lines are written again, with how many were lost. */
  readonly onMended: (lost: number) => void;
}

const PENDING_BYTES_MAX = 4 * MIB;
const RETRY_MS = 5000;
const LOOK_MS = 5000;
/** A disk that does not answer must not hold up the end of CoreC. */
const CLOSE_MS = 2000;

export class LogFile {
  readonly #options: LogFileOptions;
  #stream: RotatingFileStream | null = null;
  /** Inode of the live file; null while it is being opened or rotated. */
  #inode: number | null = null;
  #retryAtMs = -Infinity;
  #lookAtMs = 0;
  #isInTrouble = false;
  #isClosed = false;
  #lostNow = 0;
  #written = 0;
  #lost = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** `line` with its line break. */
  write(line: string): void {
    if (this.#isClosed) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#stream === null && nowMs >= this.#retryAtMs) this.#open(nowMs);
    const stream = this.#stream;
    if (stream === null || stream.writableLength > PENDING_BYTES_MAX) {
      this.#countLost(1);
      if (stream !== null) this.#beInTrouble('the disk does not keep up');
      return;
    }
    stream.write(line, this.#onWritten);
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + LOOK_MS;
      void this.#lookForFile(stream);
    }
  }

  stats(): { readonly written: number; readonly lost: number } {
    return { written: this.#written, lost: this.#lost };
  }

  /** Resolves when every line so far is with the system or lost. */
  async flush(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const stream = this.#stream;
    if (stream === null) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(CLOSE_MS, resolve);
      const done = (): void => {
        cancel();
        resolve();
      };
      stream.once('close', done);
      stream.end();
    });
  }

  #open(nowMs: number): void {
    const { path, sizeBytes, filesMax } = this.#options;
    let stream: RotatingFileStream;
    try {
      const isTorn = endsInsideLine(path);
      stream = createStream(basename(path), {
        path: dirname(path),
        size: `${sizeBytes}B`,
        rotate: filesMax,
        mode: 0o640,
      });
      if (isTorn) stream.write('\n');
    } catch (error) {
      this.#fail(null, error);
      return;
    }
    this.#stream = stream;
    this.#inode = null;
    this.#lookAtMs = nowMs + LOOK_MS;
    stream.on('error', (error) => this.#fail(stream, error));
    stream.on('rotation', () => (this.#inode = null));
    stream.on('open', () => void this.#rememberFile(stream));
  }

  readonly #onWritten = (error: Error | null | undefined): void => {
    if (error) {
      this.#countLost(1);
      return;
    }
    this.#written += 1;
    // Half empty again, not merely one line further.
    if (!this.#isInTrouble || (this.#stream?.writableLength ?? 0) > PENDING_BYTES_MAX / 2) return;
    this.#isInTrouble = false;
    const lost = this.#lostNow;
    this.#lostNow = 0;
    this.#options.onMended(lost);
  };

  #fail(stream: RotatingFileStream | null, error: unknown): void {
    if (stream !== this.#stream) return;
    this.#stream = null;
    this.#retryAtMs = this.#options.clock.monotonicMs() + RETRY_MS;
    this.#beInTrouble(messageOf(error));
  }

  #beInTrouble(found: string): void {
    if (this.#isInTrouble) return;
    this.#isInTrouble = true;
    this.#options.onTrouble(found);
  }

  #countLost(lines: number): void {
    this.#lost += lines;
    this.#lostNow += lines;
  }

  async #rememberFile(stream: RotatingFileStream): Promise<void> {
    const inode = await inodeOf(this.#options.path);
    if (stream === this.#stream) this.#inode = inode;
  }

  /** L3: a file without a name would swallow every line without an error. */
  async #lookForFile(stream: RotatingFileStream): Promise<void> {
    const before = this.#inode;
    const inode = await inodeOf(this.#options.path);
    // Unchanged `#inode`: no rotation came between.
    if (stream !== this.#stream || before === null || this.#inode !== before || inode === before) return;
    this.#stream = null;
    this.#retryAtMs = -Infinity;
    stream.end();
  }
}

async function inodeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).ino;
  } catch {
    return null;
  }
}

function endsInsideLine(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    // Not there, or not for us: opening it for writing will tell.
    return false;
  }
  try {
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
  } finally {
    closeSync(fd);
  }
}
