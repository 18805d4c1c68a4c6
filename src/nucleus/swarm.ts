/**
 * The swarm: every entry with its bloques, and where each clave lives.
 *
 * Owns: entries, bloques, clave directories, entidad numbers, and placing lecturas in inboxes (routing). Leaves when bloques run to
 * ModuloEjecucion, what is kept to epochs, moving entidades to mudanza.ts.
 *
 * W1 A clave is bound to one entidad of its entry, and stays there (sticky) until forgotten.
 * W2 Numbers are never given twice: `nextNumero` only grows and is part of every epoch.
 * W3 A batch is placed whole or, for new claves past capacity, refused row by row. An entry with a full inbox takes nothing further
 *    (`blocked`), so its inboxes pass their limit only by what was let in while there was room: one batch of a source, and, where an
 *    inbox does not drain (paused, inactive, closures under way), the lotes in flight, which the push door bounds.
 */
import { BufferPool } from '#domain/bloque/buffer-pool.ts';
import { BloqueSimbiotico, type BloqueDeps } from '#domain/bloque/bloque.ts';
import { bloqueOfLoc, ClaveDirectory, makeLoc, slotOfLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import { Partition, partitionByBloque } from '#domain/claves/partition.ts';
import { bloqueId, entidadesOf, bloquesOf, type BloqueEntry } from '#domain/config/config.ts';
import { CORE_BYTES } from '#domain/entidad/columns.ts';
import { CoreCError } from '#domain/errors.ts';
import type { EvolucionRow } from '#domain/evolucion/paso.ts';
import type { LecturaBatch } from '#domain/lectura/batch.ts';
import { BACKLOG_MAX, BLOQUES_MAX, MIB } from '#domain/limits.ts';
import type { CompiledProcesador } from '#domain/procesadores/compile.ts';
import { parseParametros } from '#domain/procesadores/define.ts';

/** Largest magnitude of a lectura: state and rows are float32. */
const LECTURA_MAX = 3.4028234663852886e38;
/** How far a clock may be ahead of ours and still be believed. */
const AHEAD_MS_MAX = 86_400_000;

export class Entrada {
  readonly config: BloqueEntry;
  /** As configured, unless it has evolved. */
  procesador: CompiledProcesador;
  parametros: unknown;
  /** How it came to what it judges by; null: as configured, and it always was. */
  evolucion: EvolucionRow | null = null;
  readonly bloques: BloqueSimbiotico[] = [];
  readonly claves = new ClaveDirectory();
  /** Bloques whose inbox is at its limit. */
  readonly full = new Set<BloqueSimbiotico>();
  /** Newest time of its lecturas, UTC ms. */
  watermarkMs = 0;
  catalogDirty = true;
  /** First bloque that may have a free entidad. */
  freeFrom = 0;
  /** Entidades that were born in its bloques; lent and borrowed ones are not counted. */
  capacity = 0;
  /** By index of a bloque: siblings in which claves of it have lived before, whose rows hold what was stored of them there. */
  readonly before = new Map<number, ReadonlySet<string>>();
  /** Hashes of claves that found no entidad since the last pass of ModuloSincronizacion, up to BACKLOG_MAX. */
  readonly backlog = new Set<number>();
  /** Paused as a whole: bloques that it still grows are paused too. */
  pausado = false;

  constructor(config: BloqueEntry, procesador: CompiledProcesador, evolved: Evolved | null) {
    this.config = config;
    if (evolved !== null) {
      this.procesador = evolved.procesador;
      this.parametros = evolved.parametros;
      this.evolucion = evolved.row;
      return;
    }
    this.procesador = procesador;
    this.parametros = parseParametros(procesador.procesador, config.parametros, `${config.path}.parametros`);
  }

  get id(): string {
    return this.config.id;
  }
  get artificial(): boolean {
    return this.procesador.procesador.autonomo;
  }
  get blocked(): boolean {
    return this.full.size > 0;
  }
}

/** What an entry judges by in place of its configuration. */
export interface Evolved {
  readonly procesador: CompiledProcesador;
  readonly parametros: unknown;
  readonly row: EvolucionRow;
}

export interface SwarmDeps {
  readonly encodeMensajes: BloqueDeps['encodeMensajes'];
  readonly procesador: (entry: BloqueEntry) => CompiledProcesador;
  readonly mensajes: 'todos' | 'cambios' | 'ultimo' | 'ninguno';
  readonly enfriamientoMs: number;
  /** A lectura past capacity: entry, clave. */
  readonly onRefused: (entrada: Entrada, reason: 'capacity' | 'bad_valor', batch: LecturaBatch, k: number) => void;
  /** Something was put in a bloque's inbox. */
  readonly onLecturas: (bloque: BloqueSimbiotico) => void;
}

/** Numbers and sizes of an entry's bloques as an epoch keeps them. */
export interface CatalogRow {
  readonly config: BloqueEntry;
  readonly procesador: string;
  readonly bloques: readonly CatalogBloque[];
  /** Absent: it has never evolved. */
  readonly evolucion?: EvolucionRow;
}

export interface CatalogBloque {
  readonly numeroBase: number;
  /** Entidades that were born here; 0 of a bloque that a split made. */
  readonly slots: number;
  /** What stands here slot by slot, where that is no longer what was born: runs of (first number, how many); number 0: nothing. */
  readonly numeros?: readonly number[];
  /** Siblings in which claves of it have lived before. */
  readonly antes?: readonly string[];
}

/** Where an entidad was born: the bloque, and which of it. */
export interface Nacimiento {
  readonly bloque: BloqueSimbiotico;
  readonly n: number;
}

export class Swarm {
  readonly entradas = new Map<string, Entrada>();
  readonly bloques: BloqueSimbiotico[] = [];
  nextNumero = 1;
  lecturas = 0;

  readonly #byId = new Map<string, BloqueSimbiotico>();
  /** Bloques in which entidades were born, by their first number. */
  #births: BloqueSimbiotico[] | null = null;
  /** Paused before they are here: an entry that the journal makes again was paused before its first epoch. */
  readonly #pausedAhead = new Set<string>();
  readonly #deps: SwarmDeps;
  readonly #pool = new BufferPool();
  #locs = new Uint32Array(0);
  #partition = new Partition(0, 1);

  constructor(deps: SwarmDeps) {
    this.#deps = deps;
  }

  bloque(id: string): BloqueSimbiotico | null {
    return this.#byId.get(id) ?? null;
  }

  get entidades(): number {
    let sum = 0;
    for (const bloque of this.bloques) sum += bloque.entidades;
    return sum;
  }

  get ligadas(): number {
    let sum = 0;
    for (const bloque of this.bloques) sum += bloque.bound;
    return sum;
  }

  /** Makes an entry and, unless it grows by need, all its bloques. `catalog`: numbers of bloques that stood before a restart. */
  registrar(config: BloqueEntry, catalog: CatalogRow | null, evolved: Evolved | null = null): Entrada {
    if (this.entradas.has(config.id)) {
      throw new CoreCError('COREC_E_LIMIT', {
        what: `bloques id ${config.id}`,
        found: 'used twice',
        allowed: 'one entry an id',
      });
    }
    const entrada = new Entrada(config, this.#deps.procesador(config), evolved);
    // one that grows by need must not find out when lecturas that were acknowledged need the room
    assertSize(entrada, entidadesOf(config, 0), bloqueId(config.id, 0));
    this.entradas.set(config.id, entrada);
    entrada.pausado = this.#pausedAhead.delete(config.id);
    const wanted = config.dinamico ? (catalog?.bloques.length ?? 0) : bloquesOf(config);
    for (let k = 0; k < wanted; k++) {
      const known = catalog?.bloques[k];
      const slots = config.dinamico ? known!.slots : entidadesOf(config, k);
      // of another size it is another bloque, and its numbers would run into its neighbour's (W2)
      this.#addBloque(entrada, slots, known?.slots === slots ? known : undefined);
    }
    // those that splits have added
    for (let k = wanted; catalog?.bloques[k]?.slots === 0; k++) this.#addBloque(entrada, 0, catalog.bloques[k]);
    return entrada;
  }

  /** A new sibling for a part of a bloque of the entry; it has no entidades yet. */
  addSibling(entrada: Entrada): BloqueSimbiotico {
    return this.#addBloque(entrada, 0, undefined);
  }

  /** Null: of no bloque that there is now. */
  nacimiento(numero: number): Nacimiento | null {
    this.#births ??= this.bloques
      .filter(({ options }) => options.slots > 0)
      .toSorted((a, b) => a.options.numeroBase - b.options.numeroBase);
    let low = 0;
    let high = this.#births.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#births[middle]!.options.numeroBase <= numero) low = middle + 1;
      else high = middle;
    }
    const bloque = this.#births[low - 1];
    const n = bloque === undefined ? -1 : numero - bloque.options.numeroBase;
    return bloque === undefined || n >= bloque.options.slots ? null : { bloque, n };
  }

  catalogRow(entrada: Entrada): CatalogRow {
    return {
      config: entrada.config,
      procesador: entrada.procesador.procesador.nombre,
      bloques: entrada.bloques.map((bloque, k) => ({
        numeroBase: bloque.options.numeroBase,
        slots: bloque.options.slots,
        ...numerosRow(bloque),
        ...(entrada.before.has(k) ? { antes: [...entrada.before.get(k)!] } : {}),
      })),
      ...(entrada.evolucion === null ? {} : { evolucion: entrada.evolucion }),
    };
  }

  /** Places a batch (W3). Returns lecturas placed. `arrivalMs`: wall time. */
  deliver(entrada: Entrada, batch: LecturaBatch, arrivalMs: number): number {
    const n = batch.length;
    if (n === 0) return 0;
    if (this.#locs.length < n) this.#locs = new Uint32Array(batch.capacity);
    const locs = this.#locs;
    const watermarkMs = this.#checkTimes(batch, n, arrivalMs);
    entrada.claves.lookupBatch(batch, locs);
    const refused = this.#bindUnknown(entrada, batch, locs, n);
    if (watermarkMs > entrada.watermarkMs) entrada.watermarkMs = watermarkMs;
    if (this.#partition.order.length < n) this.#partition = new Partition(batch.capacity, entrada.bloques.length);
    const partition = this.#partition;
    partitionByBloque(locs, n, entrada.bloques.length, partition);
    const { valor, tsMs } = batch;
    for (let run = 0; run < partition.touched; run++) {
      const bloque = entrada.bloques[partition.bloques[run]!]!;
      bloque.inbox.push(
        partition.order,
        partition.starts[run]!,
        partition.starts[run + 1]!,
        locs,
        valor,
        tsMs,
        arrivalMs,
      );
      if (entrada.watermarkMs > bloque.watermarkMs) bloque.watermarkMs = entrada.watermarkMs;
      if (bloque.inbox.room <= 0) entrada.full.add(bloque);
      this.#deps.onLecturas(bloque);
    }
    this.lecturas += n - refused;
    return n - refused;
  }

  /** Gives a clave an entidad; UNKNOWN_LOC when there is no room. */
  bindText(entrada: Entrada, clave: string): number {
    const known = entrada.claves.lookupText(clave);
    if (known !== UNKNOWN_LOC) return known;
    const index = this.#bloqueWithRoom(entrada);
    if (index < 0) return UNKNOWN_LOC;
    const loc = makeLoc(index, entrada.bloques[index]!.bind());
    entrada.claves.insertText(clave, loc);
    return loc;
  }

  /** Pauses or resumes an entry or one bloque. What is not there, or not yet, will be as was said last when it comes. */
  setPausado(id: string, paused: boolean): void {
    const entrada = this.entradas.get(id);
    const bloque = this.#byId.get(id);
    if (entrada !== undefined) {
      entrada.pausado = paused;
      for (const one of entrada.bloques) one.pausado = paused;
    } else if (bloque !== undefined) bloque.pausado = paused;
    else if (paused) this.#pausedAhead.add(id);
    else this.#pausedAhead.delete(id);
  }

  resumeAll(): void {
    this.#pausedAhead.clear();
    for (const entrada of this.entradas.values()) entrada.pausado = false;
    for (const bloque of this.bloques) bloque.pausado = false;
  }

  /** Ids of entries and bloques that are paused. */
  pausados(): string[] {
    const paused = [...this.entradas.values(), ...this.bloques].filter((one) => one.pausado);
    return [...paused.map((one) => one.id), ...this.#pausedAhead];
  }

  /** Pauses what `pausados` told before a restart. */
  pauseAgain(ids: readonly string[]): void {
    for (const id of ids) {
      const one = this.entradas.get(id) ?? this.#byId.get(id);
      if (one !== undefined) one.pausado = true;
      else this.#pausedAhead.add(id);
    }
  }

  /** Called after a bloque ran: it may have room again. */
  drained(bloque: BloqueSimbiotico): void {
    if (bloque.inbox.room > 0) this.entradas.get(bloque.entrada)?.full.delete(bloque);
  }

  /** Forgets the clave at `loc`. Returns lecturas that waited for it. */
  forget(entrada: Entrada, loc: number): number {
    const bloque = entrada.bloques[bloqueOfLoc(loc)]!;
    const dropped = bloque.unbind(slotOfLoc(loc));
    entrada.claves.remove(loc);
    entrada.freeFrom = Math.min(entrada.freeFrom, bloqueOfLoc(loc));
    // what went with it may have been what filled the inbox
    this.drained(bloque);
    return dropped;
  }

  /** Forgets claves without a lectura for the entry's TTL before its watermark. Returns how many. */
  expire(entrada: Entrada): number {
    const ttlS = entrada.config.clave_ttl_s;
    if (ttlS === null || entrada.watermarkMs === 0) return 0;
    const before = entrada.watermarkMs - ttlS * 1000;
    let count = 0;
    for (const bloque of entrada.bloques) {
      if (bloque.bound === 0) continue;
      const { tsMs, ocupado } = bloque.memory.core;
      const { columns, size } = bloque.inbox;
      // a clave is not without lecturas while one of them waits to run
      const waits = new Set(columns.slot.subarray(0, size));
      for (let slot = 0; slot < bloque.used; slot++) {
        if (ocupado[slot] !== 1 || tsMs[slot]! === 0 || tsMs[slot]! >= before || waits.has(slot)) continue;
        this.forget(entrada, makeLoc(bloque.options.indice, slot));
        count++;
      }
    }
    return count;
  }

  #addBloque(entrada: Entrada, slots: number, known: CatalogBloque | undefined): BloqueSimbiotico {
    if (entrada.bloques.length >= BLOQUES_MAX) {
      throw new CoreCError('COREC_E_LIMIT', {
        what: `bloques of ${entrada.id}`,
        found: entrada.bloques.length + 1,
        allowed: BLOQUES_MAX,
      });
    }
    const { config } = entrada;
    assertSize(entrada, slots, bloqueId(config.id, entrada.bloques.length));
    const base = known?.numeroBase ?? this.nextNumero;
    this.nextNumero = Math.max(this.nextNumero, base + slots);
    const bloque = new BloqueSimbiotico(
      {
        id: bloqueId(config.id, entrada.bloques.length),
        entrada: config.id,
        indice: entrada.bloques.length,
        canal: config.canal,
        slots,
        procesador: entrada.procesador,
        parametros: entrada.parametros,
        numeroBase: base,
        umbral: config.umbral === 'auto' ? null : config.umbral,
        maxErrores: config.autoreparacion.max_errores,
        minFitness: config.autoreparacion.min_fitness,
        maxReparaciones: config.autoreparacion.max_reparaciones,
        ventanaMs: config.autoreparacion.ventana_s * 1000,
        intervaloMs: config.intervalo_ms,
        inboxMax: config.inbox_max,
        mensajes: entrada.artificial ? 'ninguno' : this.#deps.mensajes,
        publicar: entrada.config.publicar,
        enfriamientoMs: this.#deps.enfriamientoMs,
      },
      {
        pool: this.#pool,
        encodeMensajes: this.#deps.encodeMensajes,
        claveText: ({ options }, slot) =>
          entrada.claves.claveText(makeLoc(options.indice, slot)) ?? `#${options.numeroBase + slot}`,
      },
    );
    if (known?.numeros !== undefined) bloque.standAs(numerosFrom(known.numeros));
    if (known?.antes !== undefined) entrada.before.set(bloque.options.indice, new Set(known.antes));
    this.#births = null;
    const isPausedAhead = this.#pausedAhead.delete(bloque.id);
    bloque.pausado = entrada.pausado || isPausedAhead;
    entrada.bloques.push(bloque);
    entrada.capacity += slots;
    entrada.catalogDirty = true;
    this.bloques.push(bloque);
    this.#byId.set(bloque.id, bloque);
    return bloque;
  }

  /**
   * Fills in missing times; returns the newest. A valor beyond float32 becomes NaN and is refused with its row. One time from far in the
   * future must not carry the watermark there: all other claves would seem silent, and those with a TTL be forgotten.
   */
  #checkTimes(batch: LecturaBatch, n: number, arrivalMs: number): number {
    const { tsMs, valor } = batch;
    const latest = arrivalMs + AHEAD_MS_MAX;
    let newest = 0;
    for (let k = 0; k < n; k++) {
      let t = tsMs[k]!;
      if (t !== t) t = tsMs[k] = arrivalMs;
      if (t > newest && t <= latest) newest = t;
      const x = valor[k]!;
      if (x > LECTURA_MAX || x < -LECTURA_MAX) valor[k] = NaN;
    }
    return newest;
  }

  #bindUnknown(entrada: Entrada, batch: LecturaBatch, locs: Uint32Array, n: number): number {
    const { claves } = entrada;
    const { valor } = batch;
    let refused = 0;
    for (let k = 0; k < n; k++) {
      if (valor[k]! !== valor[k]!) {
        locs[k] = UNKNOWN_LOC;
        refused++;
        this.#deps.onRefused(entrada, 'bad_valor', batch, k);
        continue;
      }
      if (locs[k] !== UNKNOWN_LOC) continue;
      // the same new clave may stand twice in one batch
      const from = batch.claveOffset[k]!;
      const known = claves.lookup(batch.claveBytes, from, from + batch.claveLength[k]!, batch.claveHash[k]);
      if (known !== UNKNOWN_LOC) {
        locs[k] = known;
        continue;
      }
      const loc = this.#place(entrada, batch, k);
      locs[k] = loc;
      if (loc === UNKNOWN_LOC) {
        refused++;
        if (entrada.backlog.size < BACKLOG_MAX) entrada.backlog.add(batch.claveHash[k]!);
        this.#deps.onRefused(entrada, 'capacity', batch, k);
      }
    }
    return refused;
  }

  #place(entrada: Entrada, batch: LecturaBatch, k: number): number {
    const index = this.#bloqueWithRoom(entrada);
    if (index < 0) return UNKNOWN_LOC;
    const bloque = entrada.bloques[index]!;
    const loc = makeLoc(index, bloque.bind());
    entrada.claves.insert(batch, k, loc);
    return loc;
  }

  #bloqueWithRoom(entrada: Entrada): number {
    if (entrada.artificial) return -1;
    for (; entrada.freeFrom < entrada.bloques.length; entrada.freeFrom++) {
      if (entrada.bloques[entrada.freeFrom]!.free > 0) return entrada.freeFrom;
    }
    const { config } = entrada;
    const left = config.entidades - entrada.capacity;
    if (!config.dinamico || left <= 0 || entrada.bloques.length >= BLOQUES_MAX) return -1;
    this.#addBloque(entrada, Math.min(config.entidades_por_bloque, left), undefined);
    return entrada.freeFrom;
  }
}

