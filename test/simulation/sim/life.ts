/**
 * One life of the instance: the real nucleus with its modules over twins, from its start to its stop or death.
 *
 * L1 Dead, it does nothing any more: its timers are gone, what it waits for never comes, what it says nobody hears.
 * L2 What a life needs from outside passes through `passage`; nothing else may make it wait. There it can die, so every await of the
 *    nucleus that matters is a place to die at.
 */
import { makeBusSink } from '#adapters/sinks/bus-sink.ts';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { RedisSource } from '#adapters/sources/redis/redis-source.ts';
import { makeParseBody, resolveBody } from '#app/bodies.ts';
import { InlineTrainer } from '#adapters/inline-trainer/inline-trainer.ts';
import { loadModules } from '#app/modules.ts';
import { bloqueEntryDefaults } from '#domain/config/normalize.ts';
import { NoticeGate } from '#domain/episodio/notice-gate.ts';
import type { ModuloBase } from '#modules/modulo-base.ts';
// loaded by the nucleus when it is needed: here once, before time begins
import '#nucleus/streams/command-door.ts';
import { instanceGroup } from '#domain/streams.ts';
import { COMMANDS } from '#nucleus/commands/table.ts';
import { RecentCommands } from '#nucleus/commands/recent.ts';
import { runCommand } from '#nucleus/commands/run.ts';
import { Nucleus } from '#nucleus/nucleus.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Meter } from '#ports/meter.ts';
import type { LoteInput, LoteResult } from '#ports/nucleus-api.ts';
import type { AlertaNotice, AlertaSink } from '#ports/sink.ts';
import type { Source } from '#ports/source.ts';
import type { StreamBus, StreamFields } from '#ports/stream-bus.ts';
import { SimBus } from '../twins/sim-bus.ts';
import { SimEncoder } from '../twins/sim-encoder.ts';
import { simCompressor } from '../twins/sim-compressor.ts';
import { SimRunner } from '../twins/sim-runner.ts';
import { SimJournal } from '../twins/sim-journal.ts';
import { SimSource } from '../twins/sim-source.ts';
import { SimStore } from '../twins/sim-store.ts';
import type { Dice } from './dice.ts';
import type { Host } from './host.ts';
import type { RolledMishap } from './mishaps.ts';
import { loadSimProcesador } from './procesadores.ts';
import type { World } from './world.ts';

export type LifeFase = 'starting' | 'running' | 'stopping' | 'stopped' | 'dead';

/** What a door gives to requests under way when it closes. */
const GRACE_MS = 500;
const never = new Promise<never>(() => {});
/** Found by folder as app finds them, once: importing is real I/O, which has no place in virtual time. */
const moduleKinds = (await loadModules([])).map((modulo) => modulo.constructor as new () => ModuloBase);

/** The clock of one life: its timers die with it. */
class LifeClock implements Clock {
  readonly #life: Life;
  readonly #cancels = new Set<() => void>();
  #creptMs = 0;

  constructor(life: Life) {
    this.#life = life;
  }

  nowMs(): number {
    return this.#life.world.clock.nowMs();
  }

  /** Runs ahead of the timers by what the machine is slow. */
  monotonicMs(): number {
    this.#creptMs += this.#life.world.plan.creepMs;
    return this.#life.world.clock.monotonicMs() + this.#creptMs;
  }

