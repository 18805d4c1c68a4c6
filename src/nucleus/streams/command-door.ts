/**
 * The door corec_commands: commands of the consumer group, carried out by the one command table (or by the plugin they are for), and
 * answered in corec_responses.
 *
 * Owns what becomes of one entry. Leaves reading to group-reader.ts, the form to envelope.ts, the order of changes to lane.ts,
 * answering to answers.ts.
 *
 *   corec_commands --readGroup--> parse --+-- looks ----> at once, alike ones together --+
 *        ^        `----claim----->        +-- changes --> lane, in order, one commit     +--> corec_responses --> acknowledged
 *        |                                +-- plugin ---> its handler                    |    (once a command id)
 *        |                                `-- no command at all --> corec_dead ----------'
 *        `-- whatever is not acknowledged stays here, also over kill -9
 *
 * D1 An entry is acknowledged after its effect, its record and its answer are committed. Killed at any moment in between, it is
 *    delivered again: the effect is known by the command id in the store, the answer by the same id in the stream.
 * D2 Changes take effect in the order of the stream. A command that only looks is answered when it is read: to see a change, wait
 *    for its answer.
 * D3 An entry that was delivered more than DELIVERIES_MAX times and never answered is dead.
 */
import type { Idioma } from '#domain/errors.ts';
import { CoreCError, isTransient, messageOf } from '#domain/errors.ts';
import { instanceGroup, STREAMS } from '#domain/streams.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import type { ClaimedEntry, StreamBus, StreamEntry } from '#ports/stream-bus.ts';
import type { CommandContext, ConfigAccess } from '../commands/command.ts';
import { toCoreCError } from '../commands/error-json.ts';
import { RecentCommands } from '../commands/recent.ts';
import { beginCommand, type CommandTable } from '../commands/run.ts';
import { Answers } from './answers.ts';
import { DeadLetters } from './dead-letters.ts';
import { answerText, parseCommand, type DeadReason, type StreamCommand } from './envelope.ts';
import { GroupReader } from './group-reader.ts';
import { Lane } from './lane.ts';
import { Reads } from './reads.ts';
import type { StreamHealth } from './stream-health.ts';

const TAG = 'Streams';
const PUERTA = 'streams';
/** Answers that wait to be sent. */
const ANSWER_BYTES = 8 * 1024 * 1024;
export const DELIVERIES_MAX = 5;

/** A first start looks back so far: what was sent before is for somebody else. */
const FIRST_START_MS = 600_000;
/** A command that looks is as good again later: its id is remembered as long as it may be delivered again. */
const LOOK_TTL_S = 600;
const PLUGIN_MS_MAX = 30_000;
/** Decided in the step in which they are called, so that many may begin together and keep their order (door.ts). */
const DECIDED_AT_ONCE: ReadonlySet<string> = new Set(['pause', 'resume', 'silence']);

/** A plugin's handler: what it gives, or what its promise does, is the answer. */
export type PluginCommandHandler = (command: StreamCommand) => unknown;

export interface CommandDoorDeps {
  readonly bus: StreamBus;
  readonly health: StreamHealth;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly say: Say;
  readonly api: NucleusApi;
  readonly commands: CommandTable;
  readonly config: ConfigAccess | null;
  readonly instanceId: string;
  readonly idioma: Idioma;
  /** Name of this process in the group. */
  readonly consumer: string;
  /** How long a command id is remembered. */
  readonly ttlS: number;
  /** False: the streams go with the process. */
  readonly durable: boolean;
  /** The store knew nothing of this instance: it has never been here before. */
  readonly firstStart: boolean;
  /** Grows with every change that somebody outside may know of. */
  readonly generation: () => number;
  /** Null: there is no such plugin, or it takes no commands. */
  readonly plugin: (name: string) => PluginCommandHandler | null;
  readonly alertDead: (stream: string, count: number, found: string) => void;
  readonly alertTrimmed: (stream: string, count: number) => void;
}

export interface CommandDoorStats {
  readonly answered: number;
  readonly refused: number;
  readonly repeated: number;
  readonly foreign: number;
  readonly expired: number;
  readonly trimmed: number;
  readonly claimed: number;
  readonly shared: number;
  readonly underWay: number;
  readonly dead: Readonly<Record<DeadReason, number>>;
}

export class CommandDoor {
  /** What changes wait for; empty when nothing does. */
  problem = '';

  readonly #deps: CommandDoorDeps;
  readonly #answers: Answers;
  readonly #lane: Lane;
  readonly #reads: Reads;
  readonly #dead: DeadLetters;
  readonly #reader: GroupReader;
  readonly #recent = new RecentCommands();
  readonly #stopAll = new AbortController();
  #notBeforeMs = -Infinity;
  #cancelOld = (): void => {};
  /** Looks whose answer is a promise, not there yet. */
  #looking = 0;
  #counts = { refused: 0, foreign: 0, expired: 0, old: 0 };

