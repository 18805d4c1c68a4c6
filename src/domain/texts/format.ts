/**
 * Figures as a person reads them: numbers, shares, bytes, durations, times.
 *
 * F1 Pure: "now" is an argument.
 * F2 The decimal sign is the point in both languages, as in the JSON and CSV beside it; thousands are parted by a comma in English
 *    and by a narrow no-break space in Spanish, which no one can take for a decimal sign.
 * F3 Times are UTC and ISO 8601, so that they can be pasted into a command.
 */
import type { Idioma } from '../errors.ts';

const THOUSANDS: Readonly<Record<Idioma, string>> = { en: ',', es: '\u202f' };
/** What stands for a figure that is not known. */
export const UNKNOWN = '-';

/** Whole part in full, up to `digits` significant digits in all: 1234567, 61.38, 0.001235. */
export function formatNumber(idioma: Idioma, value: number, digits: number = 4): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e15)) return value.toExponential(digits - 1).replace(/\.?0+e/, 'e');
  const whole = size < 1 ? 0 : Math.floor(Math.log10(size)) + 1;
  const leadingZeros = size < 1 && size > 0 ? -Math.floor(Math.log10(size)) - 1 : 0;
  const decimals = Number.isInteger(value) ? 0 : Math.max(0, digits - whole + leadingZeros);
  const fixed = value.toFixed(decimals);
  const [integer = '', fraction = ''] = fixed.split('.');
  const kept = fraction.replace(/0+$/, '');
  const text = groupThousands(idioma, integer) + (kept === '' ? '' : `.${kept}`);
  return text === '-0' ? '0' : text;
}

function groupThousands(idioma: Idioma, integer: string): string {
  // four digits stay together in Spanish (Ortografía 2010) and are parted in English
  if (idioma === 'es' && integer.replace('-', '').length <= 4) return integer;
  return integer.replace(/\B(?=(?:\d{3})+$)/g, THOUSANDS[idioma]);
}

/** A share 0..1 as percent: 0.0734 is `7.34 %`. */
export function formatPercent(idioma: Idioma, share: number): string {
  if (!Number.isFinite(share)) return UNKNOWN;
  return `${formatNumber(idioma, share * 100, 3)} %`;
}

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** In units of 1024, three digits: 941 B, 1.5 KB, 223 MB. */
export function formatBytes(idioma: Idioma, bytes: number): string {
  if (!Number.isFinite(bytes)) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${formatNumber(idioma, value, 3)} ${BYTE_UNITS[unit]!}`;
}

const MS_UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** The two largest units: 3 d 4 h, 12 min 5 s, 8.25 s, 430 ms. */
export function formatDuration(idioma: Idioma, ms: number): string {
  if (!Number.isFinite(ms)) return UNKNOWN;
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  // 59,960 ms would round to "60 s"
  if (size < 999.5) return `${sign}${formatNumber(idioma, size, 3)} ms`;
  if (size < 59_950) return `${sign}${formatNumber(idioma, size / 1000, 3)} s`;
  const seconds = Math.round(size / 1000);
  for (const [k, [unit, unitMs]] of MS_UNITS.entries()) {
    const unitS = unitMs / 1000;
    if (seconds < unitS) continue;
    const next = MS_UNITS[k + 1];
    const whole = Math.floor(seconds / unitS);
    const rest = next === undefined ? 0 : Math.floor((seconds % unitS) / (next[1] / 1000));
    return `${sign}${formatNumber(idioma, whole)} ${unit}${rest === 0 || next === undefined ? '' : ` ${rest} ${next[0]}`}`;
  }
  return `${sign}${seconds} s`;
}

/** UTC to the second: 2025-04-01T12:30:05Z. */
export function formatTime(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return UNKNOWN;
  return `${new Date(ms).toISOString().slice(0, -5)}Z`;
}

/** How long before `nowMs`: `5 min ago`, `hace 5 min`; the coming: `in 5 min`, `en 5 min`. */
export function formatRelative(idioma: Idioma, ms: number, nowMs: number): string {
  if (!Number.isFinite(ms)) return UNKNOWN;
  const ago = nowMs - ms;
  if (Math.abs(ago) < 1000) return idioma === 'en' ? 'now' : 'ahora';
  const seconds = formatDuration(idioma, Math.round(Math.abs(ago) / 1000) * 1000);
  if (idioma === 'en') return ago > 0 ? `${seconds} ago` : `in ${seconds}`;
  return ago > 0 ? `hace ${seconds}` : `en ${seconds}`;
}
