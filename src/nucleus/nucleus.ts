/**
 * CoreCNucleus: brings the swarm up in numbered stages, keeps it going, and takes it down in reverse (specification, section 2.3).
 *
 * Owns the stages and how the parts are joined. Leaves each part to its own file: swarm (where claves live), intake and lotes (how
 * lecturas come in), epochs (what is kept), alertas (who is told), queries and actions (what doors may ask).
 *
 *   1 store, journal   2 procesadores, catalogue   3 modules (bloques)   4 state of the last epoch   5 plugins
 *   6 the loop runs    7 journal replayed          8 sources read        9 epochs on time       10 commands of streams taken
 *
 * X1 detener undoes the stages reached, from the highest, and goes on when one fails; what was acknowledged is durable before it ends.
 * X2 A start that is stopped ends at its next stage (or journal record) with COREC_E_STOPPING; only then is what it reached undone.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { BloqueEntry, CoreCConfig } from '#domain/config/config.ts';
import { SILENCES_MAX } from '#domain/episodio/notice-gate.ts';
import { CoreCError, describeError } from '#domain/errors.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { BATCH_LECTURAS, MENSAJES_PENDING_BYTES } from '#domain/limits.ts';
import { compileProcesador, type CompiledProcesador, type PendingColumns } from '#domain/procesadores/compile.ts';
import { encodePending } from '#domain/codec/columnas.ts';
import { STREAMS } from '#domain/streams.ts';
import { makeSay, type Say } from '#domain/texts/text.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import type { ModuloEjecucion } from '#modules/ejecucion.ts';
import type { AlertaRow } from '#ports/bloque-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Logger } from '#ports/logger.ts';
import type { Meter } from '#ports/meter.ts';
import type { ModelTrainer } from '#ports/model-trainer.ts';
import type { NucleusFase } from '#ports/nucleus-api.ts';
import type { AvisoFacts, AvisoKey, NucleusContext } from '#ports/nucleus-context.ts';
import type { AlertaEvento, AlertaNotice } from '#ports/sink.ts';
import { AlertCatchUp } from './alert-catch-up.ts';
import { AlertaHub } from './alertas.ts';
import { Avisos } from './avisos.ts';
import { Comandos } from './comandos.ts';
import type { NucleusDeps } from './deps.ts';
import { NucleusDoor } from './door.ts';
import { EpochMensajes } from './epoch-mensajes.ts';
import { Epochs } from './epochs.ts';
import { NucleusEvolucion } from './evolucion.ts';
import { Gate } from './gate.ts';
import { Housekeeping } from './housekeeping.ts';
import { Pump, type FuenteRow } from './intake.ts';
import { Lotes, type Held } from './lotes.ts';
import { OutageWatch } from './outage-watch.ts';
import { makePluginContext } from './plugin-context.ts';
import { PluginHost } from './plugin-host.ts';
import { registerMetrics } from './metrics.ts';
import { NucleusMovimientos } from './movimientos.ts';
import { Recovery, type NucleusRow } from './recovery.ts';
import { COMANDO_ARRANQUE, COMANDO_PARADA, Records } from './records.ts';
import { Runs } from './runs.ts';
import { Sealing } from './sealing.ts';
import { Supervision } from './supervision.ts';
import { Streams } from './streams/streams.ts';
import { Swarm, type Entrada } from './swarm.ts';
import { within } from './within.ts';

const STAGES = [
  'store',
  'procesadores',
  'modules',
  'state',
  'plugins',
  'loop',
  'journal',
  'sources',
  'epochs',
  'streams',
] as const;
const TAG = 'CoreCNucleus';
/** Reasons that are found only when a parsed lectura is placed. */
const REFUSED_BY_SWARM = ['capacity', 'bad_valor'] as const;
/** Stored alerts put back into the volatile stream at a start. */
const REFILL_ALERTAS = 1000;
/** How long a stop waits for a store that is away. */
const STOP_MS = 10_000;
/** How long it waits for the servers of sources to hear what is kept: they hear it again from the next start. */
const STOP_TOLD_MS = 1000;
/** How long it waits for one module or plugin. */
const STOP_ONE_MS = 5000;

export interface Silencio {
  readonly glob: string;
  readonly bloque: string | null;
  readonly hastaMs: number;
  readonly por: string;
}

