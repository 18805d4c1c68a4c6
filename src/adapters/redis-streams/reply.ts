/** Replies of the server as entries. Values are copies of their own: what ioredis hands out are views of a whole packet, which they would keep alive. */
import type { StreamEntry } from '#ports/stream-bus.ts';

/** RESP as ioredis gives it, with Buffers for strings. */
export type Reply = Buffer | number | null | readonly Reply[];

export function textOf(reply: Reply | undefined): string {
  if (!Buffer.isBuffer(reply)) throw new TypeError(`Redis answered ${describe(reply)} where text was expected`);
  return reply.toString();
}

export function numberOf(reply: Reply | undefined): number {
  if (typeof reply !== 'number') throw new TypeError(`Redis answered ${describe(reply)} where a number was expected`);
  return reply;
}

export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) throw new TypeError(`Redis answered ${describe(reply)} where a list was expected`);
  return reply as readonly Reply[];
}

/** `[[id, [field, value, ...]], ...]`; entries whose fields are gone are left out. */
export function entriesOf(reply: Reply | undefined): StreamEntry[] {
  const entries: StreamEntry[] = [];
  for (const item of listOf(reply)) {
    const [id, flat] = listOf(item);
    if (flat === null) continue;
    entries.push({ id: textOf(id), fields: fieldsOf(listOf(flat)) });
  }
  return entries;
}

function fieldsOf(list: readonly Reply[]): Record<string, Uint8Array> {
  const fields: Record<string, Uint8Array> = {};
  for (let k = 0; k < list.length; k += 2) {
    const name = textOf(list[k]);
    const value = Buffer.from(list[k + 1] as Buffer);
    // assigned, this one would be the prototype
    if (name === '__proto__') Object.defineProperty(fields, name, { value, enumerable: true });
    else fields[name] = value;
  }
  return fields;
}

/** Of XREAD and XREADGROUP over one stream: `[[stream, entries]]`, or nothing. */
export function streamEntriesOf(reply: Reply): StreamEntry[] {
  if (reply === null) return [];
  const [only] = listOf(reply);
  return only === undefined ? [] : entriesOf(listOf(only)[1]);
}

function describe(reply: unknown): string {
  return Array.isArray(reply) ? `a list of ${reply.length}` : reply === null ? 'nothing' : typeof reply;
}
