/** COPY ... TO STDOUT in PostgreSQL's binary format, row by row; the layout is told in copy-write.ts. */
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

const SIGNATURE_BYTES = 11;

/** Fields as views of what was received (nothing reuses it); null for NULL. */
export async function* readCopy(
  client: pg.ClientBase,
  statement: string,
): AsyncGenerator<(Buffer | null)[], void, void> {
  const stream = client.query(copyTo(statement, { highWaterMark: 1024 * 1024 }));
  // The loop below hears of errors while it runs. One after its last row, before the server has said that it is ready, would end the process.
  stream.on('error', () => undefined);
  let held: Buffer = Buffer.alloc(0);
  let headerLeft = true;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      let at = 0;
      if (headerLeft) {
        if (held.length < SIGNATURE_BYTES + 8) continue;
        at = SIGNATURE_BYTES + 8 + held.readInt32BE(SIGNATURE_BYTES + 4);
        headerLeft = false;
      }
      for (;;) {
        const row = parseRow(held, at);
        if (row === undefined) break;
        at = row.end;
        // The count of -1 at the very end.
        if (row.fields !== null) yield row.fields;
      }
      held = held.subarray(at);
    }
  } finally {
    // pg sets a timer on each query; for a stream nobody but its reader ends it.
    (stream as { callback?: () => void }).callback?.();
  }
}

/** Undefined when the row at `from` is not all there yet; `fields` null at the end of all rows. Pure. */
export function parseRow(buffer: Buffer, from: number): { fields: (Buffer | null)[] | null; end: number } | undefined {
  if (from + 2 > buffer.length) return undefined;
  const count = buffer.readInt16BE(from);
  let at = from + 2;
  if (count < 0) return { fields: null, end: at };
  const fields: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) return undefined;
    const length = buffer.readInt32BE(at);
    at += 4;
    if (length < 0) {
      fields.push(null);
      continue;
    }
    if (at + length > buffer.length) return undefined;
    fields.push(buffer.subarray(at, at + length));
    at += length;
  }
  return { fields, end: at };
}
