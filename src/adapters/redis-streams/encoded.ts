/**
 * Commands as the bytes that go over the wire, made by ourselves.
 *
 * ioredis builds a command of strings and Buffers in three copies, and 10 KB cost it 25 us; a command that is bytes already costs
 * half of that (ADR 0029). What it does with replies, connections and nodes of a cluster stays its own.
 */
import { Command, type Cluster, type Redis } from 'ioredis';
import type { StreamFields } from '#ports/stream-bus.ts';
import type { RedisClient } from './client.ts';
import type { Reply } from './reply.ts';

/** Replies come with Buffers for strings. */
export class Encoded extends Command {
  readonly #bytes: Buffer;

  constructor(name: string, bytes: Buffer) {
    super(name);
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }

  get reply(): Promise<Reply> {
    return this.promise as Promise<Reply>;
  }
}

export function encodeCommand(...args: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [];
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    if (typeof arg === 'string') {
      text += bulk(arg);
      continue;
    }
    parts.push(Buffer.from(`${text}$${arg.length}\r\n`), arg);
    text = '\r\n';
  }
  const rest = Buffer.from(text);
  return parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** `XADD <stream> MAXLEN ~ <maxlen> * <field> <value> ...` as one Buffer: the one copy that is made of a payload. */
export class XaddEncoder {
  readonly #head: string;

  constructor(stream: string, maxlen: number) {
    this.#head = ['XADD', stream, 'MAXLEN', '~', String(maxlen), '*'].map(bulk).join('');
  }

  encode(fields: StreamFields): Buffer {
    const list = Object.entries(fields);
    const texts = [`*${6 + 2 * list.length}\r\n${this.#head}`];
    const values: Uint8Array[] = [];
    let bytes = 0;
    for (const [name, value] of list) {
      const end = texts.length - 1;
      if (typeof value === 'string') {
        texts[end] += bulk(name) + bulk(value);
        continue;
      }
      texts[end] += `${bulk(name)}$${value.length}\r\n`;
      values.push(value);
      bytes += value.length;
      texts.push('\r\n');
    }
    for (const text of texts) bytes += Buffer.byteLength(text);
    const encoded = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const [k, text] of texts.entries()) {
      at += encoded.write(text, at);
      const value = values[k];
      if (value === undefined) continue;
      encoded.set(value, at);
      at += value.length;
    }
    return encoded;
  }
}

/** A node of a cluster as ioredis chooses it for a slot; the same object for all commands that must go the same way. */
interface Way {
  readonly slot: number;
  redis?: Redis;
}

/** Sends commands one behind the other over one connection, as one write. `asking`: the node to which a slot is just moving. */
export function sendTogether(
  client: RedisClient,
  key: string,
  commands: readonly Encoded[],
  asking: string | null,
): void {
  if (!isCluster(client)) {
    const { stream } = client;
    // a connection that broke a moment ago may have none; not held for the rest of the turn: a batch is large
    stream?.cork();
    for (const command of commands) client.sendCommand(command);
    stream?.uncork();
    return;
  }
  const way: Way = { slot: new Command('xlen', [key]).getSlot() };
  if (asking !== null) {
    const node = client.nodes('all').find(({ options }) => `${options.host}:${options.port}` === asking);
    if (node !== undefined) {
      way.redis = node;
      node.asking().catch(() => {});
    }
  }
  for (const command of commands) client.sendCommand(command, undefined, way);
}

/** Strings of the reply come as Buffers. On a cluster ioredis finds the node by the arguments, and sends again what has moved. */
export function send(client: RedisClient, command: string, args: readonly (string | Buffer)[]): Promise<Reply> {
  if (isCluster(client)) return client.callBuffer(command, args as (string | Buffer)[]) as Promise<Reply>;
  const encoded = new Encoded(command, encodeCommand(command, ...args));
  holdWrites(client);
  client.sendCommand(encoded);
  return encoded.reply;
}

/** What is sent in one turn goes out as one write: to Redis's end of the socket a write costs more than the command in it. */
function holdWrites({ stream }: Redis): void {
  // a connection that broke a moment ago may have none
  if (stream === undefined || stream === null || stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}