/** What stands in a bloque slot by slot as runs, for the catalogue; nothing for one that is as it was born. */
function numerosRow({ options, memory, slots, entidades }: BloqueSimbiotico): { readonly numeros?: number[] } {
  const { numero } = memory.core;
  const runs: number[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const first = runs.at(-2);
    const count = runs.at(-1);
    const next = first === undefined || first === 0 ? first : first + count!;
    if (numero[slot] === next) runs[runs.length - 1] = count! + 1;
    else runs.push(numero[slot]!, 1);
  }
  const asBorn =
    slots === options.slots &&
    entidades === slots &&
    (slots === 0 || (runs.length === 2 && runs[0] === options.numeroBase));
  return asBorn ? {} : { numeros: runs };
}

/** The way back: the numbers slot by slot. */
export function numerosFrom(runs: readonly number[]): number[] {
  const list: number[] = [];
  for (let k = 0; k < runs.length; k += 2) {
    const first = runs[k]!;
    for (let n = 0; n < runs[k + 1]!; n++) list.push(first === 0 ? 0 : first + n);
  }
  return list;
}

/** @throws CoreCError COREC_E_LIMIT when a bloque of so many entidades is larger than its entry allows. */
function assertSize({ config, procesador }: Entrada, slots: number, id: string): void {
  const bytes = slots * (CORE_BYTES + procesador.procesador.bytesPorEntidad);
  if (bytes <= config.max_size_mb * MIB) return;
  throw new CoreCError('COREC_E_LIMIT', {
    what: `${config.path}: size of bloque ${id} (${slots} entidades of ${config.procesador})`,
    found: `${(bytes / MIB).toFixed(2)} MB`,
    allowed: `max_size_mb ${config.max_size_mb}`,
  });
}
