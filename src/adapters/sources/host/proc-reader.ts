/**
 * Reading the small files that the kernel writes as they are read.
 *
 * Owns descriptors that stay open (a look is then one system call instead of three) and the one buffer that all texts pass
 * through. Leaves meaning to the parsers of domain/host.
 *
 * R1 A text is whole or not there: `read` gives its length, or -1, and never throws.
 * R2 What cannot be read is asked again once a minute, and told to `onLeftOut` once.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { ByteCursor } from '#domain/host/bytes.ts';

const BUFFER_BYTES = 65_536;
/** No kernel text of interest is near: a machine of 1,000 processors writes 300 KB of /proc/stat. */
const BUFFER_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_MS = 60_000;

/** `ENOENT` and its like, or what else was thrown. */
export function errorCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** A file that is asked again and again. `isLong`: its text may come in several parts (one line for each device). */
export interface KeptFile {
  readonly path: string;
  readonly isLong: boolean;
  /** -1 while closed. */
  fd: number;
  /** Monotonic ms before which a file that failed is not asked again. */
  retryMs: number;
}

export function makeKeptFile(path: string, isLong: boolean = false): KeptFile {
  return { path, isLong, fd: -1, retryMs: Number.NEGATIVE_INFINITY };
}

export class ProcReader {
  readonly cursor: ByteCursor = new ByteCursor();
  /** Of all texts so far. */
  bytesRead = 0;
  readonly #onLeftOut: (path: string, code: string) => void;
  readonly #leftOut = new Set<string>();
  #buffer: Uint8Array = new Uint8Array(BUFFER_BYTES);

  constructor(onLeftOut: (path: string, code: string) => void) {
    this.#onLeftOut = onLeftOut;
  }

  /** Puts the file's text of now under `cursor`; false when there is none. */
  read(file: KeptFile, nowMs: number): boolean {
    if (nowMs < file.retryMs) return false;
    try {
      // A descriptor may outlive its file (a device unplugged, a module unloaded and loaded): then a fresh one may do.
      if (file.fd !== -1) {
        try {
          this.#readAll(file.fd, file.isLong);
          return true;
        } catch {
          this.close(file);
        }
      }
      file.fd = openSync(file.path, 'r');
      this.#readAll(file.fd, file.isLong);
      return true;
    } catch (error) {
      this.close(file);
      file.retryMs = nowMs + RETRY_MS;
      this.#leaveOut(file.path, errorCodeOf(error));
      return false;
    }
  }

  /** The same for a file that is opened by the caller and whose text is short; false when its thing is gone. */
  readShort(fd: number): boolean {
    try {
      this.#readAll(fd, false);
      return true;
    } catch {
      return false;
    }
  }

  close(file: KeptFile): void {
    if (file.fd === -1) return;
    closeQuietly(file.fd);
    file.fd = -1;
  }

  #readAll(fd: number, isLong: boolean): void {
    let length = 0;
    for (;;) {
      const got = readSync(fd, this.#buffer, length, this.#buffer.length - length, length);
      length += got;
      if (length === this.#buffer.length) {
        if (length >= BUFFER_BYTES_MAX) throw new Error(`longer than ${BUFFER_BYTES_MAX} bytes`);
        // Parts of a text are written as they are asked for: from the beginning again, so that they fit each other.
        this.#buffer = new Uint8Array(length * 2);
        length = 0;
        continue;
      }
      if (got === 0 || !isLong) break;
    }
    this.bytesRead += length;
    this.cursor.reset(this.#buffer, length);
  }

  #leaveOut(path: string, code: string): void {
    if (this.#leftOut.has(path)) return;
    this.#leftOut.add(path);
    this.#onLeftOut(path, code);
  }
}

export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The kernel has let go of the descriptor whatever close says.
  }
}
