/**
 * Whoever sends commands over streams: appends them to corec_commands, and reads the answers in corec_responses.
 *
 * Checks on the way that an entry is answered once, under its own id. Knows besides which ids have an answer in the stream, read or not.
 */
import { ERROR_TABLE, type ErrorCode } from '#domain/errors.ts';
import { STREAMS } from '#domain/streams.ts';
import type { StreamFields } from '#ports/stream-bus.ts';
import type { Dice } from '../sim/dice.ts';
import type { World } from '../sim/world.ts';

/** As an answer has it. */
interface Response {
  readonly id: string;
  readonly entry: string;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: { readonly code: ErrorCode };
}

export type StreamAnswer =
  | { readonly ok: true; readonly value: unknown }
  /** Final: asking again would not help. */
  | { readonly ok: false; readonly code: ErrorCode; readonly isFinal: boolean };

const READ_COUNT = 100;

export class StreamDesk {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #listeners = new Map<string, (answer: StreamAnswer) => void>();
  /** Entries sent, by their place in the stream, and whether they have their answer. */
  readonly #sent = new Map<string, { readonly id: string; answered: boolean }>();
  readonly #answered = new Set<string>();
  #afterId = '0';

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.fork();
    this.#next();
  }

  /** Entries stand in a stream of the server. */
  appended(stream: string, list: readonly StreamFields[]): void {
    if (stream !== STREAMS.responses) return;
    for (const { data } of list) this.#answered.add((JSON.parse(String(data)) as Response).id);
  }

  /** Whether the command of this entry has an answer. */
  isAnswered(entry: string): boolean {
    return this.#answered.has(this.#sent.get(entry)?.id ?? '');
  }

  /** `answered` is called for every answer to the id, until another takes its place. */
  send(
    id: string,
    command: string,
    args: Readonly<Record<string, unknown>>,
    answered: (answer: StreamAnswer) => void,
  ): void {
    const { mishaps } = this.#world;
    this.#listeners.set(id, answered);
    if (mishaps.roll('request_dropped')) {
      this.#world.note(`command ${id} does not reach the stream`);
      return;
    }
    const copies = mishaps.roll('request_doubled') ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) void this.#append(id, command, args);
  }

  async #append(id: string, command: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    const data = JSON.stringify({ v: 1, id, command, arguments: args });
    const entry = await this.#world.redis!.append(STREAMS.commands, { data });
    this.#sent.set(entry, { id, answered: false });
    this.#world.note(`command ${id} ${command} ${JSON.stringify(args)} is entry ${entry}`);
  }

  #next(): void {
    this.#world.after(this.#dice.span(20, 200), () => {
      void this.#read();
      this.#next();
    });
  }

  async #read(): Promise<void> {
    const entries = await this.#world.redis!.read(STREAMS.responses, this.#afterId, READ_COUNT, 0);
    for (const { id, fields } of entries) {
      this.#afterId = id;
      this.#take(JSON.parse(String(fields['data'])) as Response);
    }
  }

  #take(response: Response): void {
    const world = this.#world;
    const sent = this.#sent.get(response.entry);
    if (sent === undefined || sent.id !== response.id) {
      world.violate('an answer names the entry that it answers', JSON.stringify(response).slice(0, 200));
      return;
    }
    if (sent.answered) world.violate('an entry is answered once', `${response.entry}, command ${response.id}`);
    sent.answered = true;
    const listener = this.#listeners.get(response.id);
    if (response.ok) listener?.({ ok: true, value: response.result });
    else {
      const { code } = response.error!;
      listener?.({ ok: false, code, isFinal: ERROR_TABLE[code].kind !== 'transient' });
    }
  }
}