  after(ms: number, callback: () => void): () => void {
    if (this.#life.isDead) return () => {};
    const cancelTimer = this.#life.world.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    const cancel = (): void => {
      cancelTimer();
      this.#cancels.delete(cancel);
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  yieldToIo(): Promise<void> {
    return new Promise((resolve) => void this.after(this.#life.dice.chance(0.2) ? 1 : 0, resolve));
  }

  get timersCount(): number {
    return this.#cancels.size;
  }

  end(): void {
    for (const cancel of Array.from(this.#cancels)) cancel();
  }
}

export class Life implements Host {
  readonly world: World;
  readonly number: number;
  readonly dice: Dice;
  readonly clock: LifeClock;
  readonly journal: SimJournal;
  readonly bus: StreamBus;
  /** Told since this life began. */
  readonly notices: AlertaNotice[] = [];
  readonly recent = new RecentCommands(50);
  /** Nothing of the instance is there: it has never been here. */
  readonly isFirst: boolean;
  nucleus: Nucleus | null = null;
  fase: LifeFase = 'starting';
  doorsOpen = false;
  fatal: unknown = null;
  /** Requests that came in through a door and have no answer yet; lotes among them. */
  underway = 0;
  lotesUnderway = 0;
  /** Calls that wait for a server, which takes its time. */
  waiting = 0;
  /** The start under way, which a stop waits for. */
  starting: Promise<void> = Promise.resolve();

  constructor(world: World, number: number) {
    this.world = world;
    this.number = number;
    this.dice = world.dice.fork();
    const { epoca, comandos } = world.storeDisk;
    this.isFirst = epoca === 0 && comandos.length === 0 && world.journalDisk.lastSeq === 0;
    this.clock = new LifeClock(this);
    this.journal = new SimJournal(world.journalDisk, this, {
      bytesMax: world.plan.journalBytesMax,
      segmentRecords: world.plan.segmentRecords,
    });
    this.bus = world.redis === null ? new MemoryBus({ clock: this.clock, maxlen: 100 }) : new SimBus(world.redis, this);
  }

  get isDead(): boolean {
    return this.fase === 'dead';
  }

  // -- Host ------------------------------------------------------------------------------------------------------------------

  async passage(where: string, slow?: RolledMishap): Promise<void> {
    if (this.isDead) return never;
    const { mishaps } = this.world;
    if (this.world.mayDie && mishaps.roll(this.fase === 'starting' ? 'kill_while_starting' : 'kill_at_await')) {
      this.world.kill(`at ${where}`);
      return never;
    }
    // others of the same moment go first, or not
    for (let turns = this.dice.below(4); turns > 0; turns--) await Promise.resolve();
    if (slow !== undefined && mishaps.roll(slow)) await this.#wait(this.dice.span(5, 1_500));
    else if (this.dice.chance(0.3)) await this.#wait(this.dice.below(3));
    return this.isDead ? never : undefined;
  }

  mishap(kind: RolledMishap): boolean {
    const happens = this.world.mishaps.roll(kind);
    if (happens) this.note(kind);
    return happens;
  }

  storeAway(): boolean {
    return this.world.isStoreAway;
  }

  busAway(): boolean {
    return this.world.isBusAway;
  }

  appended(stream: string, list: readonly StreamFields[]): void {
    this.world.desk?.appended(stream, list);
  }

  acknowledges(stream: string, ids: readonly string[]): void {
    this.world.checks.acknowledged(this, stream, ids);
  }

  below(limit: number): number {
    return this.dice.below(limit);
  }

  note(what: string): void {
    this.world.note(`life ${this.number}: ${what}`);
  }

  async #wait(ms: number): Promise<void> {
    this.waiting++;
    await this.#pause(ms);
    this.waiting--;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }

  // -- life ------------------------------------------------------------------------------------------------------------------

  /** As `corec run` does it: inicializar, doors, ejecutar. Rejects when the start fails; then it is to be stopped. */
  async start(): Promise<void> {
    this.nucleus = this.#compose(moduleKinds.map((Modulo) => new Modulo()));
    const { pendingBytesMax } = this.world.plan;
    if (pendingBytesMax !== null) this.nucleus.pendingBytesMax = pendingBytesMax;
    await this.nucleus.inicializar();
    this.nucleus.onFatal((error) => {
      this.fatal = error;
      if (!this.isDead) this.world.onFatal(this, error);
    });
    this.doorsOpen = true;
    await this.nucleus.ejecutar();
  }

  /** As run.ts and CoreCNucleus do it: doors close, with a while for what runs; a start under way is broken off. */
  async stop(): Promise<void> {
    this.fase = 'stopping';
    this.doorsOpen = false;
    for (let waited = 0; this.underway > 0 && waited < GRACE_MS; waited += 50) await this.#pause(50);
    this.nucleus?.stopStart();
    await this.starting.catch(() => {});
    await this.nucleus?.detener();
  }

  die(): void {
    this.fase = 'dead';
    this.doorsOpen = false;
    this.clock.end();
    if (this.bus instanceof SimBus) this.bus.drop();
  }

  // -- doors -----------------------------------------------------------------------------------------------------------------

  async takeLote(lote: LoteInput): Promise<LoteResult> {
    this.lotesUnderway++;
    this.world.lotesUnderwayMax = Math.max(this.world.lotesUnderwayMax, this.lotesUnderway);
    const isFull = this.nucleus!.swarm.entradas.get(lote.bloque)?.blocked === true;
    try {
      const result = await this.nucleus!.door.takeLote(lote);
      if (isFull && !result.repetido && result.aplazado !== true)
        this.world.violate('an entry that is full takes nothing', `${lote.loteId}`);
      return result;
    } finally {
      this.lotesUnderway--;
    }
  }

  command(name: string, args: Readonly<Record<string, unknown>>, id: string | null): Promise<unknown> {
    return runCommand(COMMANDS, name, args, {
      api: this.nucleus!.door,
      idioma: 'en',
      role: 'operar',
      archivos: true,
      stdin: false,
      puerta: 'sim',
      por: 'sim',
      comandoId: id,
      nowMs: () => this.clock.nowMs(),
      signal: new AbortController().signal,
      recent: this.recent,
      config: null,
      onProgress: null,
      checkOutput: true,
    });
  }

  #compose(modules: readonly ModuloBase[]): Nucleus {
    const { world, clock } = this;
    const { plan } = world;
    const { config } = plan;
    const told: AlertaSink = {
      nombre: 'told',
      notify: (notice) => {
        if (this.isDead) return;
        this.notices.push(notice);
        world.onNotice(this, notice);
      },
      stats: () => ({ sent: this.notices.length, failed: 0, dropped: 0 }),
      close: () => Promise.resolve(),
    };
    return new Nucleus({
      config,
      idioma: 'en',
      version: '0.0.0',
      pid: this.number,
      clock,
      logger: this.#logger(),
      meter: quietMeter,
      store: world.planted.store(new SimStore(world.storeDisk, this), this),
      journal: this.journal,
      bus: world.planted.bus?.(this.bus) ?? this.bus,
      compressor: simCompressor,
      trainer: new InlineTrainer(),
      encoder: new SimEncoder(this),
      runner: new SimRunner(this, (ref) => loadSimProcesador(ref, world.clock)),
      sinks: [told, makeBusSink({ bus: this.bus, clock, random: () => this.dice.below(1_000) / 1_000 })],
      noticeGate: new NoticeGate({
        maxPorMinuto: config.alertas.max_por_minuto,
        instanceId: config.instance_id,
        idioma: 'en',
      }),
      refused: { path: 'refused', refuse: () => {} },
      plugins: [],
      modules,
      loadProcesador: (ref) => Promise.resolve(loadSimProcesador(ref, world.clock)),
      makeSource: (fuente) => {
        if (fuente.tipo === 'archivo') return this.#source(fuente.ruta, true);
        if (fuente.tipo !== 'redis') throw new Error(`no source ${fuente.tipo}`);
        return new RedisSource(fuente, {
          bus: world.planted.bus?.(this.bus) ?? this.bus,
          refused: { refuse: () => world.violate('a row that is well formed is taken', fuente.stream) },
          logger: this.#logger(),
          consumer: `sim:${this.number}`,
          group: instanceGroup(config.instance_id),
        });
      },
      makeIngestSource: (input) => this.#source(input.ruta, false),
      dynamicEntry: (id, procesador) =>
        bloqueEntryDefaults(id, {
          procesador: procesador ?? 'contador',
          entidades_por_bloque: 3,
          inbox_max: 16,
          intervalo_ms: 250,
        }),
      resolveBody,
      parseBody: makeParseBody(plan.batchLecturas),
      rssBytes: () => 1,
      metrics: () => Promise.resolve(''),
      configAccess: null,
      doctor: () => Promise.resolve([]),
      whole: true,
    });
  }

  #source(ruta: string, seguir: boolean): Source {
    const id = `${seguir ? 'archivo' : 'ingest'}:${ruta}`;
    const file = this.world.file(ruta);
    const onCommitted = (rows: number): void => this.world.checks.sourceTold(ruta, rows);
    return new SimSource({ id, file, seguir, retryMs: 250, onCommitted }, this);
  }

  #logger(): Logger {
    const log =
      (level: string) =>
      (tag: string, text: string): void => {
        if (!this.isDead && level !== 'debug') this.note(`${level} [${tag}] ${text}`);
      };
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  }
}

const quietMeter: Meter = {
  counter: () => ({ add: () => {} }),
  gauge: () => ({ set: () => {} }),
  observedGauge: () => {},
  histogram: () => ({ observe: () => {} }),
};
