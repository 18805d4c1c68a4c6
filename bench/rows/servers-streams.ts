/**
 * What CoreC does over streams with real servers, Redis and PostgreSQL over TCP, each of the bench's own:
 *
 *   servers.commands-read    commands that look: read, carried out, answered, acknowledged. A backlog is written while CoreC is
 *                            stopped (SIGSTOP), so that the senders' share of the machine is not in the figure
 *   servers.commands-change  the same of commands that change something, each with its effect and its record in PostgreSQL (fsync on)
 *                            before its entry is acknowledged
 *   servers.latency          from XADD to the answer at another program, 1,000 a second, and what that costs CoreC; in turns with the bare loop
 *   servers.traffic          what 1,000 mensajes a second cost Redis's network
 *
 * Beside them: a bare loop over the same client that answers every command with the same text, as fast as it can and at the same pace, and one transaction a command.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { STREAMS } from '#domain/streams.ts';
import { PostgresServer } from '../../test/servers/postgres.ts';
import { RedisServer } from '../../test/servers/redis/server.ts';
import { startChild } from '../lib/child.ts';
import { writeBareConfig } from '../lib/config.ts';
import { freePort, startCoreC, type Running } from '../lib/corec.ts';
import { cpuSeconds } from '../lib/proc.ts';
import type { Progress } from '../lib/progress.ts';
import { atLeast, atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { median } from '../lib/stats.ts';
import { waitFor, withFolder } from '../lib/workspace.ts';

export const READ_LIMIT = atLeast(25_000, 40_000);
export const CHANGE_LIMIT = atLeast(4_000, 10_000);
export const LATENCY_LIMIT = atMost(5, 3);
export const TRAFFIC_LIMIT = atMost(0.05, 0.02);
/** What the latency may cost CoreC, cores. */
const CORES_MUST = 0.1;

const INSTANCE = 'bench';
const GROUP = `corec:${INSTANCE}`;
const CLAVES = 1000;
const BLOQUES = 100;
const READS = 100_000;
const CHANGES = 40_000;
const ROUNDS = 5;
const INSERTS = 3000;
const LOAD_BATCH = 1000;
const LATENCY_ROUNDS = 5;
const LATENCY_S = 10;
const BARE_LATENCY_S = 4;
/** Everybody's code is compiled as it is used: the first seconds at this pace are not those of the hours after them. */
const WARM_S = 15;
const LATENCY_MS_MAX = 240_000;
/** For so long CoreC's door waits for company after a read that brought few; the other one shows what waiting less costs. */
const GATHER_MS = 3;
const GATHER_LESS_MS = 2;
const BARE_STREAMS = { commands: 'bare_commands', responses: 'bare_responses' };
const BARE_LESS_STREAMS = { commands: 'bare_less_commands', responses: 'bare_less_responses' };
const PER_S = 1000;
const TRAFFIC_S = 12;
const DRAIN_MS = 120_000;

type Redis = ReturnType<RedisServer['client']>;

interface World {
  readonly redis: Redis;
  readonly server: RedisServer;
  readonly postgres: PostgresServer;
  readonly corec: Running;
}

export function benchStreams(progress: Progress): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const server = await RedisServer.start();
    const postgres = await PostgresServer.start({ database: 'corec_db' });
    const redis = server.client();
    try {
      await redis.connect();
      const { host, port: pgPort, user, password, database } = postgres.connection;
      const port = await freePort();
      const config = writeBareConfig(folder, {
        instance_id: INSTANCE,
        http: { host: '127.0.0.1', port },
        db_config: { host, port: pgPort, user, password, dbname: database },
        redis_config: { host: '127.0.0.1', port: server.port, maxlen: 4 * READS },
        bloques: [
          { id: 'sensor', entidades: CLAVES, entidades_por_bloque: CLAVES / BLOQUES },
          { id: 'publica', procesador: 'contador', entidades: CLAVES, publicar: 'todos' },
        ],
      });
      const corec = startCoreC(folder, config, port);
      await corec.ready(60_000);
      const world: World = { redis, server, postgres, corec };
      await feed(port, 'sensor');
      const rows = [
        await commandsRead(world, progress),
        await commandsChange(world, progress),
        await latency(world, progress),
        await traffic(world, port, progress),
      ];
      await corec.stop();
      return rows;
    } finally {
      redis.disconnect();
      await server.dispose();
      await postgres.close();
    }
  });
}

