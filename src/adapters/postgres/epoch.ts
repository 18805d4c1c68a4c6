/** One epoch, one transaction: the port's promises S1 to S3. */
import type pg from 'pg';
import type { AlertaRow, EpochCommit, EpochResult } from '#ports/bloque-store.ts';
import { writeBloques } from './bloques-write.ts';
import { commitComandos } from './comandos-write.ts';
import { EstadoWriter } from './estado-write.ts';
import { tablesOf } from './names.ts';
import { executeSql, prepareSql, sql } from './sql.ts';
import { plainText, toJson } from './text.ts';

const ALERTAS_PER_STATEMENT = 1000;

export interface EpochContext {
  readonly instanceId: string;
  readonly nowMs: number;
  readonly knownMonths: ReadonlySet<string>;
}

/** Of every epoch; known to each connection that writes one. */
const STATEMENTS = ['begin-epoch', 'add-usage', 'finish-epoch'];
const prepared = new WeakSet<pg.ClientBase>();

interface Begun {
  readonly epoca: number;
  readonly timestamp_max: number;
}

async function begin(client: pg.ClientBase, instanceId: string): Promise<Begun> {
  // of two statements in one message pg gives two results, which its types do not know
  const results: unknown = await client.query(`BEGIN; ${executeSql('begin-epoch', [instanceId])}`);
  return (results as readonly pg.QueryResult<Begun>[])[1]!.rows[0]!;
}

/** `months`: partitions made by this epoch. */
export async function commitEpoch(
  client: pg.ClientBase,
  commit: EpochCommit,
  { instanceId, nowMs, knownMonths }: EpochContext,
): Promise<EpochResult & { readonly months: readonly string[] }> {
  if (!prepared.has(client)) await client.query(prepareSql(STATEMENTS));
  prepared.add(client);
  const { epoca, timestamp_max: timestampMax } = await begin(client, instanceId);
  if (epoca >= commit.epoca) {
    await client.query('ROLLBACK');
    return { already: true, bytes: 0, months: [] };
  }
  const estado = new EstadoWriter(client, tablesOf(instanceId), instanceId, commit.epoca);
  await estado.write(commit.estado, commit.estadoDeleted);
  const bloques = await writeBloques(client, instanceId, commit.bloques, timestampMax, knownMonths);
  await writeAlertas(client, instanceId, commit.alertas, nowMs);
  await commitComandos(
    client,
    instanceId,
    commit.comandos.map((row) => ({ row })),
  );
  const finish = executeSql('finish-epoch', [
    instanceId,
    commit.epoca,
    commit.scheduledMs,
    nowMs,
    bloques.timestampMax,
  ]);
  await client.query([...bloques.usage, finish, 'COMMIT'].join('; '));
  return { already: false, bytes: estado.bytes + bloques.bytes, months: bloques.months };
}

async function writeAlertas(
  client: pg.ClientBase,
  instanceId: string,
  alertas: Iterable<AlertaRow>,
  nowMs: number,
): Promise<void> {
  // One statement cannot update a row twice: of several states of an episodio the last one counts.
  const byId = new Map<string, AlertaRow>();
  for (const row of alertas) byId.set(row.id, row);
  const rows = [...byId.values()];
  for (let from = 0; from < rows.length; from += ALERTAS_PER_STATEMENT) {
    const some = rows.slice(from, from + ALERTAS_PER_STATEMENT);
    const column = <T>(pick: (row: AlertaRow) => T): T[] => some.map(pick);
    await client.query({
      ...sql('upsert-alertas'),
      values: [
        instanceId,
        nowMs,
        column((row) => plainText(row.id)),
        column((row) => plainText(row.bloque)),
        column((row) => row.canal),
        column((row) => plainText(row.clave)),
        column((row) => row.regla),
        column((row) => row.abiertaMs),
        column((row) => row.actualizadaMs),
        column((row) => row.cerradaMs),
        column((row) => row.valor),
        column((row) => row.lectura),
        column((row) => row.esperadoMin),
        column((row) => row.esperadoMax),
        column((row) => toJson(row.razon)),
        column((row) => row.lecturas),
      ],
    });
  }
}