  constructor(deps: CommandDoorDeps) {
    this.#deps = deps;
    const { bus, health, clock, logger, say, instanceId, ttlS, durable } = deps;
    const group = instanceGroup(instanceId);
    this.#reads = new Reads(clock, deps.generation);
    this.#dead = new DeadLetters({ bus, health, logger, say, instanceId, ttlS, alert: deps.alertDead });
    this.#answers = new Answers({
      bus,
      health,
      clock,
      durable,
      group,
      done: (entries) => this.#reader.done(entries),
    });
    this.#reader = new GroupReader({
      bus,
      health,
      clock,
      logger,
      say,
      group,
      stream: STREAMS.commands,
      consumer: deps.consumer,
      take: (entry) => {
        this.#answers.hold();
        this.#take(entry);
      },
      taken: () => this.#answers.release(this.#looking === 0),
      room: () => this.#answers.room(ANSWER_BYTES),
      onTrimmed: (count) => deps.alertTrimmed(STREAMS.commands, count),
    });
    this.#lane = new Lane({ health, stuck: (error) => this.#stuck(error) });
  }

  get stats(): CommandDoorStats {
    const { refused, foreign, expired } = this.#counts;
    const { sent, repeated } = this.#answers;
    const { claimed, trimmed, underWay } = this.#reader;
    const { shared } = this.#reads;
    const dead = this.#dead.counts;
    return { answered: sent, repeated, refused, foreign, expired, trimmed, claimed, shared, underWay, dead };
  }

  /** Resolves when commands are read: what is sent from now on is taken. */
  async start(): Promise<void> {
    const { clock, firstStart } = this.#deps;
    if (firstStart) this.#notBeforeMs = clock.nowMs() - FIRST_START_MS;
    await this.#reader.start();
  }

  /** Reads no more, ends what is under way within `ms`, and leaves the rest pending. */
  async stop(ms: number): Promise<void> {
    const { clock, logger, say } = this.#deps;
    this.#cancelOld();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(ms, () => {
      this.#giveUp();
      resolve();
    });
    await this.#reader.stop();
    await Promise.race([this.#reader.idle(), late]);
    cancel();
    this.#giveUp();
    const { underWay } = this.#reader;
    if (underWay > 0) logger.warn(TAG, say('log.streams_left', { cuenta: underWay }));
  }

  #giveUp(): void {
    this.#stopAll.abort();
    this.#lane.stop();
    this.#answers.stop();
  }

  #stuck(error: unknown): void {
    const { logger } = this.#deps;
    if (error !== null && this.problem === '') logger.warn(TAG, messageOf(error), { stream: STREAMS.commands });
    this.problem = error === null ? '' : messageOf(error);
  }

  #take(entry: ClaimedEntry): void {
    const { instanceId, ttlS, clock } = this.#deps;
    if (entry.deliveries > DELIVERIES_MAX) {
      void this.#bury(entry, 'deliveries', `it was delivered ${entry.deliveries} times and never answered`);
      return;
    }
    const sentMs = Number.parseInt(entry.id, 10);
    // only of what was there: clocks that differ, or are set back, must not make new ones look old
    if (this.#reader.isBacklog && sentMs < this.#notBeforeMs) {
      if (this.#counts.old++ === 0) this.#tellOld();
      this.#answers.acknowledge(entry.id);
      return;
    }
    const parsed = parseCommand(entry.fields, instanceId);
    switch (parsed.kind) {
      case 'dead':
        void this.#bury(entry, parsed.reason, parsed.found);
        return;
      case 'foreign':
        this.#counts.foreign++;
        this.#answers.acknowledge(entry.id);
        return;
      case 'refused':
        this.#refuse(entry, { ...parsed, plugin: null }, parsed.error, true);
        return;
      case 'command': {
        const { command } = parsed;
        const ageS = Math.floor((clock.nowMs() - sentMs) / 1000);
        if (ageS > ttlS) {
          this.#counts.expired++;
          const error = new CoreCError('COREC_E_COMMAND_EXPIRED', { age: ageS, limit: ttlS });
          // not remembered: the command is not known to have been answered
          this.#refuse(entry, command, error, false);
        } else if (command.plugin !== null) this.#runPlugin(entry, command, command.plugin);
        else this.#run(entry, command);
      }
    }
  }

  #run(entry: StreamEntry, command: StreamCommand): void {
    const known = this.#deps.commands.get(command.command);
    if (known?.entry.changing === true) {
      const { name } = known.entry;
      const kind = DECIDED_AT_ONCE.has(name) ? '' : name;
      // of two that acknowledge one alert the later one has to be the later one
      const about = name === 'ack' ? JSON.stringify(command.args['id']) : null;
      this.#lane.push({ kind, about, run: () => this.#change(entry, command) });
    } else this.#look(entry, command);
  }

  /** Answered within the call where the command is: what a read brought then leaves together, at its end (Answers.release). */
  #look(entry: StreamEntry, command: StreamCommand): void {
    const idioma = command.idioma ?? this.#deps.idioma;
    const key = JSON.stringify([command.command, idioma, command.args]);
    const found = (result: string): void =>
      this.#answer(entry, command, { result }, Math.min(this.#deps.ttlS, LOOK_TTL_S));
    // what may be well in a moment is not the answer for good
    const failed = (error: unknown): void => this.#refuse(entry, command, error, !isTransient(error));
    try {
      const result = this.#reads.answer(key, () => this.#carryOut(command, null));
      if (typeof result === 'string') {
        found(result);
        return;
      }
      this.#looking++;
      void result.then(found, failed).finally(() => this.#looking--);
    } catch (error) {
      failed(error);
    }
  }

  /** @throws what may pass: the lane tries again. */
  async #change(entry: StreamEntry, command: StreamCommand): Promise<void> {
    try {
      const result = await this.#carryOut(command, command.id);
      this.#answer(entry, command, { result: JSON.stringify(result) ?? 'null' }, this.#deps.ttlS);
    } catch (error) {
      if (isTransient(error) && !this.#stopAll.signal.aborted) throw error;
      if (isTransient(error)) return;
      this.#refuse(entry, command, error, true);
    }
  }

  #runPlugin(entry: StreamEntry, command: StreamCommand, name: string): void {
    const handler = this.#deps.plugin(name);
    if (handler === null) {
      const hint = 'It has to be enabled, and to take commands with onComando.';
      this.#refuse(entry, command, new CoreCError('COREC_E_NOT_FOUND', { what: 'plugin', found: name, hint }), false);
      return;
    }
    void this.#callPlugin(entry, command, name, handler);
  }

  async #callPlugin(
    entry: StreamEntry,
    command: StreamCommand,
    name: string,
    handler: PluginCommandHandler,
  ): Promise<void> {
    const { clock, ttlS } = this.#deps;
    const failed = (found: string, cause?: unknown): CoreCError =>
      new CoreCError('COREC_E_PLUGIN_COMMAND', { name, command: command.command, found }, cause);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(PLUGIN_MS_MAX, () => reject(failed(`no answer within ${PLUGIN_MS_MAX / 1000} s`)));
    try {
      const result = await Promise.race([(async () => handler(command))(), late]);
      this.#answer(entry, command, { result: JSON.stringify(result) ?? 'null' }, ttlS);
    } catch (error) {
      const told = error instanceof CoreCError ? error : failed(messageOf(error), error);
      this.#refuse(entry, command, told, !isTransient(told));
    } finally {
      cancel();
    }
  }

  /** The answer, or the promise of it. @throws what the command does. */
  #carryOut(command: StreamCommand, comandoId: string | null): unknown {
    const { api, clock, config, idioma, commands } = this.#deps;
    const context: CommandContext = {
      api,
      idioma: command.idioma ?? idioma,
      role: 'operar',
      archivos: false,
      stdin: false,
      puerta: PUERTA,
      por: command.by ?? PUERTA,
      comandoId,
      nowMs: () => clock.nowMs(),
      signal: this.#stopAll.signal,
      recent: this.#recent,
      config,
      onProgress: null,
      checkOutput: false,
    };
    return beginCommand(commands, command.command, command.args, context);
  }

  #answer(
    { id: entry }: StreamEntry,
    { id, command, plugin }: Pick<StreamCommand, 'id' | 'command' | 'plugin'>,
    outcome: Parameters<typeof answerText>[1],
    ttlS: number,
    remembered = true,
  ): void {
    const { instanceId } = this.#deps;
    const onceId = remembered ? `${instanceId}:${id}` : `${instanceId}:${id}@${entry}`;
    this.#answers.push({ entry, onceId, ttlS, text: answerText({ instanceId, id, entry, command, plugin }, outcome) });
  }

  /** `remembered`: the answer is the one for good, also when the command comes again. */
  #refuse(
    entry: StreamEntry,
    command: Pick<StreamCommand, 'id' | 'command' | 'plugin' | 'idioma'>,
    thrown: unknown,
    remembered: boolean,
  ): void {
    const { ttlS, idioma, logger } = this.#deps;
    const error = toCoreCError(thrown);
    this.#counts.refused++;
    if (error.code === 'COREC_E_INTERNAL')
      logger.error(TAG, messageOf(thrown), { command: command.command, entry: entry.id });
    this.#answer(entry, command, { error, idioma: command.idioma ?? idioma }, ttlS, remembered);
  }

  async #bury(entry: ClaimedEntry, reason: DeadReason, found: string): Promise<void> {
    const { signal } = this.#stopAll;
    if (await this.#dead.bury(STREAMS.commands, entry, reason, found, entry.deliveries, signal)) {
      this.#answers.acknowledge(entry.id);
    }
  }

  #tellOld(): void {
    // told once they are counted: they come together
    this.#cancelOld = this.#deps.clock.after(1000, () => {
      const { logger, say } = this.#deps;
      logger.info(TAG, say('log.streams_old', { cuenta: this.#counts.old }), { stream: STREAMS.commands });
    });
  }
}
