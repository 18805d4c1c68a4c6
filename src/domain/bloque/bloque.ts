/**
 * BloqueSimbiotico: about a thousand entidades that share a procesador, a canal and one memory block (specification, section 2.2).
 *
 * Owns: its columns, inbox, pending mensajes, episodios, fitness and repairs. Leaves to its neighbours: placing claves (router),
 * when it runs (coordinator), restoring state of an epoch and storing, and which entidades move where (nucleus).
 *
 * The seven steps of `procesar`: selection, execution, deserialisation (columns are the mensajes; bytes are made only for frames),
 * validation (in the loops of compile.ts), fitness, autorreparación, and what is to be kept waits in `pending` for the epoch.
 *
 * K1 corre = ocupado and activo and not in quarantine, after every public method.
 * K2 Before the first change after `hold(callback)` the callback runs once: an epoch encodes the columns as they were, without a copy.
 * K3 Lecturas of an entidad that is inactive wait in the inbox; those of one in quarantine are stored, and act on nothing.
 * K4 What is run apart (apart.ts) is taken only when nothing else has changed the bloque meanwhile, and it was not paused.
 * K5 Nothing here reads a clock: `nowMs` is wall time handed in, `watermarkMs` the newest time of the lecturas.
 */
import {
  EPISODIO,
  makeBloqueMemory,
  OCUPADO,
  viewBloqueMemory,
  type BloqueMemory,
  type CoreColumns,
} from '../entidad/columns.ts';
import { EpisodioBook, type Episodio, type EpisodioChange, type EpisodioLimits } from '../episodio/episodio.ts';
import {
  ACC,
  ACC_LENGTH,
  type CompiledProcesador,
  type LecturaColumns,
  type PendingColumns,
  type RunSink,
} from '../procesadores/compile.ts';
import type { Explicacion } from '../procesadores/define.ts';
import { FULL, isProcesadorFailing, type Leave } from '../supervision/circuit.ts';
import type { Publicar } from '../config/config.ts';
import {
  entidadesOf,
  type ApartEvent,
  type ApartResult,
  type ApartTask,
  type CyclePlan,
  type LecturaFilter,
} from './apart.ts';
import type { BufferPool } from './buffer-pool.ts';
import { falloText } from './fallo.ts';
import { followFitness, type CycleSums, type FitnessState } from './fitness.ts';
import { Health } from './health.ts';
import { Inbox } from './inbox.ts';
import { OwnAlerts } from './own-alerts.ts';
import { PendingMensajes, type ModoMensajes } from './pending.ts';
import { Plazas } from './plazas.ts';
import { Publication } from './publication.ts';
import type { RepairRecord } from './repair.ts';

export interface BloqueOptions {
  /** `<entry>/<k>` for configured entries. */
  readonly id: string;
  readonly entrada: string;
  /** Which bloque of its entry, from 0. */
  readonly indice: number;
  readonly canal: number;
  /** Entidades that are born here, 1..65535; 0 of a bloque that a split made. */
  readonly slots: number;
  readonly procesador: CompiledProcesador;
  /** Parsed by the procesador's own schema. */
  readonly parametros: unknown;
  /** Numbers of the entidades: numeroBase + slot. */
  readonly numeroBase: number;
  /** Null is `auto`. */
  readonly umbral: number | null;
  readonly maxErrores: number;
  readonly minFitness: number;
  readonly maxReparaciones: number;
  readonly ventanaMs: number;
  readonly intervaloMs: number;
  readonly inboxMax: number;
  readonly mensajes: ModoMensajes;
  /** Left out: ninguno. */
  readonly publicar?: Publicar;
  readonly enfriamientoMs: number;
}

export interface BloqueDeps {
  readonly pool: BufferPool;
  readonly encodeMensajes: (bloque: BloqueSimbiotico, columns: PendingColumns) => Uint8Array;
  /** The clave that a slot is bound to. */
  readonly claveText: (bloque: BloqueSimbiotico, slot: number) => string;
}

/** One mensaje as a reader sees it (specification, section 2.1). */
export interface Mensaje {
  readonly id: number;
  readonly canal: number;
  readonly valor: number;
  readonly activo: boolean;
}

/** What one settled cycle came to. */
export interface Settlement {
  readonly runs: number;
  readonly errors: number;
  readonly fitness: number;
  /** Slots made new at once. */
  readonly repaired: number;
  /** Slots that wait for their state of the last epoch: hand them to `repairFrom` or `repairFresh`. */
  readonly restore: readonly number[];
  readonly quarantined: number;
}

type Repaired = Pick<Settlement, 'repaired' | 'restore' | 'quarantined'>;
const NOTHING_REPAIRED: Repaired = Object.freeze({ repaired: 0, restore: Object.freeze([]), quarantined: 0 });

const NO_SLOTS: readonly number[] = [];

/** Indices put aside by the loop; one run at a time uses it, and nothing of it outlives the run. */
let heldScratch = new Uint32Array(1024);