export class Nucleus implements NucleusContext {
  readonly deps: NucleusDeps;
  readonly config: CoreCConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Words for people, in the instance's language. */
  readonly say: Say;
  readonly swarm: Swarm;
  readonly hub: AlertaHub;
  readonly gate = new Gate();
  readonly lotes: Lotes;
  readonly runs: Runs;
  readonly watch: OutageWatch;
  readonly journalWatch: OutageWatch;
  readonly sealing = new Sealing(this);
  readonly records = new Records();
  readonly comandos: Comandos;
  readonly avisos: Avisos;
  readonly supervision: Supervision;
  readonly streams: Streams;
  readonly catchUp: AlertCatchUp;
  readonly door: NucleusDoor;
  readonly movimientos: NucleusMovimientos;
  readonly evolucion: NucleusEvolucion;
  readonly pumps: Pump[] = [];
  readonly silencios: Silencio[] = [];
  /** What modules want kept, asked at each cut. */
  readonly keepers = new Map<string, (isLast: boolean) => Uint8Array | null>();
  readonly refusedCounts = new Map<string, number>();
  fase: NucleusFase = 'parado';
  epochs: Epochs | null = null;
  restoredEntidades = 0;
  startMs = 0;
  beganMs = 0;
  pausado = false;
  /** What may wait for an epoch, in memory; beyond it files wait and lotes are kept in the journal alone. */
  pendingBytesMax = MENSAJES_PENDING_BYTES;

  readonly #plugins: PluginHost;
  readonly #compiled = new Map<string, CompiledProcesador>();
  /** Entries that stay out of this run, and why. */
  readonly #leftOut = new Map<string, string>();
  readonly #storedFuentes = new Map<string, FuenteRow>();
  readonly #storedModulos = new Map<string, Uint8Array>();
  #recovery: Recovery | null = null;
  #stage = 0;
  #stopAsked = false;
  #isFirstStart = false;
  #fatal: unknown = null;
  #fatalListeners: ((error: unknown) => void)[] = [];
  readonly #housekeeping = new Housekeeping(this);

