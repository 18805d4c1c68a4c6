/**
 * The world of one seed: virtual time, what is durable, who acts, and the instance that lives in it.
 *
 * B1 All that outlives an instance is here: the disks of store and journal, the files, the ledger.
 * B2 At most one instance lives at a time; another is started some time after it is gone.
 * B3 The first violation counts; the run ends with the step in which it was found.
 */
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { CoreCError, isTransient, messageOf } from '#domain/errors.ts';
import type { AlertaNotice } from '#ports/sink.ts';
import type { SourcePosition } from '#ports/source.ts';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { FileWriter } from '../actors/file-writer.ts';
import { LoteClient } from '../actors/lote-client.ts';
import { Operator } from '../actors/operator.ts';
import { Mover } from '../actors/mover.ts';
import { makePeople } from '../actors/people.ts';
import { Reader } from '../actors/reader.ts';
import { StreamDesk } from '../actors/stream-desk.ts';
import { StreamWriter } from '../actors/stream-writer.ts';
import { Checks } from '../checks/checks.ts';
import { NOTHING_PLANTED, type Planted } from '../planted.ts';
import { JournalDisk } from '../twins/sim-journal.ts';
import { SimFile } from '../twins/sim-source.ts';
import { StoreDisk } from '../twins/store-disk.ts';
import { Dice } from './dice.ts';
import { Ledger } from './ledger.ts';
import { Life } from './life.ts';
import { Mishaps } from './mishaps.ts';
import { Network } from './network.ts';
import { makePlan, type EntryKind, type Plan } from './plan.ts';
import { Trace } from './trace.ts';

/** Noon: a pass a day, at midnight, never comes. The mover chooses when entidades move. */
const START_MS = Date.UTC(2026, 0, 1, 12);

export interface WorldOptions {
  readonly isLong?: boolean;
  readonly planted?: Planted;
  /** With large deliveries and room for everything: for the run that others are compared with. */
  readonly isUndisturbed?: boolean;
  /** Told of every line of the trace. */
  readonly listen?: ((line: string) => void) | null;
}

export interface Violation {
  readonly invariant: string;
  readonly found: string;
  readonly step: number;
}

/** What answers have promised. */
export interface Promises {
  /** Paused or not, by target (null: all); absent while a change has no answer. */
  readonly pausas: Map<string | null, boolean>;
  readonly acknowledged: Set<string>;
  /** Claves of `limitado` of which nothing is told. */
  readonly silenced: Set<string>;
}

export class World {
  readonly seed: number;
  readonly dice: Dice;
  readonly plan: Plan;
  readonly clock = new VirtualClock(START_MS);
  readonly trace: Trace;
  readonly mishaps: Mishaps;
  readonly ledger = new Ledger();
  readonly storeDisk = new StoreDisk();
  readonly journalDisk = new JournalDisk();
  /** The server of streams; null: there is none. */
  readonly redis: MemoryBus | null;
  readonly desk: StreamDesk | null;
  readonly network = new Network(this);
  readonly promises: Promises = { pausas: new Map(), acknowledged: new Set(), silenced: new Set() };
  readonly planted: Planted;
  readonly checks: Checks;
  life: Life | null = null;
  lives = 0;
  steps = 0;
  isStoreAway = false;
  isBusAway = false;
  /** Most lotes that were at the door at one time. */
  lotesUnderwayMax = 0;
  /** Whoever is down stays down. */
  isEnding = false;
  violation: Violation | null = null;

  readonly #files = new Map<string, SimFile>();
  readonly #clients: LoteClient[] = [];
  #people: ReturnType<typeof makePeople> = [];

  constructor(seed: number, options: WorldOptions = {}) {
    this.seed = seed;
    this.dice = Dice.of(seed);
    this.trace = new Trace(options.listen);
    this.planted = options.planted ?? NOTHING_PLANTED;
    this.mishaps = new Mishaps(this.dice.fork());
    const plan = makePlan(this.dice.fork(), options.isLong === true);
    this.plan =
      options.isUndisturbed === true
        ? { ...plan, batchLecturas: 64, journalBytesMax: Infinity, pendingBytesMax: null }
        : plan;
    this.redis = this.plan.hasRedis && options.isUndisturbed !== true ? new MemoryBus({ clock: this.clock }) : null;
    this.desk = this.redis === null ? null : new StreamDesk(this);
    this.checks = new Checks(this);
    this.journalDisk.onDurable = (record) => this.ledger.journaled(record);
    this.storeDisk.onEpoch = (epoch, rows) => this.checks.epochStored(epoch, rows);
  }

  begin(): void {
    for (const entry of this.plan.entries) {
      if (entry.doors.includes('lotes')) this.#clients.push(new LoteClient(this, entry));
      if (entry.doors.includes('archivo')) new FileWriter(this, entry);
      if (entry.doors.includes('stream')) new StreamWriter(this, entry);
    }
    this.#people = makePeople(this);
    new Reader(this);
    new Operator(this);
    new Mover(this);
    this.bringUp(0);
  }

