/**
 * The other side of the streams, in a process of its own: who sends commands at a steady pace and waits for each answer, or a bare loop
 * that reads, answers and acknowledges as CoreC's door does, and does nothing else: as fast as it can, or at the pace of what comes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { makeClient, type RedisClient } from '#adapters/redis-streams/client.ts';
import { childInput, say } from '../lib/child.ts';
import { encode, entriesOf, RawRedis, type RawEntry } from '../lib/raw-redis.ts';

type Asked =
  | {
      readonly kind: 'latency';
      readonly port: number;
      readonly perS: number;
      readonly seconds: number;
      readonly claves: number;
      readonly commands: string;
      readonly responses: string;
    }
  | {
      readonly kind: 'answer';
      readonly port: number;
      readonly gatherMs: number;
      readonly commands: string;
      readonly responses: string;
    }
  | { readonly kind: 'bare'; readonly port: number; readonly count: number };

const READ_COUNT = 512;
const LOAD_BATCH = 1000;
const ANSWER_CHARS = 400;
const BARE = { commands: 'bare_commands', responses: 'bare_responses', group: 'bare' };

type Entries = readonly (readonly [id: string, fields: readonly string[]])[];

function connect(port: number): RedisClient {
  const address = { host: '127.0.0.1', port, username: null, password: null, tls: false, cluster: [] };
  return makeClient(address, { name: 'bench', connectMs: 5000, silentMs: 60_000 });
}

/** Over bare sockets, one write a turn, so that it takes as little of the machine as it can. */
async function measureLatency(asked: Asked & { kind: 'latency' }): Promise<unknown> {
  const { port, perS, seconds, claves, commands, responses } = asked;
  const [sender, reader] = await Promise.all([RawRedis.connect(port), RawRedis.connect(port)]);
  const sentAtMs = new Map<string, number>();
  const tookMs: number[] = [];
  const [newest] = (await reader.send(encode('XREVRANGE', responses, '+', '-', 'COUNT', '1'))) as readonly RawEntry[];
  let last = newest?.[0] ?? '0-0';
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const reply = await reader.send(encode('XREAD', 'COUNT', '1000', 'BLOCK', '100', 'STREAMS', responses, last));
      const nowMs = performance.now();
      for (const [id, [, data]] of entriesOf(reply)) {
        last = id;
        const commandId = (JSON.parse(data!) as { id: string }).id;
        const atMs = sentAtMs.get(commandId);
        if (atMs !== undefined && sentAtMs.delete(commandId)) tookMs.push(nowMs - atMs);
      }
    }
  })();
  const startMs = performance.now();
  let sent = 0;
  while (performance.now() - startMs < seconds * 1000) {
    const from = sent;
    const nowMs = performance.now();
    const due = Math.floor(((nowMs - startMs) * perS) / 1000);
    let bytes = '';
    for (; sent < due; sent++) {
      const id = `latency-${process.pid}-${sent}`;
      const command =
        sent % 4 === 0
          ? { command: 'status' }
          : { command: 'entidades', arguments: { glob: `c${sent % claves}`, limit: 1 } };
      sentAtMs.set(id, nowMs);
      bytes += encode('XADD', commands, '*', 'data', JSON.stringify({ v: 1, id, ...command }));
    }
    if (sent > from) void sender.send(bytes, sent - from);
    await delay(1);
  }
  const ranS = (performance.now() - startMs) / 1000;
  for (let k = 0; k < 50 && tookMs.length < sent; k++) await delay(20);
  isOver = true;
  await reading;
  sender.end();
  reader.end();
  const sorted = Float64Array.from(tookMs).sort();
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Infinity;
  return { sent, answered: tookMs.length, p50: at(0.5), p99: at(0.99), max: at(1), seconds: ranS };
}

/**
 * What answers as CoreC's door does and does nothing else: reads, waits `gatherMs` for company, reads again; answers with a
 * text of the usual length, and acknowledges with what it sends next. Until it is killed.
 */
async function answerBarely(given: Asked & { kind: 'answer' }): Promise<never> {
  const { port, gatherMs, commands, responses } = given;
  const { group } = BARE;
  const redis = await RawRedis.connect(port);
  // another loop may have been here before
  await redis.send(encode('DEL', commands, responses));
  await redis.send(encode('XGROUP', 'CREATE', commands, group, '0', 'MKSTREAM'));
  const text = 'x'.repeat(ANSWER_CHARS);
  const read = encode('XREADGROUP', 'GROUP', group, 'c', 'COUNT', '512', 'BLOCK', '5000', 'STREAMS', commands, '>');
  let ack = '';
  say('ready');
  for (;;) {
    const entries = entriesOf(await redis.send(ack + read, ack === '' ? 1 : 2));
    ack = '';
    if (entries.length === 0) continue;
    let bytes = '';
    for (const [, [, data]] of entries) {
      const { id } = JSON.parse(data!) as { id: string };
      const answer = JSON.stringify({ v: 1, id, ok: true, result: text });
      bytes += encode('XADD', responses, 'MAXLEN', '~', '100000', '*', 'data', answer);
    }
    void redis.send(bytes, entries.length);
    ack = encode('XACK', commands, group, ...entries.map(([id]) => id));
    await delay(gatherMs);
  }
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
if (asked.kind === 'answer') await answerBarely(asked);
else say(await (asked.kind === 'latency' ? measureLatency(asked) : runBare(asked)));
