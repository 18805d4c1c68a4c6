/**
 * The few file operations that a journal's promises rest on, in one table, so that a test can make each of them fail.
 */
import { close, fdatasync, fsync, ftruncate, open, rename, unlink, writev } from 'node:fs';
import { promisify } from 'node:util';

export interface JournalFiles {
  readonly open: (path: string, flags: string | number, mode?: number) => Promise<number>;
  /** May write less than asked, as the system call does. */
  readonly write: (fd: number, buffers: readonly Uint8Array[], position: number) => Promise<number>;
  /** Content and size are on the disk when it resolves. */
  readonly sync: (fd: number) => Promise<void>;
  readonly truncate: (fd: number, size: number) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
  readonly close: (fd: number) => Promise<void>;
  /** The names in a folder are on the disk when it resolves. */
  readonly syncFolder: (path: string) => Promise<void>;
}

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);

export const realFiles: JournalFiles = {
  open: (path, flags, mode) => openFile(path, flags, mode),
  write: (fd, buffers, position) =>
    new Promise((resolve, reject) => {
      writev(fd, buffers, position, (error, bytesWritten) => (error ? reject(error) : resolve(bytesWritten)));
    }),
  sync: promisify(fdatasync),
  truncate: promisify(ftruncate),
  rename: promisify(rename),
  unlink: promisify(unlink),
  close: closeFile,
  syncFolder: async (path) => {
    const fd = await openFile(path, 'r');
    try {
      await syncFile(fd);
    } finally {
      await closeFile(fd);
    }
  },
};

/** Writes all of `buffers` from `position` on, however little each call takes. */
export async function writeAll(
  files: JournalFiles,
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let left = buffers;
  let at = position;
  for (;;) {
    let written = await files.write(fd, left, at);
    at += written;
    let whole = 0;
    while (whole < left.length && written >= left[whole]!.length) {
      written -= left[whole]!.length;
      whole += 1;
    }
    if (whole === left.length) return;
    left = [left[whole]!.subarray(written), ...left.slice(whole + 1)];
  }
}