export class BloqueSimbiotico implements RunSink {
  readonly id: string;
  readonly entrada: string;
  readonly canal: number;
  options: BloqueOptions;
  memory: BloqueMemory;
  readonly inbox: Inbox;
  readonly pending: PendingMensajes;
  readonly episodios: EpisodioBook;
  /** Failed runs since the last repair. */
  fallos = 0;
  fallosTotal = 0;
  repairsTotal = 0;
  runsTotal = 0;
  /** Lecturas that came after a later one of their entidad. */
  lateTotal = 0;
  /** Turns it had in this process, and ms that they took. */
  turnsTotal = 0;
  turnsMs = 0;
  /** Cycles in this process that had not run when the next one was due. */
  missedTotal = 0;
  /** EWMA of the share of its entidades that had work in an interval. */
  carga = 0;
  watermarkMs = 0;
  /** Text of the last failed run, for people. */
  lastFallo = '';
  /** True when something changed that the next epoch must hold. */
  dirty = false;
  clavesDirty = false;
  bound = 0;
  pausado = false;
  /** True: what arrives waits until an epoch holds what its parametros are now. */
  retenido = false;
  /** Sees the lecturas [0, to) of the inbox just before they run: for whoever holds some back. */
  lookOn: ((lecturas: LecturaColumns, to: number) => void) | null = null;

  readonly #deps: BloqueDeps;
  readonly #acc = new Float64Array(ACC_LENGTH);
  readonly #fitness: FitnessState = { fitness: 0, sdUsual: -1, mean: 0 };
  readonly #health = new Health();
  #abre = Infinity;
  #limits!: EpisodioLimits;
  readonly #own: OwnAlerts;
  readonly #plazas: Plazas;
  #cursor = 0;
  #stamp: Uint16Array | null = null;
  #stampNow = 0;
  #distinct = 0;
  #settledMs = -1;
  #cyclesWithRuns = 0;
  #nowMs = 0;
  #held: (() => void) | null = null;
  /** Grows with every change of columns or inbox, but for lecturas that arrive (K4). */
  #changes = 0;
  readonly #publication: Publication | null;
  #frame: Uint8Array | null = null;

  constructor(options: BloqueOptions, deps: BloqueDeps) {
    this.id = options.id;
    this.entrada = options.entrada;
    this.canal = options.canal;
    this.options = options;
    this.#deps = deps;
    const procesador = options.procesador.procesador;
    this.memory = makeBloqueMemory(procesador.estado, options.slots);
    this.#plazas = new Plazas(options.slots);
    this.inbox = new Inbox(options.inboxMax, deps.pool);
    this.pending = new PendingMensajes(options.mensajes, options.slots, (columns) =>
      deps.encodeMensajes(this, columns),
    );
    // by its entry: a clave that moves between siblings opens its episodio under the same id on either side
    this.episodios = new EpisodioBook(options.entrada);
    this.#own = new OwnAlerts(options.id, options);
    const { publicar = 'ninguno' } = options;
    this.#publication = publicar === 'ninguno' ? null : new Publication(publicar, options.slots);
    this.#setLimits();
    const { numero } = this.memory.core;
    for (let slot = 0; slot < options.slots; slot++) numero[slot] = options.numeroBase + slot;
    if (procesador.autonomo) this.#makeAutonomous();
  }

  /** Alerts of the bloque itself. */
  get avisos(): EpisodioBook {
    return this.#own.book;
  }
  get entidades(): number {
    return this.#plazas.entidades;
  }
  /** Slots from 0 that there are, with or without an entidad. */
  get slots(): number {
    return this.#plazas.rows;
  }
  get fitness(): number {
    return this.#fitness.fitness;
  }
  /** Usual sd of its valores in a cycle, and their mean in the last one. */
  get spread(): number {
    return Math.max(0, this.#fitness.sdUsual);
  }
  get mean(): number {
    return this.#fitness.mean;
  }
  /** The umbral in use: as configured, or learned. */
  get umbral(): number {
    return this.options.umbral ?? 9 * Math.max(0, this.#fitness.sdUsual);
  }
  get autonomo(): boolean {
    return this.options.procesador.procesador.autonomo;
  }
  get free(): number {
    return this.autonomo ? 0 : this.#plazas.free;
  }
  /** Nothing of it waits, runs or is to be repaired: its claves may move. */
  get sano(): boolean {
    return this.#health.ill + this.#health.tainted.size + this.inbox.size === 0;
  }
  /** Slots from 0 that were ever occupied: what a checkpoint must hold. */
  get used(): number {
    return this.#plazas.used;
  }
  get activos(): number {
    return this.entidades - this.#health.ill;
  }
  get quarantined(): number {
    return this.#health.quarantine.size;
  }

  /** The specification's `mensajes`: the last valor of every occupied entidad. Made on demand; for readers, not for loops. */
  get mensajes(): Mensaje[] {
    const { numero, valor, activo, ocupado } = this.memory.core;
    const list: Mensaje[] = [];
    for (let slot = 0; slot < this.used; slot++) {
      if (ocupado[slot] === OCUPADO.libre) continue;
      list.push({ id: numero[slot]!, canal: this.canal, valor: valor[slot]!, activo: activo[slot] === 1 });
    }
    return list;
  }

  #setLimits(): void {
    const { procesador, parametros, enfriamientoMs } = this.options;
    const regla = procesador.procesador.alerta;
    const at = (limit: number | ((p: unknown) => number)): number =>
      typeof limit === 'number' ? limit : limit(parametros);
    this.#abre = regla === undefined ? Infinity : at(regla.abre);
    this.#limits = {
      abre: this.#abre,
      cierra: regla === undefined ? Infinity : at(regla.cierra),
      enfriamientoMs,
      porTiempo: regla?.porTiempo === true,
    };
  }

  // -- binding ---------------------------------------------------------------------------------------------------------------

  /** Gives a free entidad to a clave; -1 when none is free. */
  bind(): number {
    if (this.autonomo) return -1;
    const slot = this.#plazas.take();
    if (slot < 0) return -1;
    this.#beforeChange();
    this.#clearSlot(slot);
    this.memory.core.ocupado[slot] = OCUPADO.ligado;
    this.bound++;
    this.clavesDirty = true;
    this.#start(slot);
    return slot;
  }

