/**
 * The other side of the streams, in a process of its own: who sends commands at a steady pace and waits for each answer, or a bare loop
 * that reads, answers and acknowledges as CoreC's door does, and does nothing else.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { makeClient, type RedisClient } from '#adapters/redis-streams/client.ts';
import { STREAMS } from '#domain/streams.ts';
import { childInput, say } from '../lib/child.ts';

type Asked =
  | {
      readonly kind: 'latency';
      readonly port: number;
      readonly perS: number;
      readonly seconds: number;
      readonly claves: number;
    }
  | { readonly kind: 'bare'; readonly port: number; readonly count: number };

const READ_COUNT = 512;
const LOAD_BATCH = 1000;
const BARE = { commands: 'bare_commands', responses: 'bare_responses', group: 'bare' };

type Entries = readonly (readonly [id: string, fields: readonly string[]])[];

function connect(port: number): RedisClient {
  const address = { host: '127.0.0.1', port, username: null, password: null, tls: false, cluster: [] };
  return makeClient(address, { name: 'bench', connectMs: 5000, silentMs: 60_000 });
}

async function measureLatency(asked: Asked & { kind: 'latency' }): Promise<unknown> {
  const { port, perS, seconds, claves } = asked;
  const sender = connect(port);
  const reader = connect(port);
  await Promise.all([sender.connect(), reader.connect()]);
  const sentAtMs = new Map<string, number>();
  const tookMs: number[] = [];
  let isOver = false;
  const reading = (async () => {
    let last = '$';
    while (!isOver) {
      const answer = (await reader.call('XREAD', [
        'COUNT',
        '1000',
        'BLOCK',
        '100',
        'STREAMS',
        STREAMS.responses,
        last,
      ])) as [[unknown, Entries]] | null;
      const nowMs = performance.now();
      for (const [id, [, data]] of answer?.[0][1] ?? []) {
        last = String(id);
        const commandId = (JSON.parse(String(data)) as { id: string }).id;
        const atMs = sentAtMs.get(commandId);
        if (atMs !== undefined && sentAtMs.delete(commandId)) tookMs.push(nowMs - atMs);
      }
    }
  })();
  // the reader stands on the stream before the first answer
  await delay(200);
  const startMs = performance.now();
  let sent = 0;
  while (performance.now() - startMs < seconds * 1000) {
    const due = Math.floor(((performance.now() - startMs) * perS) / 1000);
    for (; sent < due; sent++) {
      const id = `latency-${process.pid}-${sent}`;
      const command =
        sent % 4 === 0
          ? { command: 'status' }
          : { command: 'entidades', arguments: { glob: `c${sent % claves}`, limit: 1 } };
      sentAtMs.set(id, performance.now());
      void sender.call('XADD', [STREAMS.commands, '*', 'data', JSON.stringify({ v: 1, id, ...command })]);
    }
    await delay(1);
  }
  const ranS = (performance.now() - startMs) / 1000;
  for (let k = 0; k < 50 && tookMs.length < sent; k++) await delay(20);
  isOver = true;
  await reading;
  sender.disconnect();
  reader.disconnect();
  const sorted = Float64Array.from(tookMs).sort();
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Infinity;
  return { sent, answered: tookMs.length, p50: at(0.5), p99: at(0.99), max: at(1), seconds: ranS };
}

async function runBare({ port, count }: Asked & { kind: 'bare' }): Promise<unknown> {
  const writer = connect(port);
  const reader = connect(port);
  await Promise.all([writer.connect(), reader.connect()]);
  const xadd = (stream: string, data: string): Promise<unknown> =>
    writer.call('XADD', [stream, 'MAXLEN', '~', String(4 * count), '*', 'data', data]);
  for (let from = 0; from < count; from += LOAD_BATCH) {
    await Promise.all(
      Array.from({ length: Math.min(LOAD_BATCH, count - from) }, (_, k) =>
        xadd(BARE.commands, JSON.stringify({ v: 1, id: `bare-${from + k}`, command: 'status' })),
      ),
    );
  }
  await writer.call('XGROUP', ['CREATE', BARE.commands, BARE.group, '0']);
  const text = JSON.stringify({ v: 1, ok: true, result: 'x'.repeat(600) });
  const startMs = performance.now();
  for (let done = 0; done < count;) {
    const args = ['GROUP', BARE.group, 'c', 'COUNT', String(READ_COUNT), 'STREAMS', BARE.commands, '>'];
    const answer = (await reader.call('XREADGROUP', args)) as [[unknown, Entries]] | null;
    const entries = answer?.[0][1] ?? [];
    await Promise.all([
      ...entries.map(() => xadd(BARE.responses, text)),
      writer.call('XACK', [BARE.commands, BARE.group, ...entries.map(([id]) => String(id))]),
    ]);
    done += entries.length;
  }
  const seconds = (performance.now() - startMs) / 1000;
  await writer.call('DEL', [BARE.commands]);
  await writer.call('DEL', [BARE.responses]);
  writer.disconnect();
  reader.disconnect();
  return { seconds };
}

const asked = childInput<Asked>();
say(await (asked.kind === 'latency' ? measureLatency(asked) : runBare(asked)));