// -- throughput ----------------------------------------------------------------------------------------------------------------

let commandsCount = 0;

/** Of four, one asks how CoreC is, one for bloques, two for an entidad each that nobody else asks for. */
function look(k: number): Record<string, unknown> {
  if (k % 4 === 0) return { command: 'status' };
  if (k % 4 === 1) return { command: 'bloques', arguments: { entrada: 'sensor', limit: 5 } };
  return { command: 'entidades', arguments: { glob: `c${k % CLAVES}`, limit: 1 } };
}

/** Each bloque in turn; no two in a row are about the same. */
function change(k: number): Record<string, unknown> {
  const bloque = `sensor/${k % BLOQUES}`;
  return { command: Math.floor(k / BLOQUES) % 2 === 0 ? 'pause' : 'resume', arguments: { bloque } };
}

async function commandsRead(world: World, progress: Progress): Promise<BenchRow> {
  const ours: number[] = [];
  const bare: number[] = [];
  const usS: number[] = [];
  let sound = true;
  for (let round = -1; round < ROUNDS; round++) {
    progress(`looking, round ${round + 1} of ${ROUNDS}`);
    const drained = await drain(world, READS, look);
    const bareS = await bareLoop(world);
    if (round < 0) continue;
    sound &&= drained.isWhole;
    ours.push(READS / drained.seconds);
    usS.push((drained.cpuS / READS) * 1e6);
    bare.push(READS / bareS);
  }
  return makeRow('servers.commands-read', 'commands/s', READ_LIMIT, {
    value: median(ours),
    baseline: median(bare),
    sound,
    note:
      `a backlog of ${READS}: one status, one bloques and two entidades of four, alike ones within 50 ms share an answer; ` +
      `${median(usS).toFixed(1)} us of CoreC's processor each; Redis ${world.server.version}`,
  });
}

async function commandsChange(world: World, progress: Progress): Promise<BenchRow> {
  const ours: number[] = [];
  let sound = true;
  for (let round = -1; round < ROUNDS; round++) {
    progress(`changing, round ${round + 1} of ${ROUNDS}`);
    const before = await recorded(world);
    const drained = await drain(world, CHANGES, change);
    const stored = (await recorded(world)) - before;
    if (round < 0) continue;
    sound &&= drained.isWhole && stored === CHANGES;
    ours.push(CHANGES / drained.seconds);
  }
  progress('one transaction a command');
  const perS = await singleInserts(world);
  return makeRow('servers.commands-change', 'commands/s', CHANGE_LIMIT, {
    value: median(ours),
    baseline: perS,
    sound,
    note: `a backlog of ${CHANGES} pauses and resumes over ${BLOQUES} bloques, each recorded before it is acknowledged; PostgreSQL ${world.postgres.version} over TCP, fsync on; beside it one INSERT a transaction`,
  });
}

interface Drained {
  readonly seconds: number;
  readonly cpuS: number;
  /** Every command has its answer, and nothing is pending. */
  readonly isWhole: boolean;
}

/** Writes a backlog while CoreC is stopped, lets it go on, and waits until the last one is answered and acknowledged. */
async function drain(world: World, count: number, make: (k: number) => Record<string, unknown>): Promise<Drained> {
  const { redis, corec } = world;
  process.kill(corec.pid, 'SIGSTOP');
  let before: number;
  let cpuBefore: number;
  try {
    await delay(50);
    await load(redis, count, make);
    before = await redis.xlen(STREAMS.responses);
    cpuBefore = cpuSeconds(corec.pid) ?? 0;
  } finally {
    process.kill(corec.pid, 'SIGCONT');
  }
  const startMs = performance.now();
  await waitFor(
    'all commands are answered',
    async () => ((await redis.xlen(STREAMS.responses)) - before >= count ? true : null),
    DRAIN_MS,
  );
  await waitFor('all are acknowledged', async () => ((await pendingCount(redis)) === 0 ? true : null), DRAIN_MS);
  const seconds = (performance.now() - startMs) / 1000;
  const isWhole = (await redis.xlen(STREAMS.responses)) - before === count;
  const cpuS = (cpuSeconds(corec.pid) ?? 0) - cpuBefore;
  // the next round must not count what trimming takes away meanwhile
  await redis.xtrim(STREAMS.responses, 'MAXLEN', 0);
  await redis.xtrim(STREAMS.commands, 'MAXLEN', 0);
  return { seconds, cpuS, isWhole };
}