  /** Frees the entidad of a clave: its state, episodio and waiting lecturas go. Returns how many lecturas went. */
  unbind(slot: number): number {
    const { ocupado } = this.memory.core;
    if (ocupado[slot] !== OCUPADO.ligado) return 0;
    this.#beforeChange();
    this.episodios.close(slot);
    const dropped = this.inbox.removeSlot(slot, () => {});
    this.#clearSlot(slot);
    ocupado[slot] = OCUPADO.libre;
    this.#health.forget(slot);
    this.#plazas.give(slot);
    this.bound--;
    this.clavesDirty = true;
    this.#updateCorre(slot);
    return dropped;
  }

  // -- moving ----------------------------------------------------------------------------------------------------------------

  /** At a restore, before anything is bound: the numbers that stand here, slot by slot; 0 where an entidad has left. */
  standAs(numeros: readonly number[]): void {
    this.#resize(numeros.length);
    this.memory.core.numero.set(numeros);
    this.#plazas.standAs(this.memory.core, numeros.length);
  }

  /** Numbers of unbound entidades, those first that are the least trouble to do without. */
  unbound(): Generator<number> {
    return this.#plazas.unbound(this.memory.core);
  }

  /** Bound slots, ascending. */
  *boundSlots(): Generator<number> {
    const { ocupado } = this.memory.core;
    for (let slot = 0; slot < this.used; slot++) if (ocupado[slot] === OCUPADO.ligado) yield slot;
  }

  /** These unbound entidades leave. */
  dismiss(numeros: ReadonlySet<number>): void {
    this.#beforeMove();
    this.#plazas.dismiss(this.memory.core, numeros);
    this.#trim();
  }

  /** Entidades of these numbers stand here from now on, unbound; `admit` lets claves have them. */
  receive(numeros: readonly number[]): void {
    this.#beforeMove();
    for (const numero of numeros) this.#plazas.arrive(this.#openRow(numero, numeros.length));
  }

  /** The same, and claves may have them at once. */
  welcome(numeros: readonly number[]): void {
    this.#beforeMove();
    for (const numero of numeros) {
      const slot = this.#openRow(numero, numeros.length);
      this.#plazas.welcome(this.memory.core, slot);
    }
  }

  /** What came by moves may be bound: the epoch that holds them is in. */
  admit(): void {
    this.#plazas.admit(this.memory.core);
  }

  /** A bound entidad leaves with all that is its own; `sano`. */
  takeOut(slot: number): Mudanza {
    this.#beforeMove();
    const { core, estado } = this.memory;
    const mudanza: Mudanza = {
      numero: core.numero[slot]!,
      generacion: core.generacion[slot]!,
      tsMs: core.tsMs[slot]!,
      valor: core.valor[slot]!,
      lectura: core.lectura[slot]!,
      estado: estado.map(({ data }) => data[slot]!),
      cooling: this.episodios.isCooling(slot),
      episodio: this.episodios.takeOut(slot),
      repairs: this.#health.takeRecord(slot),
    };
    this.#clearSlot(slot);
    core.ocupado[slot] = OCUPADO.libre;
    core.generacion[slot] = 0;
    this.#plazas.vacate(core, slot);
    this.bound--;
    this.clavesDirty = true;
    this.#updateCorre(slot);
    return mudanza;
  }

  /** It stands here from now on; returns its slot. The bloque that it left has the same procesador. */
  putIn(mudanza: Mudanza, more: number): number {
    this.#beforeMove();
    const slot = this.#openRow(mudanza.numero, more);
    this.#plazas.occupy(this.memory.core, slot);
    this.#clearSlot(slot);
    const { core, estado } = this.memory;
    core.generacion[slot] = mudanza.generacion;
    core.tsMs[slot] = mudanza.tsMs;
    core.valor[slot] = mudanza.valor;
    core.lectura[slot] = mudanza.lectura;
    for (const [k, { data }] of estado.entries()) data[slot] = mudanza.estado[k]!;
    core.ocupado[slot] = OCUPADO.ligado;
    this.#health.putRecord(slot, mudanza.repairs);
    this.bound++;
    this.clavesDirty = true;
    if (mudanza.episodio !== null) this.adoptEpisodio({ ...mudanza.episodio, slot }, mudanza.cooling);
    this.#updateCorre(slot);
    return slot;
  }

  /** What moves have left behind at the end is given back; call it after the last `takeOut`. */
  trim(): void {
    this.#beforeChange();
    this.#trim();
  }

  /** As another bloque of the entry, of which it was a part, has learned. */
  inherit({ fitness, sdUsual, mean, carga, watermarkMs, cyclesWithRuns }: BloqueVitals): void {
    this.#fitness.fitness = fitness;
    this.#fitness.sdUsual = sdUsual;
    this.#fitness.mean = mean;
    this.carga = carga;
    this.watermarkMs = Math.max(this.watermarkMs, watermarkMs);
    this.#cyclesWithRuns = cyclesWithRuns;
  }