  /** Everything that goes wrong has gone wrong. */
  calm(): void {
    this.note('from here on nothing goes wrong');
    this.mishaps.calm();
    this.isStoreAway = false;
    this.isBusAway = false;
  }

  get hasPending(): boolean {
    return this.#clients.some((one) => !one.isDone) || this.#people.some((one) => !one.isDone);
  }

  /** What clients still wait for. */
  get pending(): readonly string[] {
    return [...this.#clients, ...this.#people].flatMap((one) =>
      one.isDone ? [] : one.pending.length > 0 ? one.pending : ['a client that has more to say'],
    );
  }

  note(what: string): void {
    this.trace.note(this.steps, Math.round(this.clock.monotonicMs()), what);
  }

  violate(invariant: string, found: string): void {
    if (this.violation !== null) return;
    this.violation = { invariant, found, step: this.steps };
    this.note(`VIOLATED: ${invariant}: ${found}`);
  }

  after(ms: number, action: () => void): void {
    this.clock.after(ms, action);
  }

  file(name: string): SimFile {
    let file = this.#files.get(name);
    if (file === undefined) this.#files.set(name, (file = new SimFile()));
    return file;
  }

  /** How many rows of an entry's file or stream lie before a position. */
  rowsBefore(entry: EntryKind, position: SourcePosition | null): number {
    if (position === null) return 0;
    const { id } = position;
    if (typeof id !== 'string') return this.file(entry).rowsBefore(position);
    // before the first one
    if (id === '0-0') return 0;
    const rows = this.ledger.streamRows.get(id);
    if (rows === undefined) throw new Error(`a position at ${id}, which is no entry`);
    return rows;
  }

  rowsThere(entry: EntryKind): number {
    return this.ledger.filas.get(entry)?.length ?? 0;
  }

  storeGoesAway(ms: number): void {
    this.isStoreAway = true;
    this.note(`the store is away for ${ms} ms`);
    this.after(ms, () => {
      if (this.isStoreAway) this.note('the store is back');
      this.isStoreAway = false;
    });
  }

  busGoesAway(ms: number): void {
    this.isBusAway = true;
    this.note(`the streams are away for ${ms} ms`);
    this.after(ms, () => {
      if (this.isBusAway) this.note('the streams are back');
      this.isBusAway = false;
    });
  }

  // -- the instance ----------------------------------------------------------------------------------------------------------

  get mayDie(): boolean {
    return this.lives < this.plan.livesMax && !this.mishaps.isCalm;
  }

  bringUp(afterMs: number): void {
    this.after(afterMs, () => {
      if (this.isEnding || this.life !== null) return;
      this.lives++;
      const life = new Life(this, this.lives);
      this.life = life;
      this.note(`life ${life.number} begins`);
      life.starting = life.start();
      life.starting.then(
        () => this.#started(life),
        (error: unknown) => this.#startFailed(life, error),
      );
    });
  }

  kill(where: string): void {
    const { life } = this;
    if (life === null || life.isDead || !this.mayDie) return;
    this.note(`life ${life.number} is killed ${where} while ${life.fase}`);
    life.die();
    this.life = null;
    const whole = this.journalDisk.crash(this.dice, this.mishaps.roll('journal_torn'));
    if (whole > 0) this.note(`${whole} unsynced records survive in the journal`);
    this.bringUp(this.dice.span(1, 2_000));
  }

  /** Resolves when it has stopped; never, when it dies on the way. */
  async stop(life: Life): Promise<void> {
    if (life.fase === 'stopping' || life.fase === 'stopped' || life.isDead) return;
    const wasRunning = life.fase === 'running';
    this.note(`life ${life.number} is stopped while ${life.fase}`);
    let failure: unknown = null;
    try {
      await life.stop();
    } catch (error) {
      failure = error;
    }
    if (life.isDead) return;
    life.fase = 'stopped';
    this.note(`life ${life.number} has stopped${failure === null ? '' : `: ${messageOf(failure)}`}`);
    this.checks.stopped(life, wasRunning, failure);
    life.die();
    this.life = null;
    this.bringUp(this.dice.span(1, 1_000));
  }

  /** The nucleus says that it cannot go on: its process ends, and is started again. */
  onFatal(life: Life, error: unknown): void {
    this.note(`life ${life.number} cannot go on: ${messageOf(error)}`);
    this.after(0, () => void this.stop(life));
  }

  onNotice(life: Life, notice: AlertaNotice): void {
    this.checks.told(life, notice);
  }

  #started(life: Life): void {
    if (life.isDead || life.fase !== 'starting') return;
    life.fase = 'running';
    this.note(`life ${life.number} runs`);
  }

  #startFailed(life: Life, error: unknown): void {
    if (life.isDead || life.fase !== 'starting') return;
    this.note(`life ${life.number} cannot start: ${messageOf(error)}`);
    const isOver = error instanceof CoreCError && error.code === 'COREC_E_STOPPING';
    if (!isOver && !isTransient(error)) this.violate('a start fails only for what may pass', messageOf(error));
    void this.stop(life);
  }
}