async function load(redis: Redis, count: number, make: (k: number) => Record<string, unknown>): Promise<void> {
  for (let from = 0; from < count; from += LOAD_BATCH) {
    const pipeline = redis.pipeline();
    for (let k = from; k < Math.min(count, from + LOAD_BATCH); k++) {
      const data = JSON.stringify({ v: 1, id: `bench-${process.pid}-${commandsCount++}`, ...make(k) });
      pipeline.xadd(STREAMS.commands, '*', 'data', data);
    }
    await pipeline.exec();
  }
}

async function pendingCount(redis: Redis): Promise<number> {
  const [count] = (await redis.xpending(STREAMS.commands, GROUP)) as [number];
  return Number(count);
}

/** Seconds that a bare loop takes over as many commands, in a process of its own. */
async function bareLoop({ server }: World): Promise<number> {
  const { seconds } = await startChild<{ seconds: number }>(
    'streams.ts',
    { kind: 'bare', port: server.port, count: READS },
    DRAIN_MS,
  ).result;
  return seconds;
}

async function recorded({ postgres }: World): Promise<number> {
  const [row] = await postgres.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM comandos WHERE puerta <> 'CoreCNucleus'",
  );
  return row!.count;
}

/** Transactions a second of one small INSERT each, prepared, over one connection. */
async function singleInserts({ postgres }: World): Promise<number> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  try {
    await client.query('CREATE TABLE bare (id text PRIMARY KEY, datos json NOT NULL)');
    const startMs = performance.now();
    for (let k = 0; k < INSERTS; k++) {
      await client.query({
        name: 'bare',
        text: 'INSERT INTO bare VALUES ($1, $2)',
        values: [`c${k}`, JSON.stringify(change(k))],
      });
    }
    return INSERTS / ((performance.now() - startMs) / 1000);
  } finally {
    await client.end();
  }
}

// -- latency -------------------------------------------------------------------------------------------------------------------

interface Latency {
  readonly sent: number;
  readonly answered: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly seconds: number;
}

async function latency({ corec, server }: World, progress: Progress): Promise<BenchRow> {
  const less = await startBare(server, GATHER_LESS_MS, BARE_LESS_STREAMS);
  const floor = await startBare(server, GATHER_MS, BARE_STREAMS);
  try {
    const ours = { pid: corec.pid, streams: STREAMS };
    progress(`${PER_S} commands a second, to warm up`);
    for (const { pid, streams } of [less, floor, ours]) await timed(pid, server, WARM_S, streams);
    const seen: Timed[] = [];
    const seenFloor: Timed[] = [];
    const seenLess: Timed[] = [];
    for (let round = 0; round < LATENCY_ROUNDS; round++) {
      progress(`${PER_S} commands a second, round ${round + 1} of ${LATENCY_ROUNDS}`);
      seenLess.push(await timed(less.pid, server, BARE_LATENCY_S, less.streams));
      seenFloor.push(await timed(floor.pid, server, BARE_LATENCY_S, floor.streams));
      seen.push(await timed(ours.pid, server, LATENCY_S, ours.streams));
    }
    const cores = medianOf(seen, 'cores');
    const sent = seen.reduce((sum, one) => sum + one.sent, 0);
    const longest = Math.max(...seen.map(({ max }) => max));
    return makeRow('servers.latency', 'ms', LATENCY_LIMIT, {
      value: medianOf(seen, 'p99'),
      baseline: medianOf(seenFloor, 'p99'),
      sound: seen.every((one) => one.answered === one.sent) && cores <= CORES_MUST,
      note:
        `99th percentile of ${sent} commands at ${PER_S} a second, from XADD to the answer at another program, median of ${LATENCY_ROUNDS} rounds ` +
        `(${listOf(seen, 'p99', 2)}; median of all ${medianOf(seen, 'p50').toFixed(2)}, longest ${longest.toFixed(1)}); ` +
        `CoreC used ${cores.toFixed(3)} cores (${listOf(seen, 'cores', 3)}), at most ${CORES_MUST} are allowed; ` +
        `in turns with it a bare loop over a bare socket, which answers with a fixed text at the same pace: ${medianOf(seenFloor, 'p99').toFixed(1)} ms ` +
        `(median ${medianOf(seenFloor, 'p50').toFixed(2)}), ${medianOf(seenFloor, 'cores').toFixed(3)} cores; ` +
        `gathering ${GATHER_LESS_MS} ms instead of ${GATHER_MS}: ${medianOf(seenLess, 'p99').toFixed(1)} ms, ${medianOf(seenLess, 'cores').toFixed(3)} cores`,
    });
  } finally {
    less.stop();
    floor.stop();
  }
}

