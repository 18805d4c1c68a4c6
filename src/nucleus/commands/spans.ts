/**
 * Moments and spans as a person writes them.
 *
 * A span is a number and a unit: `500ms`, `90s`, `30m`, `2h`, `1d`, `2w`; a bare 0 is no time at all.
 * A moment is UTC ms, an ISO 8601 date, or a span, which then counts back from now. A date without a zone is UTC.
 */
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const SPAN = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)$/;
const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i;
/** The latest moment a Date can hold. */
const DATE_MS_MAX = 8.64e15;

/** Ms, or null when the text is no span. */
export function parseSpan(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  const match = SPAN.exec(trimmed);
  if (match === null) return null;
  const ms = Number(match[1]) * UNIT_MS[match[2]!]!;
  return ms <= DATE_MS_MAX ? ms : null;
}

/** UTC ms, or null when the value is no moment. */
export function parseMoment(value: string | number, nowMs: number): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) <= DATE_MS_MAX ? value : null;
  const trimmed = value.trim();
  if (/^now$/i.test(trimmed)) return nowMs;
  if (/^\d{11,16}$/.test(trimmed)) return parseMoment(Number(trimmed), nowMs);
  const span = parseSpan(trimmed);
  if (span !== null) return nowMs - span;
  const match = ISO.exec(trimmed);
  if (match === null) return null;
  const [, day = '', time = '00:00', zone = 'Z'] = match;
  if (!isDay(day)) return null;
  const zoned = zone.toUpperCase() === 'Z' ? 'Z' : zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  const ms = Date.parse(`${day}T${time}${zoned}`);
  return Number.isNaN(ms) ? null : ms;
}

/** Whether the calendar has it: Date takes February 30 for March 2. */
function isDay(day: string): boolean {
  const date = new Date(`${day}T00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}
