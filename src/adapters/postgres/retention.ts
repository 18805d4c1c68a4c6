/**
 * Keeps what is stored within its bounds and the coming months ready.
 *
 * T1 By age whole months go, once the last of their rows is too old.
 * T2 By size whole months go too, oldest first; what must still go then is deleted from the oldest month left, the live one
 *    included, and vacuumed, so that its room is used again.
 * T3 A month in which another instance has rows is never dropped: only the own rows are deleted.
 * T4 A month that somebody reads, a backup say, is left for the next time: a waiting drop would hold up every epoch.
 *
 * Size is counted in bloques_uso, by the hour: a file does not shrink when rows leave it.
 */
import type pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { monthNamed, monthsFrom } from './names.ts';
import type { Month } from './names.ts';
import { ensureMonths, inTransaction, listMonths } from './migrator.ts';
import { fillSql, quoteLiteral, quoteName, sql } from './sql.ts';
import { sqlStateOf } from './store-error.ts';

/** This month and the two after it. */
export const MONTHS_AHEAD = 3;
/** A cut by size goes this far below the limit, so that the next one is not due at once. */
const KEEP_SHARE = 0.9;
/** Everybody who writes waits behind a drop that waits: it asks for a moment, and again a little later. */
const DROP_LOCK_MS_MAX = 150;
const DROP_ATTEMPTS = 10;
const DROP_PAUSE_MS = 250;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

export interface HourUsage {
  readonly hora: number;
  readonly filas: number;
  readonly bytes: number;
}

/**
 * The oldest second to keep (rows of an hour count as spread evenly over it), -Infinity when all may stay. `hours`: newest first. Pure.
 */
export function planSizeCut(hours: readonly HourUsage[], keepBytes: number, nowS: number): number {
  const total = hours.reduce((sum, hour) => sum + hour.bytes, 0);
  if (total <= keepBytes) return -Infinity;
  let left = keepBytes * KEEP_SHARE;
  for (const { hora, bytes } of hours) {
    if (bytes <= left) {
      left -= bytes;
      continue;
    }
    const from = hora * HOUR_S;
    const until = Math.max(from, Math.min(from + HOUR_S, nowS));
    return until - (until - from) * (left / bytes);
  }
  return -Infinity;
}

interface MonthState {
  readonly bytes: number;
  readonly shared: boolean;
}

async function lookAt(client: pg.ClientBase, month: string, instanceId: string): Promise<MonthState> {
  const text = fillSql('size-of-month', { month: quoteName(month), literal: quoteLiteral(quoteName(month)) });
  return (await client.query<MonthState>(text, [instanceId])).rows[0]!;
}

export interface UpkeepReport {
  readonly dropped: string[];
  readonly bytes: number;
}

export async function upkeep(
  client: pg.ClientBase,
  instanceId: string,
  nowMs: number,
  keepDays: number,
  keepBytes: number,
): Promise<UpkeepReport> {
  const nowS = nowMs / 1000;
  const oldestS = nowS - keepDays * DAY_S;
  await inTransaction(client, () => ensureMonths(client, monthsFrom(nowS, MONTHS_AHEAD)));
  const hours = (await client.query<HourUsage>({ ...sql('list-usage'), values: [instanceId] })).rows;
  const cutS = planSizeCut(hours, keepBytes, nowS);
  const report: UpkeepReport & { bytes: number } = { dropped: [], bytes: 0 };

  const months = (await listMonths(client)).map(monthNamed).filter((month) => month !== undefined);
  for (const month of months.toSorted((a, b) => a.fromS - b.fromS)) {
    if (month.toS > Math.max(oldestS, cutS)) break;
    const bytes = await dropMonth(client, instanceId, month);
    if (bytes === null) continue;
    report.bytes += bytes;
    report.dropped.push(month.name);
  }
  if (cutS > -Infinity) {
    const gone = hours.filter((hour) => hour.hora * HOUR_S < cutS);
    await deleteRows(client, instanceId, cutS);
    report.bytes += gone.reduce((sum, hour) => sum + hour.bytes, 0);
    report.dropped.push(`bloques before ${new Date(cutS * 1000).toISOString()}`);
  }
  const usageCutS = Math.max(cutS, report.dropped.length === 0 ? -Infinity : lastEnd(months, report.dropped));
  if (usageCutS > -Infinity) {
    const hora = Math.floor(usageCutS / HOUR_S);
    const share = 1 - (usageCutS / HOUR_S - hora);
    await client.query({ ...sql('trim-usage'), values: [instanceId, hora, share] });
  }
  const cutMs = oldestS * 1000;
  const alertas = await client.query<{ filas: number }>({ ...sql('delete-old-alertas'), values: [instanceId, cutMs] });
  if (alertas.rows[0]!.filas > 0) report.dropped.push(`${alertas.rows[0]!.filas} alertas`);
  await client.query({ ...sql('delete-old-comandos'), values: [instanceId, cutMs] });
  return report;
}

function lastEnd(months: readonly Month[], dropped: readonly string[]): number {
  return months.filter(({ name }) => dropped.includes(name)).reduce((end, { toS }) => Math.max(end, toS), -Infinity);
}

/** Bytes given back; null: nothing of this instance was in it, or somebody is reading. */
async function dropMonth(client: pg.ClientBase, instanceId: string, month: Month): Promise<number | null> {
  const { bytes, shared } = await lookAt(client, month.name, instanceId);
  if (!shared) {
    for (let attempt = 1; attempt <= DROP_ATTEMPTS; attempt++) {
      const dropped = await tryDrop(client, instanceId, month.name);
      if (dropped === true) return bytes;
      if (dropped === false) break;
      if (attempt === DROP_ATTEMPTS) return null; // T4
      await delay(DROP_PAUSE_MS);
    }
  }
  const text = `DELETE FROM ${quoteName(month.name)} WHERE instance_id = $1`;
  return (await client.query(text, [instanceId])).rowCount ? 0 : null; // T3
}

/** Null: the lock was not to be had in time. */
async function tryDrop(client: pg.ClientBase, instanceId: string, month: string): Promise<boolean | null> {
  try {
    await client.query(`SET lock_timeout = ${DROP_LOCK_MS_MAX}`);
    const { rows } = await client.query<{ dropped: boolean }>('SELECT corec_drop_month($1, $2) AS dropped', [
      month,
      instanceId,
    ]);
    return rows[0]!.dropped;
  } catch (error) {
    if (sqlStateOf(error) !== '55P03') throw error;
    return null;
  } finally {
    await client.query('RESET lock_timeout');
  }
}

async function deleteRows(client: pg.ClientBase, instanceId: string, cutS: number): Promise<void> {
  const { rowCount } = await client.query({ ...sql('delete-bloques'), values: [instanceId, cutS] });
  if (!rowCount) return;
  // The month of the cut, and the one before it when the cut just passed into a new one.
  for (const month of await listMonths(client)) {
    const span = monthNamed(month);
    if (span && span.fromS <= cutS) await client.query(`VACUUM ${quoteName(month)}`);
  }
}
