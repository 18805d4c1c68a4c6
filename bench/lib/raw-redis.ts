/**
 * Redis over a bare socket: bytes out, replies in. For what is itself measured, or measures: a client library would be a part of the
 * figure.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Strings as text; an error of the server is thrown. */
export type RawReply = string | number | null | readonly RawReply[];

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** A command as it goes over the wire. */
export const encode = (...args: readonly string[]): string => `*${args.length}\r\n${args.map(bulk).join('')}`;

export class RawRedis {
  readonly #socket: Socket;
  #rest = '';
  #waiting: ((reply: RawReply) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
  }

  static async connect(port: number): Promise<RawRedis> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawRedis(socket);
  }

  /** Sends `count` commands as one write; resolves with the last one's reply. */
  send(bytes: string, count = 1): Promise<RawReply> {
    const { promise, resolve } = Promise.withResolvers<RawReply>();
    for (let k = 1; k < count; k++) this.#waiting.push(ignore);
    this.#waiting.push(resolve);
    this.#socket.write(bytes);
    return promise;
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const text = this.#rest + chunk;
    let at = 0;
    while (at < text.length) {
      const parsed = parse(text, at);
      if (parsed === null) break;
      at = parsed.end;
      this.#waiting.shift()!(parsed.reply);
    }
    this.#rest = text.slice(at);
  }
}

function ignore(): void {}

/** The reply at `at`, and where it ends; null when it is not whole yet. */
function parse(text: string, at: number): { readonly reply: RawReply; readonly end: number } | null {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd < 0) return null;
  const line = text.slice(at + 1, lineEnd);
  let end = lineEnd + 2;
  switch (text[at]) {
    case '+':
      return { reply: line, end };
    case ':':
      return { reply: Number(line), end };
    case '-':
      throw new Error(`Redis: ${line}`);
    case '$': {
      if (line === '-1') return { reply: null, end };
      const last = end + Number(line);
      return last + 2 > text.length ? null : { reply: text.slice(end, last), end: last + 2 };
    }
    case '*': {
      if (line === '-1') return { reply: null, end };
      const list: RawReply[] = [];
      for (let k = 0; k < Number(line); k++) {
        const item = parse(text, end);
        if (item === null) return null;
        list.push(item.reply);
        end = item.end;
      }
      return { reply: list, end };
    }
    default:
      throw new Error(`Redis: a reply that begins with ${text.slice(at, at + 20)}`);
  }
}

export type RawEntry = readonly [id: string, fields: readonly string[]];

/** Of XREAD and XREADGROUP over one stream. */
export function entriesOf(reply: RawReply): readonly RawEntry[] {
  if (reply === null) return [];
  const [[, entries]] = reply as readonly [readonly [string, readonly RawEntry[]]];
  return entries;
}
