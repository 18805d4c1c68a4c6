/**
 * What would become of some data, before any of it is taken: for `ingest --explain`.
 *
 * Owns: running the very parsers over the beginning of the data and gathering what they give and refuse.
 */
import type { Idioma } from '#domain/errors.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { decodeUtf8 } from './bytes.ts';
import type { ResolveRequest } from './resolve.ts';
import { describeMapeo, resolvedText } from './resolve.ts';
import { RowReader } from './row-reader.ts';
import type { RowRefusal } from './row-parser.ts';

/** How much of the data is looked at. */
export const EXPLAIN_BYTES: number = 4 << 20;

export interface ExplainedLectura {
  readonly clave: string;
  readonly valor: number;
  /** ISO 8601, UTC; null: it gets the time of arrival. */
  readonly ts: string | null;
  /** Line of the data, from 1. */
  readonly line: number;
}

export interface ExplainedRefusal {
  readonly reason: RowRefusal;
  readonly count: number;
  /** The first few, each with its place. */
  readonly examples: readonly { readonly row: string; readonly where: string }[];
}

export interface Explanation {
  /** The mapping in words, and as text to give as --map. */
  readonly words: string;
  readonly mapeo: string;
  /** The fields found: name and what most of its values are. */
  readonly fields: readonly { readonly name: string; readonly kind: string; readonly example: string }[];
  readonly notices: readonly string[];
  readonly lecturas: readonly ExplainedLectura[];
  readonly refused: readonly ExplainedRefusal[];
  /** Over the bytes looked at. */
  readonly bytes: number;
  readonly rowsCount: number;
  readonly lecturasCount: number;
  readonly refusedCount: number;
  /** False: there is more data than was looked at. */
  readonly whole: boolean;
}

const EXAMPLES = 3;

/**
 * Explains `sample`, the beginning of the data (or all of it: `whole`), with its first `n` lecturas. Null: there is no row.
 * Errors: CoreCError COREC_E_MAPPING.
 */
export function explainBytes(
  sample: Uint8Array,
  whole: boolean,
  request: ResolveRequest,
  n: number,
  idioma: Idioma,
): Explanation | null {
  const refused = new Map<RowRefusal, { count: number; examples: { row: string; where: string }[] }>();
  const reader = new RowReader(request, (reason, row, where) => {
    let entry = refused.get(reason);
    if (entry === undefined) {
      entry = { count: 0, examples: [] };
      refused.set(reason, entry);
    }
    entry.count++;
    if (entry.examples.length < EXAMPLES) entry.examples.push({ row: row.slice(0, 200), where });
  });
  reader.offer(sample, 0, sample.length, whole);

  const lecturas: ExplainedLectura[] = [];
  // One at a time, so that each one's line is known.
  const one = new LecturaBatch(1);
  let isMore = true;
  while (isMore && lecturas.length < n) {
    one.clear();
    isMore = reader.read(one);
    if (one.length === 0) break;
    const { line, part } = reader.position();
    const tsMs = one.tsMs[0]!;
    lecturas.push({
      clave: decodeUtf8(one.claveBytes, one.claveOffset[0], one.claveOffset[0]! + one.claveLength[0]!),
      valor: one.valor[0]!,
      ts: Number.isNaN(tsMs) ? null : new Date(tsMs).toISOString(),
      line: part > 0 ? line + 1 : line,
    });
  }
  let count = lecturas.length;
  const batch = new LecturaBatch(4096);
  while (isMore) {
    batch.clear();
    isMore = reader.read(batch);
    count += batch.length;
  }
  const { resolution } = reader;
  if (resolution === null) return null;
  return {
    words: describeMapeo(resolution, idioma),
    mapeo: resolvedText(resolution),
    fields: resolution.fields.map(({ name, kind, example }) => ({ name, kind, example })),
    notices: resolution.notices,
    lecturas,
    refused: [...refused].map(([reason, entry]) => ({ reason, ...entry })).sort((a, b) => b.count - a.count),
    bytes: sample.length,
    rowsCount: reader.rows,
    lecturasCount: count,
    refusedCount: reader.refused,
    whole,
  };
}
