/**
 * A PostgreSQL server of one's own: how fast bloque rows get in, how long one of them takes, and what a stored reading costs on its disk.
 *
 * The server is PostgreSQL as it comes (the newest, over TCP with a password); the server's own settings are left alone.
 */
import { spawnSync } from 'node:child_process';
import type { PostgresConnection } from '#adapters/postgres/connection.ts';
import { PostgresServer } from '../../test/servers/postgres.ts';
import type { ServersPostgresInput, ServersPostgresResult, StoredSet } from '../children/servers-postgres.ts';
import { startChild } from '../lib/child.ts';
import { dataFolder, NO_DATA } from '../lib/dev-data.ts';
import { writeBareConfig } from '../lib/config.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, failedRow, makeRow, ratioAtLeast, type BenchRow } from '../lib/row.ts';
import { withFolder } from '../lib/workspace.ts';

export const PG_ROWS_LIMIT = ratioAtLeast(0.6, 0.9);
export const PG_WRITE_LIMIT = atMost(10, 5);
/** Bytes of a stored reading, by what the readings are. */
export const PG_BYTES_LIMITS = {
  metr: atMost(2.2, 1.7),
  nab: atMost(1.8, 1.5),
  noise: atMost(3.2, 2.9),
} as const;

const WITHIN_MS = 300_000;

/** The program of the distribution, where it is installed: the baseline that the rows are held against. */
function psqlPath(): string | null {
  return spawnSync('psql', ['--version'], { stdio: 'ignore' }).status === 0 ? 'psql' : null;
}

async function measure(
  part: ServersPostgresInput['part'],
  progress: Progress,
): Promise<ServersPostgresResult & { version: string }> {
  return withFolder(async (folder) => {
    progress('starting PostgreSQL');
    const server = await PostgresServer.start({ database: 'corec_db' });
    try {
      const { host, port, user, password, database } = server.connection;
      const config = writeBareConfig(folder, {
        http: null,
        persistencia: { intervalo_s: 3600 },
        db_config: { host, port, user, password, dbname: database },
      });
      const connection: PostgresConnection = server.connection;
      const input: ServersPostgresInput = { part, connection, config, folder, data: dataFolder(), psql: psqlPath() };
      const { result } = startChild<ServersPostgresResult>('servers-postgres.ts', input, WITHIN_MS, (line) => {
        const { progress: said } = line as { progress?: string };
        if (said !== undefined) progress(said);
      });
      return { ...(await result), version: server.version };
    } finally {
      await server.close();
    }
  });
}

export async function benchPostgresRows(progress: Progress): Promise<BenchRow[]> {
  const { rows, write, version } = await measure('rows', progress);
  const { rowsPerS, baselinePerS, baselineBy, bytesEach, found, sent } = rows!;
  return [
    makeRow('servers.pg-rows', 'rows/s', PG_ROWS_LIMIT, {
      value: rowsPerS,
      baseline: baselinePerS,
      sound: found === sent,
      note:
        `epochs of 1,000 rows, each with the mensajes of 1,000 entidades (${bytesEach} bytes), beside ${baselineBy} of the same rows ` +
        `into the same table in one transaction; PostgreSQL ${version}`,
    }),
    makeRow('servers.pg-write', 'ms', PG_WRITE_LIMIT, {
      value: write!.p99Ms,
      baseline: write!.insertP99Ms,
      note:
        `99 of 100 writes of one such row, an epoch of its own until it is committed; half take ${write!.p50Ms.toFixed(2)} ms, ` +
        `the slowest of ${write!.count} ${write!.maxMs.toFixed(1)} ms; baseline: a bare prepared INSERT of the row`,
    }),
  ];
}

const SETS: Readonly<Record<keyof typeof PG_BYTES_LIMITS, string>> = {
  metr: '207 road sensors, a week of 5-minute readings; a row each hour of them',
  nab: '29 series of the Numenta benchmark, each ingested as a file; a row each file and 2,048 readings at most a frame',
  noise: '1,000 entidades of 50 + N(0, 1), a reading a minute; a row each ten minutes',
};

export async function benchPostgresBytes(progress: Progress): Promise<BenchRow[]> {
  const { sets, version } = await measure('bytes', progress);
  return (Object.keys(SETS) as (keyof typeof SETS)[]).map((name) => {
    const rowName = `servers.pg-bytes.${name}`;
    const limit = PG_BYTES_LIMITS[name];
    const set: StoredSet | undefined = sets?.find((one) => one.name === name);
    if (set === undefined) return failedRow(rowName, 'bytes', limit, NO_DATA);
    return makeRow(rowName, 'bytes', limit, {
      value: set.growthBytes / set.lecturas,
      baseline: set.mensajesBytes / set.lecturas,
      sound: set.exact === set.lecturas,
      note:
        `${SETS[name]}; ${set.lecturas} readings in ${set.filas} rows, ${set.exact} back with the same float32 and time; what the tables ` +
        `grew by, indexes and TOAST included; baseline: the mensajes alone; PostgreSQL ${version}`,
    });
  });
}
