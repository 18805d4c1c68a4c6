/** Names of tables made at run time, and the months they stand for. Pure. */
import { createHash } from 'node:crypto';
import { CoreCError } from '#domain/errors.ts';

export interface Month {
  /** As the specification: bloques_2025_04. */
  readonly name: string;
  readonly fromS: number;
  readonly toS: number;
}

/** The UTC month that holds `timestampS`. */
export function monthOf(timestampS: number): Month {
  const date = new Date(timestampS * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) {
    throw new CoreCError('COREC_E_INTERNAL', { found: `a bloque row with timestamp ${timestampS}` });
  }
  const month = makeMonth(year, date.getUTCMonth());
  // A Date drops what is below a millisecond, in either direction.
  if (timestampS < month.fromS) return makeMonth(year, date.getUTCMonth() - 1);
  if (timestampS >= month.toS) return makeMonth(year, date.getUTCMonth() + 1);
  return month;
}

/** `count` months, the one of `timestampS` first. */
export function monthsFrom(timestampS: number, count: number): Month[] {
  const months = [monthOf(timestampS)];
  while (months.length < count) months.push(monthOf(months.at(-1)!.toS));
  return months;
}

/** Undefined for a partition that CoreC did not name. */
export function monthNamed(name: string): Month | undefined {
  const match = /^bloques_(\d{4})_(\d{2})$/.exec(name);
  return match ? makeMonth(Number(match[1]), Number(match[2]) - 1) : undefined;
}

/** `month` counts from 0 and may leave its year. */
function makeMonth(year: number, month: number): Month {
  // Date.UTC takes the years 0..99 for 1900..1999.
  const at = (m: number): Date => new Date(new Date(0).setUTCFullYear(year, m, 1));
  const from = at(month);
  const name = `bloques_${String(from.getUTCFullYear()).padStart(4, '0')}_${String(from.getUTCMonth() + 1).padStart(2, '0')}`;
  return { name, fromS: from.getTime() / 1000, toS: at(month + 1).getTime() / 1000 };
}

/** The partitions of estado of one instance; `tramos` by their number. */
export interface InstanceTables {
  readonly instance: string;
  readonly tramos: readonly [string, string, string];
}

export function tablesOf(instanceId: string): InstanceTables {
  const plain = instanceId
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/g, '_')
    .slice(0, 32);
  // Two ids that look alike so far must not meet in one table.
  const slug =
    plain === instanceId ? plain : `${plain}_${createHash('sha256').update(instanceId).digest('hex').slice(0, 8)}`;
  const instance = `estado_${slug}`;
  return { instance, tramos: [`${instance}_0`, `${instance}_1`, `${instance}_2`] };
}