type Timed = Latency & { readonly cores: number };

const medianOf = (list: readonly Timed[], name: keyof Timed): number => median(list.map((one) => one[name]));
const listOf = (list: readonly Timed[], name: keyof Timed, digits: number): string =>
  list.map((one) => one[name].toFixed(digits)).join(' ');

interface StreamNames {
  readonly commands: string;
  readonly responses: string;
}

/** A process that answers without looking, until it is stopped. */
async function startBare(
  server: RedisServer,
  gatherMs: number,
  streams: StreamNames,
): Promise<{ readonly pid: number; readonly streams: StreamNames; readonly stop: () => void }> {
  const ready = Promise.withResolvers<void>();
  const asked = { kind: 'answer', port: server.port, gatherMs, ...streams };
  const bare = startChild('streams.ts', asked, LATENCY_MS_MAX, () => ready.resolve());
  // it is killed when it has served
  bare.result.catch(ready.reject);
  await ready.promise;
  return { pid: bare.pid, streams, stop: () => bare.child.kill('SIGKILL') };
}

/** Commands at a steady pace to whoever answers them in process `pid`, and what that costs it. */
async function timed(
  pid: number,
  server: RedisServer,
  seconds: number,
  { commands, responses }: StreamNames,
): Promise<Timed> {
  const cpuBefore = cpuSeconds(pid) ?? 0;
  const startMs = performance.now();
  const seen = await startChild<Latency>(
    'streams.ts',
    { kind: 'latency', port: server.port, perS: PER_S, seconds, claves: CLAVES, commands, responses },
    LATENCY_MS_MAX,
  ).result;
  return { ...seen, cores: ((cpuSeconds(pid) ?? 0) - cpuBefore) / ((performance.now() - startMs) / 1000) };
}

// -- traffic -------------------------------------------------------------------------------------------------------------------

/** One lectura for each of a thousand claves: one bloque of the entry that publishes. */
async function feed(port: number, bloque: string): Promise<void> {
  const body = Array.from({ length: CLAVES }, (_, k) => `{"clave":"c${k}","valor":${k % 7},"ts":${Date.now()}}\n`).join(
    '',
  );
  const response = await fetch(`http://127.0.0.1:${port}/api/lecturas?bloque=${bloque}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  if (response.status !== 200) throw new Error(`lecturas: ${response.status} ${await response.text()}`);
}

async function traffic({ redis }: World, port: number, progress: Progress): Promise<BenchRow> {
  const inputBytes = async (): Promise<number> =>
    Number(/total_net_input_bytes:(\d+)/.exec(await redis.info('stats'))![1]);
  const mensajesCount = async (): Promise<number> => {
    let bytes = 0;
    for (const [, fields] of await redis.xrangeBuffer('corec_canal_1', '-', '+')) bytes += fields[3]!.length;
    return bytes / 10;
  };
  await feed(port, 'publica');
  await waitFor('the first frame is there', async () => ((await mensajesCount()) >= CLAVES ? true : null), 10_000);
  progress(`1,000 mensajes a second for ${TRAFFIC_S} s`);
  const before = { mensajes: await mensajesCount(), bytes: await inputBytes() };
  const startMs = performance.now();
  for (let s = 0; s < TRAFFIC_S; s++) {
    await feed(port, 'publica');
    await delay(Math.max(0, startMs + (s + 1) * 1000 - performance.now()));
  }
  const bytes = (await inputBytes()) - before.bytes;
  const seconds = (performance.now() - startMs) / 1000;
  await delay(1500);
  const mensajes = (await mensajesCount()) - before.mensajes;
  return makeRow('servers.traffic', 'MB/s', TRAFFIC_LIMIT, {
    value: bytes / seconds / 1e6,
    baseline: (TRAFFIC_S * CLAVES * 10) / seconds / 1e6,
    sound: mensajes === TRAFFIC_S * CLAVES,
    note: `${mensajes} mensajes published in ${seconds.toFixed(1)} s; everything that Redis was sent is in it, the door's reads too; beside it the ten bytes of each mensaje`,
  });
}
