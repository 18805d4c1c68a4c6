/**
 * Texts for people: one table a language, one code a text.
 *
 * Owns filling in and choosing the language; en.ts and es.ts own the words. Errors have a table of their own (errors.ts).
 *
 * T1 Every code of en.ts has its twin in es.ts, else it does not compile; a test holds their parameters equal.
 * T2 `{name}` is filled with params.name: numbers as formatNumber writes them, texts as they are, null as "-". `{name:kind}` with
 *    kind percent, bytes, duration (ms), time (UTC ms), whole (all digits) or raw (no thousands) is written so.
 * T3 Filling never fails: a parameter that is not given stays visible as `{name}`.
 */
import type { Idioma } from '../errors.ts';
import { EN } from './en.ts';
import { ES } from './es.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent, formatTime, UNKNOWN } from './format.ts';

export type TextCode = keyof typeof EN;
export type TextValue = string | number | null;

type PlainName<P extends string> = P extends `${infer Name}:${string}` ? Name : P;
type ParamNames<T extends string> = T extends `${string}{${infer P}}${infer Rest}`
  ? PlainName<P> | ParamNames<Rest>
  : never;

/** What `text` needs for a code: nothing for a text without `{}`. */
export type TextParams<C extends TextCode> = [ParamNames<(typeof EN)[C]>] extends [never]
  ? []
  : [params: Readonly<Record<ParamNames<(typeof EN)[C]>, TextValue>>];

const TABLES: Readonly<Record<Idioma, Readonly<Record<TextCode, string>>>> = { en: EN, es: ES };

/** The text of `code` in `idioma`; the compiler asks for exactly its parameters. */
export function text<C extends TextCode>(idioma: Idioma, code: C, ...params: TextParams<C>): string {
  return fill(idioma, TABLES[idioma][code], params[0] ?? {});
}

/** `text` bound to a language: what parts that log are given. */
export type Say = <C extends TextCode>(code: C, ...params: TextParams<C>) => string;

export function makeSay(idioma: Idioma): Say {
  return (code, ...params) => text(idioma, code, ...params);
}

export function isTextCode(code: string): code is TextCode {
  return Object.hasOwn(EN, code);
}

/** For codes that come from stored data: an unknown one is shown with its parameters, never an error. `digits`: of plain numbers. */
export function textOf(
  idioma: Idioma,
  code: string,
  params: Readonly<Record<string, TextValue | undefined>>,
  digits: number = 4,
): string {
  if (isTextCode(code)) return fill(idioma, TABLES[idioma][code], params, digits);
  const rest = Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'number' ? formatNumber(idioma, value) : value}`);
  return [code, ...rest].join(' ');
}

function fill(
  idioma: Idioma,
  template: string,
  params: Readonly<Record<string, TextValue | undefined>>,
  digits: number = 4,
): string {
  return template.replace(/\{(\w+)(?::(\w+))?\}/g, (whole: string, name: string, kind: string | undefined) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (value === null) return UNKNOWN;
    if (typeof value === 'string') return value;
    switch (kind) {
      case 'percent':
        return formatPercent(idioma, value);
      case 'bytes':
        return formatBytes(idioma, value);
      case 'duration':
        return formatDuration(idioma, value);
      case 'time':
        return formatTime(value);
      case 'whole':
        return formatNumber(idioma, Math.round(value));
      case 'raw':
        return String(value);
      default:
        return formatNumber(idioma, value, digits);
    }
  });
}
