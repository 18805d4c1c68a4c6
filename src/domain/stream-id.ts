/** Ids of stream entries, `<ms>-<n>`: their form and their order. */
import { CoreCError } from './errors.ts';

export interface StreamId {
  readonly ms: number;
  readonly n: number;
}

const ID = /^(\d{1,20})(?:-(\d{1,20}))?$/;

/** `operation` is named in the error for what is no id. */
export function parseStreamId(id: string, operation: string): StreamId {
  const [, ms, n] = ID.exec(id) ?? [];
  if (ms === undefined) throw noStreamId(id, operation);
  return { ms: Number(ms), n: Number(n ?? 0) };
}

/** As `parseStreamId`, for who needs no parts of it. */
export function assertStreamId(id: string, operation: string): void {
  if (!ID.test(id)) throw noStreamId(id, operation);
}

function noStreamId(id: string, operation: string): CoreCError {
  return new CoreCError('COREC_E_ARGUMENT', {
    command: operation,
    found: `the id ${JSON.stringify(id.slice(0, 80))}`,
    allowed: '0, $, or <ms>-<n>',
  });
}

export function formatStreamId({ ms, n }: StreamId): string {
  return `${ms}-${n}`;
}

/** Below zero when `a` comes before `b`. */
export function compareStreamIds(a: StreamId, b: StreamId): number {
  return a.ms === b.ms ? a.n - b.n : a.ms - b.ms;
}