  constructor(deps: NucleusDeps) {
    this.deps = deps;
    this.config = deps.config;
    this.clock = deps.clock;
    this.logger = deps.logger;
    this.meter = deps.meter;
    this.say = makeSay(deps.idioma);
    this.hub = new AlertaHub({
      instanceId: deps.config.instance_id,
      gate: deps.noticeGate,
      sinks: deps.sinks,
      texto: (row) => reasonText(deps.idioma, row),
    });
    this.avisos = new Avisos(this.hub, deps.config.alertas.enfriamiento_s * 1000);
    const told = { avisos: this.avisos, clock: deps.clock, logger: deps.logger, say: this.say };
    this.watch = new OutageWatch({ what: 'store', health: () => deps.store.health(), ...told });
    this.journalWatch = new OutageWatch({ what: 'journal', health: () => deps.journal.health(), ...told });
    this.supervision = new Supervision({
      clock: deps.clock,
      logger: deps.logger,
      say: this.say,
      avisos: this.avisos,
      bloques: () => this.swarm.bloques,
      pluginOf: (bloque) => this.swarm.entradas.get(bloque.entrada)?.config.plugin ?? null,
    });
    this.runs = new Runs({
      swarm: () => this.swarm,
      hub: this.hub,
      store: deps.store,
      compressor: deps.compressor,
      clock: deps.clock,
      logger: deps.logger,
      say: this.say,
      paused: () => this.pausado,
      supervision: this.supervision,
      runner: deps.runner,
      repaired: (bloque, entidades) => this.records.reparaciones.note(bloque, entidades, this.clock.nowMs()),
      publish: (bloque, frame) => this.streams.publisher.publish(bloque.canal, bloque.id, frame),
      oldestQueuedMs: () => this.ejecucion.oldestQueuedMs,
    });
    this.swarm = new Swarm({
      mensajes: deps.config.persistencia.mensajes,
      enfriamientoMs: deps.config.alertas.enfriamiento_s * 1000,
      procesador: (entry) => this.#compiledFor(entry),
      encodeMensajes: (bloque, columns) => this.#encodeMensajes(bloque, columns),
      onRefused: (entrada, reason, batch, k) => this.#refuseRow(entrada, reason, batch, k),
      onLecturas: (bloque) => this.runs.arrived(bloque),
    });
    this.lotes = new Lotes({
      journal: deps.journal,
      watch: this.journalWatch,
      gate: this.gate,
      clock: deps.clock,
      entrada: async (id, procesador) => {
        if (procesador !== null && !this.swarm.entradas.has(id)) await this.prepareProcesador(procesador);
        return this.entradaFor(id, procesador);
      },
      resolve: deps.resolveBody,
      deliver: (entrada, mapeo, body, where, arrivalMs) => this.#deliverBody(entrada, mapeo, body, where, arrivalMs),
      held: () => this.#held(),
      logger: deps.logger,
      say: this.say,
      describe: (error) => this.describe(error),
      lost: (error) => this.fatal(error),
    });
    this.#plugins = new PluginHost(deps.logger, this.say, async (plugin, work) => {
      await within(deps.clock, STOP_ONE_MS, plugin, work);
    });
    this.door = new NucleusDoor(this);
    this.movimientos = new NucleusMovimientos(this);
    this.evolucion = new NucleusEvolucion(this);
    this.comandos = new Comandos({
      store: deps.store,
      nextEpoca: () => this.epochs?.next ?? 1,
      apply: (row) => this.door.applyEfecto(row.nombre, row.efecto),
    });
    this.streams = new Streams(this);
    this.catchUp = new AlertCatchUp({
      // the streams in the process are refilled at the start, and are never away
      sinks: deps.bus.isVolatile ? [] : deps.sinks,
      store: deps.store,
      clock: deps.clock,
      logger: deps.logger,
      say: this.say,
      describe: (error) => this.describe(error),
      noticeOf: (evento, row) => this.#noticeOf(evento, row),
      isSilenced: ({ clave, bloque }) => deps.noticeGate.isSilenced(clave, bloque, deps.clock.nowMs()),
      unsaved: () => this.hub.unsaved(),
    });
  }

  // -- life cycle ------------------------------------------------------------------------------------------------------------

  /** Stages 1 to 5: everything stands, nothing runs. */
  async inicializar(): Promise<void> {
    this.beganMs = this.clock.monotonicMs();
    this.fase = 'arrancando';
    const { store, journal } = this.deps;
    this.#reach('store');
    await store.open();
    const epoca = await store.lastEpoch();
    const recovery = new Recovery(this.deps, this.swarm);
    this.#recovery = recovery;
    this.#reach('procesadores');
    const nucleus = await recovery.loadCatalog();
    const seq = nucleus?.seq ?? 0;
    const journalState = await journal.open(seq);
    if (journalState.cutBytes > 0) {
      this.logger.warn(TAG, this.say('log.journal_cut'), {
        bytes: journalState.cutBytes,
      });
    }
    if (journalState.lastSeq > seq && journalState.firstSeq > seq + 1) {
      this.logger.error(TAG, this.say('log.journal_gap'), {
        from: seq + 1,
        to: journalState.firstSeq - 1,
      });
    }
    await this.#loadProcesadores(recovery);
    if (nucleus !== null) this.#applyNucleusRow(nucleus);
    this.#reach('modules');
    for (const modulo of this.deps.modules) await modulo.inicializar(this);
    for (const entry of recovery.dynamicEntries()) this.registrar(entry);
    this.#reach('state');
    this.restoredEntidades = await recovery.restore({
      fuentes: this.#storedFuentes,
      modulos: this.#storedModulos,
      hadInbox: this.sealing.hadInbox,
      hadEpisodios: this.sealing.hadEpisodios,
      obsolete: this.sealing.obsolete,
      lotes: this.lotes,
      seq,
    });
    await recovery.adoptQuarantine();
    this.epochs = this.#makeEpochs(epoca);
    const comandos = await recovery.replayComandos(epoca, this.door);
    // killed before its first epoch it has been here all the same, and what was sent to it since is for it
    this.#isFirstStart = epoca === 0 && comandos === 0 && journalState.lastSeq === 0;
    this.#reach('plugins');
    if (this.deps.whole)
      await this.#plugins.inicializar(this.deps.plugins, (plugin) => makePluginContext(this, plugin));
    registerMetrics(this);
    this.startMs = this.clock.monotonicMs() - this.beganMs;
    this.logger.info(TAG, 'Inicializado', {
      entidades: this.swarm.entidades,
      bloques: this.swarm.bloques.length,
      restored_entidades: this.restoredEntidades,
      ms: Math.round(this.startMs),
    });
  }

  /** Stages 6 to 10: everything runs. Resolves when it does. */
  async ejecutar(): Promise<void> {
    this.#reach('loop');
    for (const modulo of this.deps.modules) await modulo.ejecutar();
    this.#reach('journal');
    const replayed = await this.lotes.replay(() => this.#assertWanted());
    if (replayed > 0) {
      await this.turn();
      this.logger.info(TAG, this.say('log.journal_replayed'), { records: replayed });
    }
    await this.#recovery?.closeStale(this.hub, this.avisos.ids(), this.clock.nowMs());
    if (this.deps.whole) await this.#refillStream();
    this.fase = 'vivo';
    if (this.deps.whole) {
      const { entidades, bloques } = this.swarm;
      const arranque = { version: this.deps.version, entidades, bloques: bloques.length };
      this.records.note(COMANDO_ARRANQUE, arranque, this.clock.nowMs());
      await this.#plugins.ejecutar();
    }
    this.#reach('sources');
    if (this.deps.whole) {
      for (const fuente of this.config.fuentes) this.#startFuente(fuente);
    }
    this.#reach('epochs');
    this.#housekeeping.start();
    this.#reach('streams');
    if (this.deps.whole) await this.streams.start(this.#isFirstStart);
  }

  /** Makes a start that is under way end soon (X2); `detener` comes after it. */
  stopStart(): void {
    this.#stopAsked = true;
  }

  /** Persists everything and closes (X1). Failures come together in one AggregateError. */
  async detener(): Promise<void> {
    if (this.fase === 'parado' || this.fase === 'deteniendo') return;
    const reached = this.#stage;
    this.fase = 'deteniendo';
    this.#housekeeping.stop();
    const failures: unknown[] = [];
    const attempt = async (what: string, action: () => Promise<unknown> | undefined): Promise<void> => {
      try {
        await action();
      } catch (error) {
        failures.push(error);
        this.logger.error(TAG, this.say('log.stop_failed', { what, error: this.describe(error) }));
      }
    };
    const isReached = (stage: (typeof STAGES)[number]): boolean => STAGES.indexOf(stage) < reached;
    if (isReached('streams')) await attempt('streams', () => this.streams.stop());
    if (isReached('plugins')) await attempt('plugins', () => this.#plugins.detener());
    if (isReached('sources')) {
      await Promise.all(this.pumps.map((pump) => attempt(pump.source.id, () => pump.stop())));
    }
    if (isReached('loop')) {
      // what a door has taken in meanwhile is run and answered first
      await attempt('lotes', () => this.lotes.settled());
      await attempt('loop', () => this.turn());
      this.#closeAvisos();
      await attempt('streams', () => this.streams.stopPublishing());
    }
    if (this.deps.whole && isReached('sources')) this.records.note(COMANDO_PARADA, null, this.clock.nowMs());
    this.epochs?.stopWithin(STOP_MS);
    if (this.#fatal === null && isReached('epochs')) await attempt('epochs', () => this.epochs?.commit());
    const told = Promise.all(this.pumps.map((pump) => pump.told())).then(() => {});
    try {
      await within(this.clock, STOP_TOLD_MS, 'fuentes', told);
    } catch (error) {
      // no failure: what they hold is in an epoch, and they are told again at the next start
      this.logger.warn(TAG, this.say('log.sources_untold', { error: this.describe(error) }));
    }
    if (isReached('modules')) {
      for (const modulo of this.deps.modules.toReversed())
        await attempt(modulo.nombre, () => within(this.clock, STOP_ONE_MS, modulo.nombre, modulo.detener()));
      // what the loop has begun is not cut short, and must not come after the end
      while (this.runs.hasClosures) {
        const before = failures.length;
        await attempt('closures', () => within(this.clock, STOP_ONE_MS, 'closures', this.runs.closuresDone()));
        if (failures.length > before) break;
      }
    }
    if (isReached('store')) {
      await attempt('trainer', () => this.deps.trainer.close());
      await attempt('encoder', () => this.deps.encoder.close());
      await attempt('runner', () => this.deps.runner.close());
      for (const sink of this.deps.sinks) await attempt(sink.nombre, () => sink.close());
      await attempt('streams', () => this.deps.bus.close());
      await attempt('journal', () => this.deps.journal.close());
      await attempt('store', () => this.deps.store.close());
    }
    this.fase = 'parado';
    this.logger.info(TAG, 'Detenido');
    if (failures.length > 0) throw new AggregateError(failures, 'CoreC stopped with failures');
  }

  /** Called when nothing can go on (the store refused an epoch for good). */
  onFatal(listener: (error: unknown) => void): void {
    this.#fatalListeners.push(listener);
    if (this.#fatal !== null) listener(this.#fatal);
  }

  // -- NucleusContext --------------------------------------------------------------------------------------------------------

  bloques(): readonly BloqueSimbiotico[] {
    return this.swarm.bloques;
  }

  bloque(id: string): BloqueSimbiotico | null {
    return this.swarm.bloque(id);
  }

  registrar(entry: BloqueEntry): number | null {
    const leftOut = this.#leftOutBecause(entry);
    if (leftOut !== null) {
      this.#leftOut.set(entry.id, leftOut);
      if (this.deps.whole)
        this.logger.warn('ModuloRegistro', this.say('log.bloque_left_out'), { bloque: entry.id, found: leftOut });
      return null;
    }
    const catalog = this.#recovery?.catalog.get(entry.id) ?? null;
    return this.swarm.registrar(entry, catalog, this.evolucion.evolved(entry, catalog)).bloques.length;
  }

  runBloque(bloque: BloqueSimbiotico, due: number, carga: number): void {
    this.runs.runBloque(bloque, due, carga);
  }

  onLecturas(listener: (bloque: BloqueSimbiotico) => void): void {
    this.runs.onLecturas(listener);
  }

  turned(): void {
    this.runs.turned();
  }

  get trainer(): ModelTrainer {
    return this.deps.trainer;
  }

  get whole(): boolean {
    return this.deps.whole;
  }

  openAlerta(key: AvisoKey, facts: AvisoFacts): string {
    return this.avisos.open(key, facts, this.clock.nowMs());
  }

  closeAlerta(key: AvisoKey): boolean {
    return this.avisos.close(key, this.clock.nowMs());
  }

  storedEstado(id: string): Uint8Array | null {
    return this.#storedModulos.get(id) ?? null;
  }

  keepEstado(id: string, encode: (isLast: boolean) => Uint8Array | null): void {
    this.keepers.set(id, encode);
  }

  /** Resolves when everything queued now has run. */
  turn(): Promise<void> {
    return this.runs.turn();
  }

  /** An error in the instance's language. */
  describe(error: unknown): string {
    return describeError(error, this.deps.idioma);
  }

  // -- for its parts ---------------------------------------------------------------------------------------------------------

  get ejecucion(): ModuloEjecucion {
    const found = this.deps.modules.find((modulo) => modulo.nombre === 'ModuloEjecucion');
    if (found === undefined) throw new CoreCError('COREC_E_INTERNAL', { found: 'ModuloEjecucion is missing' });
    return found as ModuloEjecucion;
  }

  /** Why doors must wait, or null. */
  heldBecause(): string | null {
    return this.#held()?.why ?? null;
  }

  #held(): Held | null {
    if (this.fase === 'deteniendo') return { why: 'stopping', deferrable: false };
    // a lote taken now would go before those of the journal that are not replayed yet
    if (this.fase === 'arrancando') return { why: 'starting', deferrable: false };
    if (this.pausado) return { why: 'paused', deferrable: false };
    const bytes = this.pendingBytes();
    // begun at half, an epoch is in before the doors would have to close
    if (bytes > this.pendingBytesMax / 2) this.#epochSoon();
    if (bytes <= this.pendingBytesMax) return null;
    const problem = this.epochs?.problem || this.watch.problem;
    // slow is not away: whoever sends is better told to wait than kept in the journal, to be judged a minute late
    if (problem === '') return { why: 'what waits for the store is at its bound', deferrable: false };
    return { why: `the store: ${problem}`, deferrable: true };
  }

  /** Bytes that wait for the next epoch; kept up as bloques run would cost each run, so it is summed at most every 20 ms. */
  pendingBytes(): number {
    const now = this.clock.monotonicMs();
    if (now - this.#pendingAtMs < 20) return this.#pendingKnown;
    let sum = this.hub.waiting * 512;
    for (const bloque of this.swarm.bloques) sum += bloque.pending.bytes;
    this.#pendingAtMs = now;
    this.#pendingKnown = sum;
    return sum;
  }
  #pendingAtMs = -Infinity;
  #pendingKnown = 0;

  /** The entry `id`, made dynamic when it is not there. */
  entradaFor(id: string, procesador: string | null): Entrada {
    const known = this.swarm.entradas.get(id);
    if (known !== undefined) return known;
    const leftOut = this.#leftOut.get(id);
    if (leftOut !== undefined) {
      throw new CoreCError('COREC_E_NOT_FOUND', { what: 'bloque', found: id, hint: `It is left out now: ${leftOut}.` });
    }
    const entry = this.deps.dynamicEntry(id, procesador);
    const entrada = this.swarm.registrar(entry, null);
    this.logger.info('ModuloRegistro', 'Bloque registrado', {
      bloque: id,
      canal: entry.canal,
      procesador: entry.procesador,
      dinamico: true,
    });
    return entrada;
  }

  async prepareProcesador(ref: string): Promise<void> {
    if (this.#compiled.has(ref)) return;
    this.#compiled.set(ref, compileProcesador(await this.deps.loadProcesador(ref)));
  }

  makePump(source: ConstructorParameters<typeof Pump>[0], entrada: Entrada, fresh: boolean, retry: boolean): Pump {
    const stored = fresh ? null : (this.#storedFuentes.get(source.id) ?? null);
    return new Pump(source, entrada, stored, retry, {
      swarm: this.swarm,
      gate: this.gate,
      clock: this.clock,
      logger: this.logger,
      held: () => this.heldBecause() !== null,
      turn: () => this.turn(),
      epochSoon: () => this.#epochSoon(),
    });
  }

  /** Keeps the position of a pump that is over for the next epoch, and for a later ingest of the same source, which goes on there. */
  keepFuente(pump: Pump): void {
    const unsealed = pump.takeUnsealed();
    if (unsealed !== null) this.sealing.fuentes.set(pump.source.id, unsealed);
    const row = pump.row();
    if (row !== null) this.#storedFuentes.set(pump.source.id, row);
  }

  countRefused(reason: string, count: number): void {
    this.refusedCounts.set(reason, (this.refusedCounts.get(reason) ?? 0) + count);
  }

  // -- own -------------------------------------------------------------------------------------------------------------------

  #assertWanted(): void {
    if (this.#stopAsked) throw new CoreCError('COREC_E_STOPPING');
  }

  #reach(stage: (typeof STAGES)[number]): void {
    this.#assertWanted();
    this.#stage = STAGES.indexOf(stage) + 1;
    this.logger.debug(TAG, `Stage ${this.#stage} ${stage}`);
  }

  async #loadProcesadores(recovery: Recovery): Promise<void> {
    for (const plugin of this.deps.plugins) {
      const { procesador } = plugin.def;
      if (procesador !== undefined) this.#compiled.set(`plugin:${plugin.name}`, compileProcesador(procesador));
    }
    const refs = new Set<string>(['detector']);
    for (const entry of [...this.config.bloques, ...recovery.dynamicEntries()]) {
      refs.add(entry.procesador);
      if (this.config.evolucion.activa) for (const ref of entry.evolucion?.alternativas ?? []) refs.add(ref);
    }
    for (const ref of refs) await this.prepareProcesador(ref);
  }

  /** Why an entry stays out of this run, with its state untouched in the store; null when it does not. */
  #leftOutBecause(entry: BloqueEntry): string | null {
    if (entry.plugin !== null && !this.deps.plugins.some((plugin) => plugin.name === entry.plugin))
      return `its plugin ${entry.plugin} could not be loaded`;
    if (!this.deps.whole && this.#compiledFor(entry).procesador.autonomo) return 'its entidades are artificial';
    return null;
  }

  /** The procesador of an entry, or another that is known by this name. @throws CoreCError COREC_E_PROCESADOR_UNKNOWN */
  compiledOf(entry: BloqueEntry, ref: string): CompiledProcesador {
    return this.#compiledFor(ref === entry.procesador ? entry : { ...entry, plugin: null, procesador: ref });
  }

  #compiledFor(entry: BloqueEntry): CompiledProcesador {
    const own = entry.plugin === null ? undefined : this.#compiled.get(`plugin:${entry.plugin}`);
    const compiled = own ?? this.#compiled.get(entry.procesador);
    if (compiled === undefined) {
      throw new CoreCError('COREC_E_PROCESADOR_UNKNOWN', {
        found: entry.procesador,
        allowed: [...this.#compiled.keys()].join(', '),
      });
    }
    return compiled;
  }

  #encodeMensajes(bloque: BloqueSimbiotico, columns: PendingColumns): Uint8Array {
    const { core } = bloque.memory;
    return encodePending(this.config.persistencia.codec, columns, core.numero, bloque.canal, this.deps.compressor);
  }

  #refuseRow(entrada: Entrada, reason: 'capacity' | 'bad_valor', batch: LecturaBatch, k: number): void {
    this.countRefused(reason, 1);
    const from = batch.claveOffset[k]!;
    const clave = new TextDecoder().decode(batch.claveBytes.subarray(from, from + batch.claveLength[k]!));
    this.deps.refused.refuse(
      entrada.id,
      reason,
      JSON.stringify({ clave, valor: batch.valor[k], ts: batch.tsMs[k] }),
      `entidades of ${entrada.id}`,
    );
  }

  async #deliverBody(
    entrada: Entrada,
    mapeo: string,
    body: Uint8Array,
    where: string,
    arrivalMs: number,
  ): Promise<{ lecturas: number; refused: Readonly<Record<string, number>> }> {
    const refused: Record<string, number> = {};
    let lecturas = 0;
    await this.deps.parseBody(
      body,
      mapeo,
      where,
      (reason, row, at) => {
        refused[reason] = (refused[reason] ?? 0) + 1;
        this.countRefused(reason, 1);
        this.deps.refused.refuse(where, reason, row, at);
      },
      async (batch) => {
        const before = REFUSED_BY_SWARM.map((reason) => this.refusedCounts.get(reason) ?? 0);
        lecturas += this.swarm.deliver(entrada, batch, arrivalMs);
        REFUSED_BY_SWARM.forEach((reason, k) => {
          const more = (this.refusedCounts.get(reason) ?? 0) - before[k]!;
          if (more > 0) refused[reason] = (refused[reason] ?? 0) + more;
        });
        await this.turn();
        // their turn only begins them: a long body, or a journal, must not pile up before them
        if (!entrada.blocked) return;
        await this.runs.closuresDone(entrada.bloques);
        if (this.fase === 'arrancando' || this.lotes.isBehind) {
          for (const bloque of Array.from(entrada.full)) this.runs.makeRoom(bloque);
        }
      },
    );
    return { lecturas, refused };
  }

  #startFuente(fuente: CoreCConfig['fuentes'][number]): void {
    const source = this.deps.makeSource(fuente);
    const entrada = this.entradaFor(fuente.bloque ?? 'lecturas', null);
    const pump = this.makePump(source, entrada, false, true);
    this.pumps.push(pump);
    pump.start();
    this.logger.info('Fuente', this.say('log.source_reading'), { fuente: source.id, bloque: entrada.id });
  }

  /** Rows from inside the process; volatile. While doors must wait they are refused and counted: nobody else bounds a plugin. */
  deliverRows(
    entrada: Entrada,
    rows: Iterable<{ readonly clave: string; readonly valor: number; readonly tsMs?: number }>,
  ): number {
    const encoder = new TextEncoder();
    const batch = new LecturaBatch(BATCH_LECTURAS);
    let placed = 0;
    const deliver = (): void => {
      if (entrada.blocked || this.heldBecause() !== null) this.countRefused('inbox_full', batch.length);
      else placed += this.swarm.deliver(entrada, batch, this.clock.nowMs());
      batch.clear();
    };
    for (const row of rows) {
      if (!Number.isFinite(row.valor)) {
        this.countRefused('bad_valor', 1);
        continue;
      }
      const bytes = encoder.encode(row.clave);
      if (bytes.length === 0 || bytes.length > 256) {
        this.countRefused('bad_clave', 1);
        continue;
      }
      batch.append(bytes, 0, bytes.length, row.valor, row.tsMs ?? NaN);
      if (batch.full) deliver();
    }
    if (batch.length > 0) deliver();
    return placed;
  }

  /** The stream in the process forgets with the process: what the store knows of alerts goes back into it, oldest first. */
  async #refillStream(): Promise<void> {
    if (!this.deps.bus.isVolatile) return;
    const sink = this.deps.sinks.find((candidate) => candidate.nombre === STREAMS.alerts);
    if (sink === undefined) return;
    const newest = await this.deps.store.queryAlertas({ limit: REFILL_ALERTAS, orden: 'tiempo' });
    for (const alerta of newest.toReversed()) {
      sink.notify(this.#noticeOf(alerta.cerradaMs === null ? 'abierta' : 'cerrada', alerta));
    }
  }

  #noticeOf(evento: AlertaEvento, alerta: AlertaRow): AlertaNotice {
    const texto = reasonText(this.deps.idioma, alerta);
    return { evento, instanceId: this.config.instance_id, alerta, texto, omitidas: 0 };
  }

  #closeAvisos(): void {
    const nowMs = this.clock.nowMs();
    this.avisos.closeAll(nowMs);
    for (const bloque of this.swarm.bloques) {
      // what is in quarantine stays so (adoptQuarantine)
      for (const aviso of Array.from(bloque.avisos.open))
        if (aviso.regla !== 'quarantine') bloque.avisos.close(aviso.slot);
      const changes = bloque.takeChanges();
      if (changes.length > 0) this.hub.take(bloque, changes, nowMs, NaN, true);
    }
  }

  #makeEpochs(epoca: number): Epochs {
    const { sealing } = this;
    return new Epochs(
      {
        store: this.deps.store,
        swarm: this.swarm,
        alertas: this.hub,
        clock: this.clock,
        logger: this.logger,
        say: this.say,
        describe: (error) => this.describe(error),
        codec: this.config.persistencia.codec,
        mensajes: new EpochMensajes({
          encoder: this.deps.encoder,
          compressor: this.deps.compressor,
          codec: this.config.persistencia.codec,
          refused: (error) =>
            this.logger.warn('Persistencia', this.say('log.encoder_refused', { error: this.describe(error) })),
        }),
        quiet: () => this.quiet(),
        isQuiet: (next) => this.runs.epochRepairs.isClean && this.comandos.isSettledFor(next),
        open: () => this.gate.open(),
        changed: (bloque) => sealing.changed(bloque),
        sealBloque: (bloque) => sealing.bloqueParts(bloque),
        encodeBloque: (bloque, vitals, take) => sealing.encodeBloque(bloque, vitals, take),
        sealOthers: (next) => sealing.others(next),
        records: (next) => this.records.take(next),
        recorded: () => this.records.saved(),
        committed: async (seq) => {
          for (const pump of this.pumps) pump.kept();
          if (seq === 0) return;
          try {
            await this.deps.journal.release(seq);
          } catch (error) {
            // what is in an epoch may stay in the journal too: the next release takes it along
            this.logger.warn(TAG, this.describe(error));
          }
        },
        answered: () => this.watch.answered(),
        failed: (found) => this.watch.failed(found, true),
        lost: (error) => this.fatal(error),
      },
      epoca,
    );
  }

  #applyNucleusRow(nucleus: NucleusRow): void {
    this.swarm.nextNumero = nucleus.nextNumero;
    this.swarm.lecturas = nucleus.lecturas;
    this.pausado = nucleus.pausado;
    for (const silencio of nucleus.silencios) this.addSilencio(silencio);
    this.catchUp.restore(nucleus.avisosDesdeMs ?? null);
  }

  addSilencio(silencio: Silencio): void {
    const { glob, bloque, hastaMs } = silencio;
    const nowMs = this.clock.nowMs();
    // the last word on the same claves counts; recovery may say again what the epoch already holds
    const others = this.silencios.filter(
      (known) => known.hastaMs > nowMs && !(known.glob === glob && known.bloque === bloque),
    );
    if (hastaMs > nowMs) others.push(silencio);
    // as the gate does it
    if (others.length > SILENCES_MAX) others.sort((a, b) => a.hastaMs - b.hastaMs).shift();
    this.silencios.splice(0, Infinity, ...others);
    this.deps.noticeGate.silence(silencio);
  }

  #epochSoon(): void {
    if (this.epochs === null || this.epochs.busy || this.fase === 'deteniendo') return;
    void this.epoch(this.clock.nowMs());
  }

  /** Shuts the gate and lets everything that is inside end; whoever calls opens it again. Rejects, the gate open, when the store is away. */
  async quiet(): Promise<void> {
    await this.comandos.settle();
    await this.gate.shut();
    try {
      await this.turn();
      await this.runs.drained();
      await this.runs.epochRepairs.heal();
    } catch (error) {
      this.gate.open();
      throw error;
    }
  }

  /** One epoch; a failure for good is told to `onFatal`. */
  async epoch(scheduledMs: number): Promise<void> {
    try {
      await this.epochs!.commit(scheduledMs);
    } catch (error) {
      this.fatal(error);
    }
  }

  fatal(error: unknown): void {
    if (this.#fatal !== null) return;
    this.#fatal = error;
    this.logger.error(TAG, this.describe(error));
    for (const listener of this.#fatalListeners) listener(error);
  }
}
