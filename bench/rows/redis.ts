/**
 * Frames of 10 KB into one stream of a private Redis, as a bloque of 1,000 publishes them, against redis-benchmark writing the same
 * payload over one pipelined connection: a C client that remembers nothing and is told nothing of what it wrote.
 */
import { execFileSync } from 'node:child_process';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { RedisServer } from '../../test/servers/redis/server.ts';
import { makeRow, ratioAtLeast, type BenchRow } from '../lib/row.ts';
import { median } from '../lib/stats.ts';

export const REDIS_LIMIT = ratioAtLeast(0.6, 0.85);

const ROUNDS = 25;
const FRAMES = 10_000;
const FRAME_BYTES = 10_240;
const PIPELINE = 100;
/** Appends under way at a time, as five canales with their cycles would have them. */
const OPEN = 4;
const MAXLEN = 1000;
const STREAM = 'corec_canal_1';

export async function benchRedis(): Promise<BenchRow[]> {
  const server = await RedisServer.start();
  const bus = new RedisStreamsBus({ address: server.address, clock: makeSystemClock(), maxlen: MAXLEN });
  try {
    if (!(await bus.connect())) throw bus.problem!;
    const own: number[] = [];
    const bare: number[] = [];
    let cpuUs = 0;
    for (let round = -1; round < ROUNDS; round++) {
      const before = process.cpuUsage();
      const appended = await appendFrames(bus);
      const { user, system } = process.cpuUsage(before);
      const written = runRedisBenchmark(server.port);
      if (round < 0) continue;
      own.push(appended);
      bare.push(written);
      cpuUs += (user + system) / FRAMES / ROUNDS;
    }
    const kept = await bus.length(STREAM);
    const note = `Redis ${server.version}, one stream, batches of ${PIPELINE}; Node ${cpuUs.toFixed(1)} us of processor a frame`;
    const measured = { value: median(own), baseline: median(bare), note, sound: kept >= MAXLEN };
    return [makeRow('redis.append', 'frames/s', REDIS_LIMIT, measured)];
  } finally {
    await bus.close();
    await server.dispose();
  }
}

/** Frames a second until all are acknowledged. */
async function appendFrames(bus: RedisStreamsBus): Promise<number> {
  const frame = Buffer.alloc(FRAME_BYTES, 'x');
  const batch = Array.from({ length: PIPELINE }, () => ({ b: 'enjambre_sensor/0', m: frame }));
  let left = FRAMES;
  const fromMs = performance.now();
  const lanes = Array.from({ length: OPEN }, async () => {
    while (left > 0) {
      left -= PIPELINE;
      await bus.appendAll(STREAM, batch);
    }
  });
  await Promise.all(lanes);
  return (FRAMES / (performance.now() - fromMs)) * 1000;
}

function runRedisBenchmark(port: number): number {
  const command = [
    'XADD',
    STREAM,
    'MAXLEN',
    '~',
    String(MAXLEN),
    '*',
    'b',
    'enjambre_sensor/0',
    'm',
    'x'.repeat(FRAME_BYTES),
  ];
  const options = ['-p', String(port), '-n', String(FRAMES), '-P', String(PIPELINE), '-c', '1', '--csv'];
  const lines = execFileSync('redis-benchmark', [...options, ...command], { maxBuffer: 1 << 24 })
    .toString()
    .trim();
  // "<the command>","<requests a second>",...
  const found = /","([\d.]+)"/.exec(lines.slice(lines.lastIndexOf('\n')));
  if (found === null) throw new Error('redis-benchmark gave no figure');
  return Number(found[1]);
}
