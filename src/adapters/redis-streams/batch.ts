/**
 * A batch of entries on its way: one transaction that writes all of them or none, and once however often it is sent.
 *
 *   MULTI   EVAL begin   XADD ... XADD   EVAL finish   EXEC
 *
 * Owns the transaction and what its answer means. Leaves when it is sent, and sent again, to appender.ts.
 */
import { messageOf } from '#domain/errors.ts';
import type { RedisClient } from './client.ts';
import { encodeCommand, Encoded, sendTogether } from './encoded.ts';
import { isAnswer, replyCode } from './redis-error.ts';
import { entriesOf, listOf, type Reply } from './reply.ts';
import { SCRIPTS } from './scripts.ts';

export interface BatchWire {
  readonly stream: string;
  /** What the server remembers of the sender: keys.ts. */
  readonly key: string;
  readonly number: number;
  /** Number of the batch before it while that one is not answered, else 0. */
  readonly after: number;
  /** XADD commands. */
  readonly entries: readonly Buffer[];
}

/** Batches that the server remembers of a sender: more than are ever under way. */
const REMEMBERED = 8;
/** A sender that was silent for so long is forgotten; its batches were given up long before. */
const REMEMBER_S = 3600;
const MULTI = encodeCommand('MULTI');
const EXEC = encodeCommand('EXEC');

/** Parts of the batch may be in, or the server cannot remember it; not settled by the error itself. */
export class HalfDone extends Error {
  override readonly name = 'HalfDone';
}

/** The ids of its entries. Throws what the server, or the loss of the connection, said. */
export async function sendBatch(client: RedisClient, wire: BatchWire): Promise<readonly string[]> {
  const replies = await transact(client, wire.stream, beginOf(wire), wire.entries, finishOf(wire));
  const [began, ...added] = replies;
  const finished = added.pop();
  if (Buffer.isBuffer(began)) return await idsOfBarred(client, wire, began.toString());
  const failure = added.find((reply) => reply instanceof Error);
  if (failure !== undefined) {
    if (added.every((reply) => reply instanceof Error)) throw failure;
    throw new HalfDone(`some entries were refused: ${failure.message}`, { cause: failure });
  }
  const ids = added.map((reply) => (reply as Buffer).toString());
  const unmarked = [began, finished].find((reply) => reply instanceof Error);
  if (unmarked !== undefined) throw new Unmarked(ids, unmarked);
  return ids;
}

/** All of it is in, but the server could not remember that: sent again, it would be doubled. */
export class Unmarked extends Error {
  override readonly name = 'Unmarked';
  readonly ids: readonly string[];

  constructor(ids: readonly string[], cause: Error) {
    super(cause.message, { cause });
    this.ids = ids;
  }
}

/** What batches and the scripts use. */
const PROBES: readonly ((key: string) => readonly string[])[] = [
  (key) => ['XADD', key, '*', 'x', ''],
  (key) => ['XREVRANGE', key, '+', '-'],
  (key) => ['XSETID', key, '0-1'],
  (key) => ['XINFO', 'STREAM', key],
  (key) => ['XGROUP', 'CREATE', key, 'corec', '$'],
  (key) => ['XGROUP', 'DESTROY', key, 'corec'],
  (key) => ['EXISTS', key],
  (key) => ['HGET', key, 'x'],
  (key) => ['HMGET', key, 'x'],
  (key) => ['HSET', key, 'x', ''],
  (key) => ['HDEL', key, 'x'],
  (key) => ['EXPIRE', key, '1'],
  (key) => ['GET', key],
  (key) => ['SET', key, ''],
  // One value too few: the transaction is given up and nothing is done, but a right that is missing was told before.
  (key) => ['SET', key],
];

/** Asks for the rights that appends need, writing nothing. Throws what is refused. */
export async function probeRights(client: RedisClient, stream: string, key: string): Promise<void> {
  const wire: BatchWire = { stream, key, number: 1, after: 0, entries: [] };
  const ask = async (commands: readonly Buffer[]): Promise<void> => {
    try {
      const [began] = await transact(client, stream, beginOf(wire), commands);
      if (began instanceof Error) throw began;
    } catch (error) {
      const reason = error instanceof HalfDone ? error.cause : error;
      if (!/wrong number of arguments/.test(messageOf(reason))) throw reason;
    }
  };
  await ask(PROBES.map((command) => encodeCommand(...command(key))));
  await ask([]);
}

function beginOf({ stream, key, number, after }: BatchWire): Buffer {
  return encodeCommand('EVAL', SCRIPTS.begin, '2', stream, key, String(number), String(REMEMBERED), String(after));
}

function finishOf({ stream, key, number }: BatchWire): Buffer {
  const [forgotten, seconds] = [String(number - REMEMBERED), String(REMEMBER_S)];
  return encodeCommand('EVAL', SCRIPTS.finish, '2', stream, key, String(number), forgotten, seconds);
}

/** Replies of what stands between MULTI and EXEC. */
async function transact(
  client: RedisClient,
  stream: string,
  begin: Buffer,
  entries: readonly Buffer[],
  finish?: Buffer,
): Promise<(Reply | Error)[]> {
  try {
    return await transactAt(client, stream, null, begin, entries, finish);
  } catch (error) {
    // the slot is just moving: its keys are there already, and that node says so when asked
    if (replyCode(error) !== 'ASK') throw error;
    return await transactAt(client, stream, /\S+$/.exec((error as Error).message)![0], begin, entries, finish);
  }
}

async function transactAt(
  client: RedisClient,
  stream: string,
  asking: string | null,
  begin: Buffer,
  entries: readonly Buffer[],
  finish?: Buffer,
): Promise<(Reply | Error)[]> {
  const multi = new Encoded('multi', MULTI);
  const queued = [new Encoded('eval', begin), ...entries.map((bytes) => new Encoded('xadd', bytes))];
  if (finish !== undefined) queued.push(new Encoded('eval', finish));
  const exec = new Encoded('exec', EXEC);
  let refused: Error | null = null;
  const note = (error: Error): void => {
    refused ??= error;
  };
  for (const command of queued) command.reply.catch(note);
  const opened = multi.reply.then(
    () => true,
    (error: Error) => {
      note(error);
      return false;
    },
  );
  sendTogether(client, stream, [multi, ...queued, exec], asking);
  try {
    return listOf(await exec.reply) as (Reply | Error)[];
  } catch (error) {
    const reason = refused ?? (error as Error);
    if ('refreshSlotsCache' in client) client.refreshSlotsCache(() => {});
    // without its MULTI each entry stood for itself
    if (isAnswer(error) && !(await opened)) throw new HalfDone(reason.message, { cause: reason });
    throw reason;
  }
}

async function idsOfBarred(client: RedisClient, wire: BatchWire, answer: string): Promise<readonly string[]> {
  if (answer === 'STALE' || answer === 'EARLY') {
    throw Object.assign(new Error(`${answer} batch ${wire.number} of ${wire.key}`), { name: 'ReplyError' });
  }
  const count = wire.entries.length;
  const args = [wire.stream, answer, '-', 'COUNT', String(count)];
  const ids = entriesOf((await client.callBuffer('xrevrange', args)) as Reply).map(({ id }) => id);
  // the ids of those that were trimmed away meanwhile are gone with them
  while (ids.length < count) ids.push(ids.at(-1) ?? answer);
  return ids.toReversed();
}