  /** The numbers of slots are about to change: an epoch under way and what waits to be stored have them as they were. */
  #beforeMove(): void {
    this.#beforeChange();
    this.pending.encode();
    this.dirty = true;
  }

  /** `more`: so many are to come, this one included. */
  #openRow(numero: number, more: number): number {
    const slot = this.#plazas.open();
    if (slot >= this.memory.slots) this.#resize(slot + more);
    this.memory.core.numero[slot] = numero;
    this.memory.core.generacion[slot] = 0;
    this.pending.forget(slot);
    this.#publication?.forget(slot);
    return slot;
  }

  #trim(): void {
    this.#plazas.trim();
    if (this.slots <= this.memory.slots * 0.75) this.#resize(this.slots);
  }

  #resize(slots: number): void {
    const before = this.memory;
    if (slots === before.slots) return;
    const memory = makeBloqueMemory(this.options.procesador.procesador.estado, slots);
    const kept = Math.min(slots, before.slots);
    for (const name of Object.keys(memory.core) as (keyof CoreColumns)[])
      memory.core[name].set(before.core[name].subarray(0, kept));
    for (const [k, { data }] of memory.estado.entries()) data.set(before.estado[k]!.data.subarray(0, kept));
    this.memory = memory;
    this.#stamp = null;
    this.pending.resize(slots);
    this.#publication?.resize(slots);
  }

  // -- evolving --------------------------------------------------------------------------------------------------------------

  /** Judges by these from now on. Of another procesador nothing that was learned is of use: columns and open episodios begin anew. */
  evolve(procesador: CompiledProcesador, parametros: unknown): void {
    this.#beforeChange();
    this.dirty = true;
    const isOther = procesador.procesador.nombre !== this.options.procesador.procesador.nombre;
    this.options = { ...this.options, procesador, parametros };
    this.#setLimits();
    if (!isOther) return;
    for (const { slot } of Array.from(this.episodios.open)) this.episodios.close(slot);
    const { core } = this.memory;
    const memory = makeBloqueMemory(procesador.procesador.estado, this.memory.slots);
    for (const name of Object.keys(core) as (keyof CoreColumns)[]) memory.core[name].set(core[name]);
    memory.core.episodio.fill(EPISODIO.ninguno);
    this.memory = memory;
    this.#fitness.sdUsual = -1;
    this.#fitness.mean = 0;
    for (const slot of this.boundSlots()) this.#start(slot);
  }

  // -- the cycle -------------------------------------------------------------------------------------------------------------

  get hasLecturas(): boolean {
    return this.inbox.size > 0;
  }

  /** Runs what waits in the inbox: all, or that of the ceil(candidates x carga) entidades that have waited longest. Returns runs. */
  drain(carga: number, nowMs: number): number {
    const size = this.inbox.size;
    if (size === 0 || this.pausado) return 0;
    return this.#drainTo(this.#selectLecturas(carga, size), nowMs);
  }

  /** Runs the first `count` lecturas of the inbox; for closures, whose answers belong to just these. */
  drainFirst(count: number, nowMs: number): number {
    if (count === 0 || this.pausado) return 0;
    this.#selectLecturas(1, count);
    return this.#drainTo(count, nowMs);
  }

  /** How many lecturas at the head of the inbox a `drain` of that carga would run. */
  waitingFor(carga: number): number {
    return this.inbox.size === 0 ? 0 : this.#selectLecturas(carga, this.inbox.size);
  }

  /** The slots that the next `cycle` of that carga goes over: so many from `from` on, after the last of `of` the first. */
  cycleRange(carga: number): { readonly from: number; readonly count: number; readonly of: number } {
    const of = this.#cycleUsed();
    const count = Math.min(of, Math.ceil(of * carga));
    return { from: count === of ? 0 : this.#cursor % of, count, of };
  }

  #cycleUsed(): number {
    return this.autonomo ? this.options.slots : this.used;
  }

  /** The clave of an entidad, or `#<numero>` for one without. */
  claveOf(slot: number): string {
    const { ocupado, numero } = this.memory.core;
    return ocupado[slot] === OCUPADO.ligado ? this.#deps.claveText(this, slot) : `#${numero[slot]}`;
  }

  #drainTo(to: number, nowMs: number): number {
    const size = this.inbox.size;
    this.#beforeChange();
    this.#nowMs = nowMs;
    if (heldScratch.length < size) heldScratch = new Uint32Array(size * 2);
    const held = heldScratch;
    const { procesador, parametros } = this.options;
    const acc = this.#acc;
    const before = acc[ACC.runs]!;
    acc[ACC.held] = 0;
    acc[ACC.shift] = this.#fitness.mean;
    this.lookOn?.(this.inbox.columns, to);
    procesador.bind(this.memory);
    let at = 0;
    while (at < to) {
      const pend = this.pending.columns(to - at);
      at = procesador.runLecturas(parametros, this.inbox.columns, at, to, pend, acc, this, held, this.#abre);
    }
    return this.#drained(to, held, before);
  }

  #drained(to: number, held: Uint32Array, before: number): number {
    this.inbox.consume(to, held, this.#acc[ACC.held]!);
    const runs = this.#acc[ACC.runs]! - before;
    if (runs > 0) this.dirty = true;
    if (this.#health.quarantine.size > 0) this.#storeQuarantined();
    return runs;
  }

  /**
   * onCycle for ceil(entidades x carga) of them, those next that waited longest. Returns runs. `watermarkMs`: of the lecturas that have
   * run, where newer ones wait; 0 when none has.
   */
  cycle(carga: number, nowMs: number, watermarkMs = this.watermarkMs): number {
    const plan = this.#cyclePlan(carga, nowMs, watermarkMs);
    return plan === null ? 0 : this.#runCycle(plan, nowMs);
  }

  #runCycle(plan: CyclePlan, nowMs: number): number {
    const { procesador, parametros } = this.options;
    if (!this.autonomo) this.#beforeChange();
    this.#nowMs = nowMs;
    const acc = this.#acc;
    const before = acc[ACC.runs]!;
    acc[ACC.shift] = this.#fitness.mean;
    procesador.bind(this.memory);
    const { from, count: n, first, timeMs, dense, episodios } = plan;
    procesador.runCycle(parametros, from, from + first, timeMs, acc, this, this.#abre, dense, episodios);
    if (n > first)
      procesador.runCycle(
        parametros,
        0,
        n - first,
        timeMs,
        acc,
        this,
        this.#abre,
        dense && this.#health.inactive === 0,
        episodios,
      );
    return this.#cycled(plan, before);
  }

  /** Null: nothing is to run. */
  #cyclePlan(carga: number, nowMs: number, watermarkMs: number): CyclePlan | null {
    if (this.options.procesador.procesador.onCycle === undefined || this.pausado) return null;
    const used = this.#cycleUsed();
    if (used === 0) return null;
    const timeMs = this.autonomo ? nowMs : watermarkMs;
    if (timeMs <= 0) return null;
    const { from, count } = this.cycleRange(carga);
    const dense = used === (this.autonomo ? this.options.slots : this.bound) && this.#health.ill === 0;
    const first = Math.min(count, used - from);
    return { from, count, used, first, timeMs, dense, episodios: this.episodios.openCount };
  }

  #cycled({ from, count, first, used }: CyclePlan, before: number): number {
    this.#cursor = (from + count) % used;
    if (this.#publication?.modo === 'todos') {
      const stamp = this.#stamps();
      stamp.fill(this.#stampNow, from, from + first);
      stamp.fill(this.#stampNow, 0, count - first);
    }
    const runs = this.#acc[ACC.runs]! - before;
    if (this.autonomo) this.#distinct = Math.max(this.#distinct, runs);
    else if (runs > 0) this.dirty = true;
    return runs;
  }

  // -- runs apart (apart.ts) ------------------------------------------------------------------------------------------------

  /**
   * What a `drain` and, unless `cargaCycle` is null, a `cycle` would run now, on a copy of the columns that `room(bytes)` is given for;
   * null when that is nothing. `procesador` is its reference. `filter`: these lecturas instead of the share `carga`; others wait.
   */
  beginApart(
    procesador: string,
    carga: number,
    cargaCycle: number | null,
    nowMs: number,
    room: (bytes: number) => SharedArrayBuffer,
    filter: LecturaFilter | null = null,
  ): ApartTask | null {
    const { inbox, memory, options } = this;
    const size = filter === null ? inbox.size : this.#prefixOf(filter);
    const to = size === 0 || this.pausado ? 0 : this.#selectLecturas(filter === null ? carga : 1, size);
    const plan = cargaCycle === null ? null : this.#cyclePlan(cargaCycle, nowMs, this.watermarkMs);
    if (to === 0 && plan === null) return null;
    const copy = room(memory.bytes);
    new Uint8Array(copy).set(new Uint8Array(memory.buffer));
    const { slot, valor, tsMs } = inbox.columns;
    if (filter !== null) {
      const { corre } = viewBloqueMemory(options.procesador.procesador.estado, memory.slots, copy).core;
      for (let k = 0; k < to; k++) if (!filter.takes(slot[k]!)) corre[slot[k]!] = 0;
    }
    this.#acc[ACC.shift] = this.#fitness.mean;
    return {
      procesador,
      huella: options.procesador.huella,
      parametros: options.parametros,
      slots: memory.slots,
      memory: copy,
      lecturas: to === 0 ? null : { slot: slot.slice(0, to), valor: valor.slice(0, to), tsMs: tsMs.slice(0, to) },
      keep: options.mensajes !== 'ninguno',
      cycle: plan,
      acc: this.#acc.slice(),
      abre: this.#abre,
      nowMs,
      changes: this.#changes,
    };
  }

  /** How many lecturas at the head of the inbox hold those of the filter; 0 when there are none. */
  #prefixOf({ max, takes }: LecturaFilter): number {
    const { slot } = this.inbox.columns;
    const { corre } = this.memory.core;
    let to = 0;
    for (let k = 0, count = 0; k < this.inbox.size && count < max; k++) {
      if (corre[slot[k]!] === 0 || !takes(slot[k]!)) continue;
      count++;
      to = k + 1;
    }
    return to;
  }

  /** Becomes what the run made of the copy. False: it has changed meanwhile, or is paused, and takes nothing (K4). */
  endApart(task: ApartTask, { drain, cycle }: ApartResult): boolean {
    if (task.changes !== this.#changes || this.pausado) return false;
    if (drain !== null || !this.autonomo) this.#beforeChange();
    this.#nowMs = task.nowMs;
    if (drain !== null) this.lookOn?.(this.inbox.columns, task.lecturas!.slot.length);
    const { estado } = this.options.procesador.procesador;
    const ran = viewBloqueMemory(estado, task.slots, task.memory);
    for (const [k, { data }] of this.memory.estado.entries()) data.set(ran.estado[k]!.data);
    for (const name of ['valor', 'lectura', 'tsMs'] as const) this.memory.core[name].set(ran.core[name]);
    if (drain !== null) {
      const before = this.#acc[ACC.runs]!;
      this.#acc.set(drain.acc);
      this.#tellApart(drain.events);
      if (drain.mensajes !== null) this.pending.append(drain.mensajes);
      this.#drained(task.lecturas!.slot.length, drain.held, before);
    }
    if (cycle !== null) {
      const before = this.#acc[ACC.runs]!;
      this.#acc.set(cycle.acc);
      this.#tellApart(cycle.events);
      this.#cycled(task.cycle!, before);
    } else if (task.cycle !== null) {
      // of the time at which it began: lecturas that came since then have not run
      const dense = task.cycle.dense && this.#health.ill === 0;
      this.#runCycle({ ...task.cycle, dense, episodios: this.episodios.openCount }, task.nowMs);
    }
    return true;
  }

  /** A run apart was broken off. Nothing of it acted, and what it should have run waits. Returns how many entidades that is. */
  failApart(task: ApartTask, found: string): number {
    const entidades = entidadesOf(task);
    this.lastFallo = found;
    this.fallosTotal += entidades;
    return entidades;
  }

  #tellApart(events: readonly ApartEvent[]): void {
    const { core } = this.memory;
    for (const event of events) {
      const { slot } = event;
      if (event.tipo === 'fallo') this.fallo(slot, new Error(event.fallo));
      else if (event.valor >= this.#abre || core.episodio[slot] !== EPISODIO.ninguno) {
        this.#excede(slot, event.valor, event.lectura, event.tsMs, () => event.explicacion);
      }
    }
  }

  /** A turn of it took so long. */
  noteTurn(ms: number): void {
    this.turnsTotal++;
    this.turnsMs += ms;
  }

  /** Ends a cycle: fitness, repairs as far as `leave` goes, the bloque's own alerts. */
  settle(nowMs: number, leave: Leave = FULL): Settlement {
    const acc = this.#acc;
    const sums: CycleSums = {
      runs: acc[ACC.runs]!,
      errors: acc[ACC.errors]!,
      sum: acc[ACC.sum]!,
      sumSquares: acc[ACC.sumSquares]!,
      shift: acc[ACC.shift]!,
    };
    // a few stores: fill() costs as much as the rest of a quiet cycle's bookkeeping
    acc[ACC.runs] = 0;
    acc[ACC.errors] = 0;
    acc[ACC.sum] = 0;
    acc[ACC.sumSquares] = 0;
    const { options } = this;
    const intervals = this.#settledMs < 0 ? 1 : Math.max(0, (nowMs - this.#settledMs) / options.intervaloMs);
    this.#settledMs = nowMs;
    followFitness(this.#fitness, sums, options.umbral, intervals);
    this.carga += (Math.min(1, this.#distinct / Math.max(1, this.entidades)) - this.carga) * 0.2;
    this.#distinct = 0;
    if (this.#publication !== null) {
      const used = this.#cycleUsed();
      this.#frame = this.#publication.frame(this.memory.core, this.canal, used, this.#stamp, this.#stampNow);
    }
    this.#stampNow = (this.#stampNow + 1) & 0xffff;
    if (this.#stampNow === 0) this.#stamp?.fill(0xffff);
    this.runsTotal += sums.runs;
    this.fallosTotal += sums.errors;
    this.lateTotal += acc[ACC.late]!;
    acc[ACC.late] = 0;
    const counted = leave.counted && !isProcesadorFailing(sums.runs, sums.errors);
    const repair = this.#repair(leave.repairs, counted, nowMs);
    if (sums.runs > 0) this.#cyclesWithRuns++;
    this.#own.judge(
      {
        sums,
        cyclesWithRuns: this.#cyclesWithRuns,
        fitness: this.fitness,
        umbral: this.umbral,
        quarantine: this.#health.quarantine.size,
        lastFallo: this.lastFallo,
        episodios: this.episodios,
      },
      nowMs,
    );
    const { repaired, restore, quarantined } = repair;
    return { runs: sums.runs, errors: sums.errors, fitness: this.fitness, repaired, restore, quarantined };
  }

  /** The mensajes of the cycle settled last, as `publicar` wants them; null: none. Once. */
  takeFrame(): Uint8Array | null {
    const frame = this.#frame;
    this.#frame = null;
    return frame;
  }

  /** All seven steps at once, for one who drives a bloque by hand. */
  procesar(carga: number, nowMs: number): Settlement {
    this.drain(carga, nowMs);
    this.cycle(carga, nowMs);
    const settled = this.settle(nowMs);
    if (settled.restore.length > 0) this.repairFresh(settled.restore, nowMs);
    return settled;
  }

  // -- repair ----------------------------------------------------------------------------------------------------------------

  /** Replaces entidades by new ones in the same slot with the same number and clave, their state fresh. */
  repairFresh(slots: readonly number[], nowMs: number): void {
    this.#beforeChange();
    for (const slot of slots) {
      for (const column of this.memory.estado) column.data[slot] = 0;
      this.memory.core.tsMs[slot] = 0;
      this.#renew(slot, nowMs);
      this.#start(slot);
    }
  }

  /** The same, with the state that `load` writes into the columns of each slot; false means it knows none. */
  repairFrom(slots: readonly number[], load: (slot: number) => boolean, nowMs: number): void {
    this.#beforeChange();
    const unknown: number[] = [];
    for (const slot of slots) {
      if (!this.#health.isInactive(slot)) continue;
      // what the failed run left goes first: `load` may not know every column
      this.#freshState(slot);
      if (!load(slot)) {
        unknown.push(slot);
        continue;
      }
      this.#renew(slot, nowMs);
      this.#updateCorre(slot);
    }
    if (unknown.length > 0) this.repairFresh(unknown, nowMs);
  }

  /** Entidades whose columns no epoch should hold as they are: hand them to `heal`. Empty for bloques that keep no state. */
  get tainted(): readonly number[] {
    const keeps = this.options.procesador.procesador.checkpoint && !this.autonomo;
    const { tainted } = this.#health;
    return keeps && tainted.size > 0 ? [...tainted] : NO_SLOTS;
  }

  /** Gives entidades that wait for their repair the state that `load` knows, or a fresh one; they go on waiting. */
  heal(slots: readonly number[], load: (slot: number) => boolean): void {
    this.#beforeChange();
    for (const slot of slots) {
      if (!this.#health.healed(slot)) continue;
      this.#freshState(slot);
      load(slot);
      this.dirty = true;
    }
  }

  /** Ends the quarantine of all; they start fresh. */
  releaseQuarantine(nowMs: number): number {
    const slots = this.#health.release();
    this.repairFresh(slots, nowMs);
    return slots.length;
  }

  /** Into quarantine at once: what `found` tells of it must not happen again. Its lecturas are stored from now on (K3). */
  isolate(slot: number, found: string): void {
    this.#beforeChange();
    this.#health.isolate(slot);
    this.lastFallo = found;
    this.#updateCorre(slot);
    this.dirty = true;
    this.#storeQuarantined();
  }

  isQuarantined(slot: number): boolean {
    return this.#health.quarantine.has(slot);
  }

  // -- epochs ----------------------------------------------------------------------------------------------------------------

  /** Calls back once before the next change (K2). */
  hold(callback: () => void): void {
    this.#held = callback;
  }

  /** What a checkpoint keeps beside the columns. */
  vitals(): BloqueVitals {
    return {
      fitness: this.#fitness.fitness,
      sdUsual: this.#fitness.sdUsual,
      mean: this.#fitness.mean,
      carga: this.carga,
      watermarkMs: this.watermarkMs,
      cyclesWithRuns: this.#cyclesWithRuns,
      quarantine: [...this.#health.quarantine],
    };
  }

  /** After the columns were filled from a checkpoint: rebuilds what follows from them. `hasClave(slot)` tells the bound ones. */
  restored(vitals: BloqueVitals, hasClave: (slot: number) => boolean): void {
    const { ocupado, activo, episodio } = this.memory.core;
    this.#fitness.fitness = vitals.fitness;
    this.#fitness.sdUsual = vitals.sdUsual;
    this.#fitness.mean = vitals.mean;
    this.carga = vitals.carga;
    this.watermarkMs = vitals.watermarkMs;
    this.#cyclesWithRuns = vitals.cyclesWithRuns;
    this.#health.restoreQuarantine(vitals.quarantine);
    this.bound = 0;
    let used = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      if (hasClave(slot)) {
        ocupado[slot] = OCUPADO.ligado;
        this.bound++;
        used = slot + 1;
        if (activo[slot] === 0) this.#health.restoreInactive(slot);
      } else if (!this.autonomo) {
        ocupado[slot] = OCUPADO.libre;
        activo[slot] = 1;
      }
      episodio[slot] = EPISODIO.ninguno;
      this.#updateCorre(slot);
    }
    this.#plazas.restored(this.memory.core, used);
    for (const open of this.episodios.open) {
      episodio[open.slot] = this.episodios.isCooling(open.slot) ? EPISODIO.enfria : EPISODIO.abierto;
    }
  }

  /** After `restored`: these columns were not in the checkpoint, and begin in every bound entidad as onBind has them. */
  startColumns(names: readonly string[]): void {
    const { estado, core } = this.memory;
    const kept = estado.filter((column) => !names.includes(column.name));
    for (let slot = 0; slot < this.used; slot++) {
      if (core.ocupado[slot] !== OCUPADO.ligado) continue;
      const values = kept.map((column) => column.data[slot]!);
      this.#freshState(slot);
      kept.forEach((column, k) => {
        column.data[slot] = values[k]!;
      });
    }
    this.dirty = true;
  }

  /** After `bind`, at a restore: the entidad is the one that had this number and these generations elsewhere. */
  adopt(slot: number, numero: number, generacion: number): void {
    this.memory.core.numero[slot] = numero;
    this.memory.core.generacion[slot] = generacion;
  }

  /** Takes over an episodio that was open elsewhere, at a restore. */
  adoptEpisodio(episodio: Episodio, cooling: boolean): void {
    const { slot } = episodio;
    const { overflow } = this.episodios;
    this.episodios.restore({ abiertos: [episodio], enfrian: cooling ? [slot] : [], overflow });
    this.memory.core.episodio[slot] = cooling ? EPISODIO.enfria : EPISODIO.abierto;
    this.dirty = true;
  }

  /** Takes over an alert of the bloque itself that is open in the store, at a restore. */
  adoptAviso(aviso: Omit<Episodio, 'slot'>): void {
    this.#own.adopt(aviso);
  }

  /** Alerts that changed since the last call: of entidades, then of the bloque. */
  takeChanges(): EpisodioChange[] {
    const changes = this.episodios.takeChanges();
    const own = this.avisos.takeChanges();
    return own.length === 0 ? changes : changes.concat(own);
  }

  // -- RunSink ---------------------------------------------------------------------------------------------------------------

  fallo(slot: number, error: unknown): void {
    const { activo, corre } = this.memory.core;
    activo[slot] = 0;
    corre[slot] = 0;
    this.fallos++;
    this.dirty = true;
    this.lastFallo = falloText(error);
    this.#health.fail(slot, this.memory.core.tsMs[slot]!, this.autonomo, this.options.intervaloMs, this.#nowMs);
  }

  excede(slot: number, valor: number, lectura: number, tsMs: number): void {
    const { procesador, parametros } = this.options;
    this.#excede(slot, valor, lectura, tsMs, () => procesador.explica(parametros, valor));
  }

  #excede(slot: number, valor: number, lectura: number, tsMs: number, explica: () => Explicacion): void {
    const { procesador } = this.options.procesador;
    this.memory.core.episodio[slot] = this.episodios.take(
      slot,
      () => this.claveOf(slot),
      procesador.alerta?.regla ?? 'valor',
      valor,
      lectura,
      tsMs,
      this.#limits,
      explica,
    );
  }

  // -- own -------------------------------------------------------------------------------------------------------------------

  #beforeChange(): void {
    this.#changes++;
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    held();
  }

  #makeAutonomous(): void {
    this.memory.core.ocupado.fill(OCUPADO.autonomo);
    this.memory.core.corre.fill(1);
    this.#plazas.takeAll();
    for (let slot = 0; slot < this.options.slots; slot++) this.#start(slot);
  }

  #clearSlot(slot: number): void {
    const { core, estado } = this.memory;
    for (const column of estado) column.data[slot] = 0;
    core.valor[slot] = 0;
    core.lectura[slot] = 0;
    core.tsMs[slot] = 0;
    core.episodio[slot] = EPISODIO.ninguno;
    core.activo[slot] = 1;
  }

  /** Zero, then what onBind makes of it; when that throws, zero. */
  #freshState(slot: number): void {
    const { procesador, parametros } = this.options;
    for (const column of this.memory.estado) column.data[slot] = 0;
    if (procesador.procesador.onBind === undefined) return;
    procesador.bind(this.memory);
    try {
      procesador.bindSlot(parametros, slot);
    } catch {
      for (const column of this.memory.estado) column.data[slot] = 0;
    }
  }

  /** onBind, whose throw is a failed run like any other. */
  #start(slot: number): void {
    const { procesador, parametros } = this.options;
    this.#updateCorre(slot);
    this.dirty = true;
    if (procesador.procesador.onBind === undefined) return;
    procesador.bind(this.memory);
    try {
      procesador.bindSlot(parametros, slot);
    } catch (error) {
      this.fallo(slot, error);
    }
  }

  #updateCorre(slot: number): void {
    const { corre, ocupado, activo } = this.memory.core;
    corre[slot] = ocupado[slot] !== OCUPADO.libre && activo[slot] === 1 && !this.isQuarantined(slot) ? 1 : 0;
  }

  /** Who had work since the last settled cycle: those that bear its number. */
  #stamps(): Uint16Array {
    return (this.#stamp ??= new Uint16Array(this.memory.slots).fill(0xffff));
  }

  /** Prefix of the inbox that holds the lecturas of at most ceil(candidates x carga) entidades; counts who had work. */
  #selectLecturas(carga: number, size: number): number {
    const stamp = this.#stamps();
    const now = this.#stampNow;
    const slots = this.inbox.columns.slot;
    if (carga >= 1) {
      let distinct = 0;
      for (let k = 0; k < size; k++) {
        const slot = slots[k]!;
        if (stamp[slot] !== now) {
          stamp[slot] = now;
          distinct++;
        }
      }
      this.#distinct += distinct;
      return size;
    }
    const seen = new Set<number>();
    for (let k = 0; k < size; k++) seen.add(slots[k]!);
    const n = Math.ceil(seen.size * Math.max(0, carga));
    seen.clear();
    let to = 0;
    while (to < size) {
      const slot = slots[to]!;
      if (!seen.has(slot)) {
        if (seen.size === n) break;
        seen.add(slot);
        if (stamp[slot] !== now) {
          stamp[slot] = now;
          this.#distinct++;
        }
      }
      to++;
    }
    return to;
  }

  #storeQuarantined(): void {
    for (const slot of this.#health.quarantine) {
      this.inbox.removeSlot(slot, (valor, tsMs) => {
        const pend = this.pending.columns(1);
        if (pend === null) return;
        pend.slot[pend.length] = slot;
        pend.tsMs[pend.length] = tsMs;
        pend.lectura[pend.length] = valor;
        pend.valor[pend.length] = 0;
        pend.length++;
      });
    }
  }

  #repair(max: number, counted: boolean, nowMs: number): Repaired {
    if (this.#health.inactive === 0 || max === 0) return NOTHING_REPAIRED;
    const { options } = this;
    const plan = this.#health.plan(this.fallos, max, options, counted, nowMs);
    if (plan.restore.length + plan.fresh.length + plan.quarantine.length === 0) return NOTHING_REPAIRED;
    this.fallos = 0;
    for (const slot of plan.quarantine) {
      this.#updateCorre(slot);
      this.dirty = true;
    }
    const keeps = options.procesador.procesador.checkpoint && !this.autonomo;
    const fresh = keeps ? plan.fresh : [...plan.restore, ...plan.fresh];
    if (fresh.length > 0) this.repairFresh(fresh, nowMs);
    return { repaired: fresh.length, restore: keeps ? plan.restore : [], quarantined: plan.quarantine.length };
  }

  #renew(slot: number, nowMs: number): void {
    const { core } = this.memory;
    this.#health.renewed(slot, core.tsMs[slot]!, this.options.ventanaMs, nowMs);
    core.activo[slot] = 1;
    core.generacion[slot] = core.generacion[slot]! + 1;
    this.repairsTotal++;
    this.dirty = true;
  }
}

/** A bound entidad between two bloques: everything that is its own. */
export interface Mudanza {
  readonly numero: number;
  readonly generacion: number;
  readonly tsMs: number;
  readonly valor: number;
  readonly lectura: number;
  /** In the order of the procesador's columns. */
  readonly estado: readonly number[];
  readonly episodio: Episodio | null;
  readonly cooling: boolean;
  readonly repairs: RepairRecord | null;
}

export interface BloqueVitals {
  readonly fitness: number;
  readonly sdUsual: number;
  readonly mean: number;
  readonly carga: number;
  readonly watermarkMs: number;
  readonly cyclesWithRuns: number;
  readonly quarantine: readonly number[];
}
