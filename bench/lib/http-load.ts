/**
 * Load over HTTP: rounds of readings in bodies of about 2,000 rows over several connections. Only what was answered with 200, which
 * means that it is durable, counts.
 */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Rounds } from './ndjson.ts';

const BODY_ROWS = 2000;
const RETRY_MS = 50;

export interface Load {
  /** Lecturas that were acknowledged. */
  acknowledged: number;
  /** Lecturas in requests that have no answer yet: after a kill they may have been kept or not. */
  underway: number;
  /** Answers 429 or 503: sent again. */
  turnedAway: number;
  bodies: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly rounds: Rounds;
  readonly connections: number;
  /** The first round sent. */
  readonly fromRound: number;
  /** Stop after so many rounds; null: until `stop` is aborted. */
  readonly roundsMax: number | null;
  readonly stop: AbortSignal;
  /** Lecturas a second at most; null: as fast as answers come. */
  readonly perSecond: number | null;
}

export async function sendLoad(options: LoadOptions, load: Load): Promise<void> {
  const { rounds, connections, stop } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const perRound = Math.ceil(rounds.rows / BODY_ROWS);
  const startMs = performance.now();
  let sent = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (!stop.aborted) {
      const body = next++;
      const round = Math.floor(body / perRound);
      if (options.roundsMax !== null && round >= options.roundsMax) return;
      const from = (body % perRound) * BODY_ROWS;
      const to = Math.min(rounds.rows, from + BODY_ROWS);
      if (options.perSecond !== null) {
        const dueMs = (sent * 1000) / options.perSecond - (performance.now() - startMs);
        if (dueMs > 1) await delay(dueMs);
        if (stop.aborted) return;
      }
      sent += to - from;
      rounds.write(options.fromRound + round, from, to);
      // a copy: the template's next round may be written while this one is being sent again
      const bytes = Buffer.from(rounds.bytes.subarray(rounds.starts[from], rounds.starts[to]));
      load.underway += to - from;
      const taken = await deliver(options, agent, bytes, `${options.fromRound}-${body}`, load);
      if (taken === null) return;
      load.underway -= to - from;
      load.acknowledged += taken;
      load.bodies++;
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, worker));
  } finally {
    agent.destroy();
  }
}

/** Lecturas acknowledged; null when it was broken off. */
async function deliver(
  { port, stop }: LoadOptions,
  agent: Agent,
  bytes: Buffer,
  id: string,
  load: Load,
): Promise<number | null> {
  for (;;) {
    let answer: { status: number; body: string };
    try {
      answer = await post(port, agent, bytes, id);
    } catch (error) {
      if (stop.aborted) return null;
      throw error;
    }
    if (answer.status === 200) return (JSON.parse(answer.body) as { lecturas: number }).lecturas;
    if (answer.status !== 429 && answer.status !== 503)
      throw new Error(`HTTP ${answer.status}: ${answer.body.slice(0, 300)}`);
    load.turnedAway++;
    if (stop.aborted) return null;
    await delay(RETRY_MS);
  }
}

function post(port: number, agent: Agent, body: Buffer, id: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-length': body.length,
      'idempotency-key': id,
    };
    const sent = request(
      { host: '127.0.0.1', port, path: '/api/lecturas', method: 'POST', agent, headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
