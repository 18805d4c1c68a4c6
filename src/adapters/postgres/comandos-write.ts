/** Changing commands into the table `comandos`: one statement, and so one transaction, for as many as come together. */
import type pg from 'pg';
import type { ComandoCommit, ComandoResult } from '#ports/bloque-store.ts';
import { sql } from './sql.ts';
import { plainText, toJson } from './text.ts';

interface KnownRecord {
  readonly id: string;
  readonly respuesta: unknown;
  readonly timestamp_ms: number;
}

/** The port's `commitComandos`; inside a transaction of the caller's, or one by itself. */
export async function commitComandos(
  client: pg.ClientBase,
  instanceId: string,
  list: readonly ComandoCommit[],
): Promise<readonly ComandoResult[]> {
  if (list.length === 0) return [];
  const byId = new Map<string, ComandoCommit>();
  for (const commit of list) {
    const id = plainText(commit.row.id);
    if (!byId.has(id)) byId.set(id, commit);
  }
  const firsts = [...byId];
  const column = <T>(pick: (commit: ComandoCommit) => T): T[] => firsts.map(([, commit]) => pick(commit));
  const { rows } = await client.query<KnownRecord>({
    ...sql('commit-comandos'),
    values: [
      instanceId,
      firsts.map(([id]) => id),
      column(({ row }) => row.nombre),
      column(({ row }) => row.puerta),
      column(({ row }) => toJson(row.argumentos)),
      column(({ row }) => toJson(row.efecto)),
      column(({ row }) => toJson(row.respuesta)),
      column(({ row }) => row.timestampMs),
      column(({ row }) => row.epoca),
      column(({ alertaChange }) => (alertaChange === undefined ? null : plainText(alertaChange.id))),
      column(({ alertaChange }) => alertaChange?.reconocidaMs ?? null),
      column(({ alertaChange }) => (alertaChange === undefined ? null : plainText(alertaChange.reconocidaPor))),
    ],
  });
  const known = new Map(rows.map((row) => [row.id, row]));
  return list.map((commit) => {
    const id = plainText(commit.row.id);
    const stored = known.get(id);
    if (stored !== undefined) return { first: false, respuesta: stored.respuesta, timestampMs: stored.timestamp_ms };
    const { row } = byId.get(id)!;
    return { first: row === commit.row, respuesta: row.respuesta, timestampMs: row.timestampMs };
  });
}
