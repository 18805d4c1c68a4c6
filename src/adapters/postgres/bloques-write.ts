/**
 * Writes an epoch's rows of `bloques`, inside the epoch's transaction.
 *
 * R1 Every row is stored, whatever the clock did: one whose (id, canal, timestamp) is taken gets the next free millisecond.
 * R2 A month that has no partition yet gets one, in the same transaction.
 *
 * Nearly all rows carry a timestamp newer than any before and go by COPY while they are produced; the others wait for a second pass.
 */
import type pg from 'pg';
import type { BloqueRow } from '#ports/bloque-store.ts';
import { CopyWriter } from './copy-write.ts';
import { ensureMonths } from './migrator.ts';
import { monthOf } from './names.ts';
import type { Month } from './names.ts';
import { executeSql, fillSql, sql } from './sql.ts';
import { plainText } from './text.ts';

/** Row header, fixed columns, names and both index entries: what retention adds to the mensajes, and a 16th of these for unfilled pages. */
const ROW_OVERHEAD_BYTES = 200;
const FIXED_BYTES = 8 * 4 + 4 + 4 + 4 + 8;
const OFFSETS_MAX = 1000;

interface Usage {
  filas: number;
  bytes: number;
}

export interface BloquesWritten {
  readonly bytes: number;
  readonly timestampMax: number;
  /** Months that got a partition: known to others only after the commit. */
  readonly months: readonly string[];
  /** Statements that the epoch must still execute (executeSql). */
  readonly usage: readonly string[];
}

/** `timestampMax`: of the rows stored before. `knownMonths`: names that have a partition. */
export async function writeBloques(
  client: pg.ClientBase,
  instanceId: string,
  rows: Iterable<BloqueRow> | AsyncIterable<BloqueRow>,
  timestampMax: number,
  knownMonths: ReadonlySet<string>,
): Promise<BloquesWritten> {
  const usage = new Map<string, Usage>();
  const seen = new Set<string>();
  const later: BloqueRow[] = [];
  const missing = new Map<string, Month>();
  let copy: CopyWriter | null = null;
  let bytes = 0;
  let newest = -Infinity;
  let month: Month | null = null;

  for await (const row of rows) {
    const { timestampS } = row;
    if (!month || timestampS < month.fromS || timestampS >= month.toS) month = monthOf(timestampS);
    bytes += row.mensajes?.length ?? 0;
    newest = Math.max(newest, timestampS);
    addUsage(usage, row);
    const key = `${row.canal} ${timestampS} ${row.id}`;
    const known = knownMonths.has(month.name);
    if (!known || timestampS <= timestampMax || seen.has(key)) {
      later.push(row);
      // A later millisecond can be the next month's.
      for (const needed of [month, monthOf(timestampS + OFFSETS_MAX / 1000)])
        if (!knownMonths.has(needed.name)) missing.set(needed.name, needed);
      continue;
    }
    seen.add(key);
    copy ??= new CopyWriter(client, fillSql('copy-bloques', { table: 'bloques' }));
    await writeRow(copy, instanceId, row);
  }
  await copy?.finish();
  if (missing.size > 0) await ensureMonths(client, [...missing.values()]);
  if (later.length > 0) await writeLater(client, instanceId, later);
  const statements = usage.size > 0 ? [usageStatement(instanceId, usage)] : [];
  return { bytes, timestampMax: newest, months: [...missing.keys()], usage: statements };
}

/** Gives a promise only when there is something to wait for. */
function writeRow(copy: CopyWriter, instanceId: string, row: BloqueRow): Promise<void> | undefined {
  const id = plainText(row.id);
  const wait = copy.row(8, FIXED_BYTES + 3 * (id.length + instanceId.length + (row.codec?.length ?? 0)));
  return wait ? wait.then(() => writeFields(copy, instanceId, id, row)) : writeFields(copy, instanceId, id, row);
}

function writeFields(copy: CopyWriter, instanceId: string, id: string, row: BloqueRow): Promise<void> | undefined {
  copy.text(id);
  copy.int4(row.canal);
  copy.int4(row.numEntidades);
  copy.float4(row.fitness);
  copy.float8(row.timestampS);
  copy.text(instanceId);
  if (row.codec === null) copy.null();
  else copy.text(row.codec);
  if (row.mensajes) return copy.bytea(row.mensajes);
  copy.null();
  return undefined;
}

/** R1: a clock set back, a month made just now, or the same bloque twice at one instant. */
async function writeLater(client: pg.ClientBase, instanceId: string, rows: readonly BloqueRow[]): Promise<void> {
  await client.query(sql('make-staging').text);
  const copy = new CopyWriter(client, fillSql('copy-bloques', { table: 'corec_bloques_staging' }));
  for (const row of rows) await writeRow(copy, instanceId, row);
  await copy.finish();
  let left = rows.length;
  for (let offsetMs = 0; left > 0; offsetMs++) {
    if (offsetMs > OFFSETS_MAX) throw new Error(`${left} rows of bloques found no free timestamp`);
    const { rowCount } = await client.query({ ...sql('insert-staged'), values: [offsetMs] });
    left -= rowCount ?? 0;
  }
}

function addUsage(usage: Map<string, Usage>, { timestampS, canal, mensajes, id }: BloqueRow): void {
  const key = `${Math.floor(timestampS / 3600)} ${canal}`;
  let hour = usage.get(key);
  if (!hour) usage.set(key, (hour = { filas: 0, bytes: 0 }));
  hour.filas++;
  hour.bytes += ROW_OVERHEAD_BYTES + 2 * id.length + Math.ceil((mensajes?.length ?? 0) * (17 / 16));
}

function usageStatement(instanceId: string, usage: ReadonlyMap<string, Usage>): string {
  const keys = [...usage.keys()].map((key) => key.split(' ').map(Number));
  const values = [...usage.values()];
  return executeSql('add-usage', [
    instanceId,
    keys.map(([hora]) => hora!),
    keys.map(([, canal]) => canal!),
    values.map((hour) => hour.filas),
    values.map((hour) => hour.bytes),
  ]);
}
