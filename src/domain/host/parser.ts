/** What every parser of a kernel text is: it keeps the last counters and adds the readings that one more look allows. */
import type { ByteCursor } from './bytes.ts';
import type { ScanOutput } from './claves.ts';

export interface HostParser {
  /** False when no clave of this text is wanted: then it need not be read at all. */
  readonly wanted: boolean;
  /** `text` stands at the beginning; `nowMs` is monotonic, of the moment of reading. Never throws, whatever the text. */
  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void;
}
