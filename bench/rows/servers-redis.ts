/**
 * Redis under CoreC: frames published beside what redis-benchmark gets in, and how long commands go without an answer when a cluster
 * loses a master. On servers of the bench's own.
 */
import { execFileSync } from 'node:child_process';
import { RedisStreamsBus } from '#adapters/redis-streams/redis-streams-bus.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
import { canalStream } from '#domain/streams.ts';
import { RedisServer } from '../../test/servers/redis/server.ts';
import type { Progress } from '../lib/progress.ts';
import { makeRow, type BenchRow, type Limit } from '../lib/row.ts';
import { median } from '../lib/stats.ts';

export const FRAMES_PUBLISHED_LIMIT: Limit = { of: 'ratio', is: 'least', must: 0.6, aim: 0.85 };

const FRAME_MENSAJES = 1000;
/** As both sides trim: the server's memory must not be what is measured. */
const MAXLEN = 1000;
const FRAMES = 40_000;
const BATCH = 100;
const ROUNDS = 9;
/** Batches under way: as many as the benchmark's pipeline has. */
const WINDOW = 4;

export async function benchFramesPublished(progress: Progress): Promise<BenchRow[]> {
  const server = await RedisServer.start();
  const bus = new RedisStreamsBus({ address: server.address, clock: makeSystemClock(), maxlen: MAXLEN, name: 'bench' });
  try {
    await bus.connect();
    const frame = new Uint8Array(FRAME_MENSAJES * MENSAJE_BYTES).map((_, k) => (k * 31) & 0xff);
    const ours: number[] = [];
    const plain: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      progress(`round ${round + 1} of ${ROUNDS}`);
      const ourPerS = await publish(bus, frame);
      const plainPerS = benchmark(server, frame.length);
      if (round < 0) continue;
      ours.push(ourPerS);
      plain.push(plainPerS);
    }
    return [
      makeRow('servers.frames', 'frames/s', FRAMES_PUBLISHED_LIMIT, {
        value: median(ours),
        baseline: median(plain),
        note: `frames of ${FRAME_MENSAJES} mensajes (${frame.length} bytes) in entries of their own; Redis ${server.version}; redis-benchmark's pipeline of ${BATCH} beside`,
      }),
    ];
  } finally {
    await bus.close();
    await server.dispose();
  }
}

/** Frames a second until the last one is acknowledged. */
async function publish(bus: RedisStreamsBus, frame: Uint8Array): Promise<number> {
  const batch = Array.from({ length: BATCH }, (_, k) => ({ b: `enjambre_sensor/${k}`, m: frame }));
  const startMs = performance.now();
  let left = FRAMES / BATCH;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await bus.appendAll(canalStream(1), batch);
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
  return FRAMES / ((performance.now() - startMs) / 1000);
}

/** Appends a second of the same fields by redis-benchmark, one connection. */
function benchmark(server: RedisServer, bytes: number): number {
  const command = [
    'XADD',
    'plain',
    'MAXLEN',
    '~',
    String(MAXLEN),
    '*',
    'b',
    'enjambre_sensor/0',
    'm',
    'x'.repeat(bytes),
  ];
  const args = ['-p', String(server.port), '-c', '1', '-P', String(BATCH), '-n', String(FRAMES), '--csv', ...command];
  const said = execFileSync('redis-benchmark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const [, figures] = said.trim().split('\n').slice(-2);
  return Number(figures!.split(',')[1]!.replaceAll('"', ''));
}
