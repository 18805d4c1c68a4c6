/**
 * The flights of vega-datasets (flights-3m.parquet: 3,000,000 real ones, 2001-01-01 to 2001-06-30, in time order) as a CSV that CoreC
 * can read.
 *
 * Owns the packages of this folder and the form of the file. Leaves what is made of it to main.ts.
 *
 * E1 The file is written beside and renamed: it is whole or not there.
 * E2 Times stand in the file as they stand in the data, read as UTC: no zone is known.
 */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead, type ColumnChunk } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

const DATA = fileURLToPath(new URL('node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url));
const COLUMNS = ['date', 'delay', 'origin', 'destination'];
export const HEADER = 'date,delay,origin,destination';
/** Rows a write: some 300 KB of text. */
const WRITE_ROWS = 8192;

export interface Written {
  /** Flights of the data that were looked at, and of these the ones in the file. */
  readonly read: number;
  readonly rows: number;
  /** Times of the first and the last, UTC ms. */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Writes the flights to `path`, in time order; `progress` is told the rows read and in all. `only`: those from these airports, empty for
 * all. Aborted, it returns early and there is no file.
 */
export async function writeFlights(
  path: string,
  { only, signal }: { readonly only: ReadonlySet<string>; readonly signal: AbortSignal },
  progress: (rows: number, all: number) => void,
): Promise<Written> {
  const file = await asyncBufferFromFile(DATA);
  const metadata = await parquetMetadataAsync(file);
  const all = Number(metadata.num_rows);
  const part = `${path}.part`;
  const out = createWriteStream(part);
  const ended = finished(out);
  // told again by the await below; not an unhandled one meanwhile
  ended.catch(() => {});
  out.write(`${HEADER}\n`);
  let rowStart = 0;
  let written = 0;
  let fromMs = NaN;
  let toMs = NaN;
  for (const group of metadata.row_groups) {
    if (signal.aborted) break;
    const rows = Number(group.num_rows);
    const columns = new Map<string, unknown[]>(COLUMNS.map((name) => [name, Array.from({ length: rows })]));
    const onChunk = ({ columnName, columnData, rowStart: at }: ColumnChunk): void => {
      const column = columns.get(columnName)!;
      for (let k = 0; k < columnData.length; k++) column[at - rowStart + k] = columnData[k];
    };
    await parquetRead({
      file,
      metadata,
      compressors,
      columns: COLUMNS,
      rowStart,
      rowEnd: rowStart + rows,
      onChunk,
    });
    const [date, delay, origin, destination] = COLUMNS.map((name) => columns.get(name)!);
    for (let from = 0; from < rows; from += WRITE_ROWS) {
      let text = '';
      let lastMs = NaN;
      let time = '';
      for (let k = from; k < Math.min(rows, from + WRITE_ROWS); k++) {
        if (only.size > 0 && !only.has(String(origin![k]))) continue;
        const ms = Number(date![k]);
        // many flights leave in the same minute, and writing a date is slow
        if (ms !== lastMs) {
          time = new Date(ms).toISOString();
          lastMs = ms;
        }
        if (written === 0) fromMs = ms;
        toMs = ms;
        written++;
        text += `${time},${String(delay![k])},${String(origin![k])},${String(destination![k])}\n`;
      }
      if (!out.write(text)) await Promise.race([new Promise<void>((done) => out.once('drain', () => done())), ended]);
      progress(rowStart + Math.min(rows, from + WRITE_ROWS), all);
    }
    rowStart += rows;
  }
  out.end();
  await ended;
  if (signal.aborted) await rm(part);
  else await rename(part, path);
  return { read: rowStart, rows: written, fromMs, toMs };
}
