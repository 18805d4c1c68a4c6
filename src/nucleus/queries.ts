/**
 * What doors may read of the nucleus; changes nothing.
 *
 * Z1 Lists are bounded by their limit; a scan over the swarm touches columns, not objects.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { bloqueOfLoc, makeLoc, slotOfLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import { compileGlob, visitMatches, type Glob } from '#domain/claves/glob.ts';
import { decodeColumnas, decodeMensajes } from '#domain/codec/columnas.ts';
import { EPISODIO, OCUPADO } from '#domain/entidad/columns.ts';
import { CoreCError } from '#domain/errors.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import type { AlertaQuery, AlertaRow, StoredAlerta } from '#ports/bloque-store.ts';
import type {
  AlertaView,
  BloqueSummary,
  EntidadDetail,
  EntidadHistory,
  EntidadSummary,
  EntradaSummary,
  HistoryPoint,
  NucleusStatus,
} from '#ports/nucleus-api.ts';
import type { Nucleus } from './nucleus.ts';
import { ServersHealth } from './servers-health.ts';
import type { Entrada } from './swarm.ts';

/** Rows of a bloque read at a time for a history. */
const HISTORY_PAGE = 64;
const MIB = 1024 * 1024;

interface Health {
  readonly ok: boolean;
  readonly found: string;
}

interface Place {
  readonly entrada: Entrada;
  readonly bloque: BloqueSimbiotico;
  readonly slot: number;
}

export class Queries {
  readonly #nucleus: Nucleus;
  readonly #rate = { ms: 0, lecturas: 0, perS: 0 };
  readonly #servers: ServersHealth;

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
    this.#servers = new ServersHealth({ ...nucleus.deps, clock: nucleus.clock });
  }

  async readiness(): Promise<Pick<NucleusStatus, 'fase' | 'problems'>> {
    const [store, streams] = await this.#servers.now();
    return { fase: this.#fase, problems: this.problems(store, streams) };
  }

  get #fase(): NucleusStatus['fase'] {
    const { fase, pausado } = this.#nucleus;
    return fase === 'vivo' && pausado ? 'pausado' : fase;
  }

  async status(): Promise<NucleusStatus> {
    const n = this.#nucleus;
    const { swarm, hub, epochs, deps } = n;
    let simuladas = 0;
    let activas = 0;
    let cuarentena = 0;
    let abiertas = 0;
    let memory = 0;
    for (const bloque of swarm.bloques) {
      if (bloque.autonomo) simuladas += bloque.entidades;
      activas += bloque.activos;
      cuarentena += bloque.quarantined;
      abiertas += bloque.episodios.openCount + bloque.avisos.openCount;
      memory += bloque.memory.bytes;
    }
    for (const entrada of swarm.entradas.values()) memory += entrada.claves.byteLength;
    const entidades = swarm.entidades;
    const [store, streams] = await this.#servers.now();
    const nowMs = n.clock.nowMs();
    return {
      instance_id: n.config.instance_id,
      version: deps.version,
      fase: this.#fase,
      pid: deps.pid,
      uptimeS: (n.clock.monotonicMs() - n.beganMs) / 1000,
      entidades,
      ligadas: swarm.ligadas,
      simuladas,
      activas,
      cuarentena,
      bloques: swarm.bloques.length,
      cycles: n.ejecucion.cycles,
      lecturas: swarm.lecturas,
      lecturasPerS: this.#lecturasPerS(nowMs),
      refused: Object.fromEntries(n.refusedCounts),
      alertasAbiertas: abiertas,
      alertas: hub.opened,
      fallos: n.runs.fallos,
      repairs: n.runs.repairs,
      restored_entidades: n.restoredEntidades,
      startMs: n.startMs,
      rssMb: deps.rssBytes() / MIB,
      bytesPerEntidad: entidades === 0 ? 0 : memory / entidades,
      sweepMs: n.ejecucion.sweepMs.summary(),
      cycleMs: n.ejecucion.cycleMs.summary(),
      alertLatencyMs: hub.latencyMs.summary(),
      epoca: epochs?.committed ?? 0,
      epocaMs: epochs?.lastMs ?? 0,
      epocaAgeS: epochs === null ? 0 : (nowMs - epochs.committedAtMs) / 1000,
      journalBytes: deps.journal.stats().bytes,
      store,
      streams,
      problems: this.problems(store, streams),
      sources: n.pumps.map((pump) => pump.status()),
    };
  }

  problems(store: Health, streams: Health): string[] {
    const n = this.#nucleus;
    const list: string[] = [];
    if (n.fase !== 'vivo' && n.fase !== 'pausado') list.push(`fase ${n.fase}`);
    if (!store.ok) list.push(`store: ${store.found}`);
    if (n.journalWatch.problem !== '') list.push(`journal: ${n.journalWatch.problem}`);
    if (n.epochs !== null && n.epochs.problem !== '') list.push(`epoch: ${n.epochs.problem}`);
    // whoever waits for the streams says more than that they are away
    if (n.streams.problems.length > 0) list.push(...n.streams.problems);
    else if (!streams.ok) list.push(`streams: ${streams.found}`);
    for (const pump of n.pumps) if (pump.state === 'failed') list.push(`${pump.source.id}: ${pump.found}`);
    if (n.supervision.problem !== '') list.push(n.supervision.problem);
    return list;
  }

  entradas(): EntradaSummary[] {
    return [...this.#nucleus.swarm.entradas.values()].map((entrada) => {
      const summaries = entrada.bloques.map((bloque) => this.#summary(entrada, bloque));
      const sum = (of: (s: BloqueSummary) => number): number => summaries.reduce((total, s) => total + of(s), 0);
      const count = Math.max(1, summaries.length);
      return {
        id: entrada.id,
        canal: entrada.config.canal,
        procesador: entrada.procesador.procesador.nombre,
        bloques: summaries.length,
        dinamica: entrada.config.dinamico,
        entidades: sum((s) => s.entidades),
        ligadas: sum((s) => s.ligadas),
        activas: sum((s) => s.activas),
        cuarentena: sum((s) => s.cuarentena),
        fitness: sum((s) => s.fitness) / count,
        carga: sum((s) => s.carga) / count,
        fallos: sum((s) => s.fallos),
        repairs: sum((s) => s.repairs),
        missed: sum((s) => s.missed),
        inbox: sum((s) => s.inbox),
        alertasAbiertas: sum((s) => s.alertasAbiertas),
        bytes: sum((s) => s.bytes),
        pausado: entrada.pausado || summaries.some((s) => s.pausado),
        artificial: entrada.artificial,
      };
    });
  }

  bloques(entradaId: string | null, limit: number): BloqueSummary[] {
    const { swarm } = this.#nucleus;
    if (entradaId !== null && !swarm.entradas.has(entradaId)) throw this.#noBloque(entradaId);
    const list: BloqueSummary[] = [];
    for (const entrada of swarm.entradas.values()) {
      if (entradaId !== null && entrada.id !== entradaId) continue;
      for (const bloque of entrada.bloques) list.push(this.#summary(entrada, bloque));
    }
    return list.toSorted((a, b) => a.fitness - b.fitness).slice(0, limit);
  }

  bloque(id: string): BloqueSummary | null {
    const { swarm } = this.#nucleus;
    const bloque = swarm.bloque(id);
    return bloque === null ? null : this.#summary(swarm.entradas.get(bloque.entrada)!, bloque);
  }

  top(limit: number): EntidadSummary[] {
    const best: { place: Place; rank: number }[] = [];
    let floor = -Infinity;
    for (const entrada of this.#nucleus.swarm.entradas.values()) {
      if (entrada.artificial) continue;
      for (const bloque of entrada.bloques) {
        const { ocupado, valor, episodio } = bloque.memory.core;
        for (let slot = 0; slot < bloque.used; slot++) {
          if (ocupado[slot] !== OCUPADO.ligado) continue;
          const rank = valor[slot]! + (episodio[slot] === EPISODIO.abierto ? 1e6 : 0);
          if (rank <= floor && best.length >= limit) continue;
          best.push({ place: { entrada, bloque, slot }, rank });
          if (best.length >= limit * 4) {
            best.sort((a, b) => b.rank - a.rank);
            best.length = limit;
            floor = best[limit - 1]!.rank;
          }
        }
      }
    }
    best.sort((a, b) => b.rank - a.rank);
    return best.slice(0, limit).map(({ place }) => this.#entidad(place));
  }

  entidades(pattern: string, bloqueRef: string | null, limit: number): EntidadSummary[] {
    return this.places(pattern, bloqueRef, limit)
      .map((place) => this.#entidad(place))
      .toSorted((a, b) => (a.clave < b.clave ? -1 : a.clave > b.clave ? 1 : 0));
  }

  /** Where the claves that match stand, in no order. */
  places(pattern: string, bloqueRef: string | null, limit: number): Place[] {
    const glob = compileGlob(pattern);
    const list: Place[] = [];
    for (const entrada of this.#nucleus.swarm.entradas.values()) {
      if (bloqueRef !== null && bloqueRef !== entrada.id && !bloqueRef.startsWith(`${entrada.id}/`)) continue;
      visitMatches(entrada.claves, glob, (loc) => {
        const bloque = entrada.bloques[bloqueOfLoc(loc)]!;
        if (bloqueRef === null || bloqueRef === entrada.id || bloqueRef === bloque.id) {
          list.push({ entrada, bloque, slot: slotOfLoc(loc) });
        }
        return list.length < limit;
      });
      if (list.length >= limit) break;
    }
    return list;
  }

  entidad(ref: string): EntidadDetail {
    const place = this.find(ref);
    const { bloque, slot, entrada } = place;
    const estado: Record<string, number> = {};
    for (const column of bloque.memory.estado) estado[column.name] = column.data[slot]!;
    return {
      ...this.#entidad(place),
      procesador: entrada.procesador.procesador.nombre,
      generacion: bloque.memory.core.generacion[slot]!,
      cuarentena: bloque.isQuarantined(slot),
      estado,
    };
  }

  /** `<entry>:<clave>`, a clave, or `<bloque>/<n>`. */
  find(ref: string): Place {
    const { swarm } = this.#nucleus;
    const colon = ref.indexOf(':');
    const named = colon > 0 ? swarm.entradas.get(ref.slice(0, colon)) : undefined;
    if (named !== undefined) {
      const place = this.#byClave(named, ref.slice(colon + 1));
      if (place !== null) return place;
    }
    for (const entrada of swarm.entradas.values()) {
      const place = this.#byClave(entrada, ref);
      if (place !== null) return place;
    }
    const slash = ref.lastIndexOf('/');
    const birth = slash > 0 ? swarm.bloque(ref.slice(0, slash)) : null;
    const place = birth === null ? null : this.#byNumber(birth, Number(ref.slice(slash + 1)));
    if (place !== null) return place;
    const near = this.entidades(`*${ref.slice(0, 24)}*`, null, 3).map((entidad) => entidad.clave);
    const hint = near.length > 0 ? `Near: ${near.join(', ')}.` : 'List claves with: corec entidades "*".';
    throw new CoreCError('COREC_E_NOT_FOUND', { what: 'entidad', found: ref, hint });
  }

  async history(ref: string, desdeMs: number | null, limit: number): Promise<EntidadHistory> {
    const place = this.find(ref);
    const { bloque, slot } = place;
    const { core } = bloque.memory;
    const numero = core.numero[slot]!;
    const points: HistoryPoint[] = [];
    let more = false;
    // where it lived before it moved, older lecturas of it are stored
    for (const id of [bloque.id, ...(place.entrada.before.get(bloque.options.indice) ?? [])]) {
      if (points.length >= limit) more = true;
      else if (await this.#visitStored(id, numero, desdeMs, limit, points)) more = true;
    }
    const newest = points.reduce((max, point) => Math.max(max, point.tsMs), 0);
    if (core.ocupado[slot] !== OCUPADO.libre && core.tsMs[slot]! > newest) {
      points.push({ tsMs: core.tsMs[slot]!, lectura: core.lectura[slot]!, valor: core.valor[slot]! });
    }
    points.sort((a, b) => a.tsMs - b.tsMs);
    const clave = this.#claveOf(place);
    const alertas = await this.alertas({ clave, limit: 1000, orden: 'tiempo' });
    return {
      points: points.slice(-limit),
      alertas: alertas.filter((alerta) => alerta.clave === clave),
      more: more || points.length > limit,
    };
  }

  /** Adds the stored lecturas of one entidad in one bloque, newest rows first, until there are `limit`; true: there are more. */
  async #visitStored(
    bloque: string,
    numero: number,
    desdeMs: number | null,
    limit: number,
    points: HistoryPoint[],
  ): Promise<boolean> {
    const { store } = this.#nucleus.deps;
    /** Time of the oldest row seen, in seconds as it is stored: of rows a millisecond apart no rounded one tells which come before it. */
    let seenS = Infinity;
    for (;;) {
      const rows = await store.queryBloques({
        bloque,
        limit: HISTORY_PAGE,
        conMensajes: true,
        ...(seenS === Infinity ? {} : { hastaMs: Math.ceil(seenS * 1000) + 1 }),
      });
      const before = seenS;
      for (const row of rows) {
        if (row.timestampS >= before) continue;
        seenS = row.timestampS;
        if (row.mensajes === null || row.codec === null) continue;
        this.#visitRow(row.codec, row.mensajes, numero, (tsMs, lectura, valor) => {
          if (desdeMs === null || tsMs >= desdeMs) points.push({ tsMs, lectura, valor });
        });
      }
      const isLast = rows.length < HISTORY_PAGE || seenS >= before;
      if (isLast || points.length >= limit) return !isLast;
    }
  }

  async alertas(query: AlertaQuery): Promise<AlertaView[]> {
    const { hub, deps, swarm } = this.#nucleus;
    const merged = new Map<string, StoredAlerta>();
    const matches = alertaFilter(query);
    // while the store looks, an epoch may get in: its rows are then neither in what it saw nor unsaved any more
    const before = [...hub.unsaved()];
    // of those that the store has as open, some have closed since: others are to come in their place
    const gone = query.abiertas === true ? before.filter((row) => row.cerradaMs !== null).length : 0;
    const stored = await deps.store.queryAlertas({ ...query, limit: query.limit + gone });
    for (const row of stored) merged.set(row.id, row);
    const known = (row: AlertaRow): StoredAlerta => {
      const stored = merged.get(row.id);
      return { ...row, reconocidaMs: stored?.reconocidaMs ?? null, reconocidaPor: stored?.reconocidaPor ?? null };
    };
    for (const row of before) {
      const stored = merged.get(row.id);
      if (matches(row) && (stored === undefined || isLater(row, stored))) merged.set(row.id, known(row));
    }
    for (const row of hub.unsaved()) {
      if (matches(row)) merged.set(row.id, known(row));
      else merged.delete(row.id);
    }
    // rows of open episodios grow without a change that is told: what is live is newer than what is stored
    for (const bloque of swarm.bloques) {
      for (const book of [bloque.episodios, bloque.avisos]) {
        if (book.openCount === 0) continue;
        for (const open of book.open) {
          const stored = merged.get(open.id);
          if (stored === undefined) continue;
          merged.set(open.id, {
            ...stored,
            actualizadaMs: open.actualizadaMs,
            valor: open.valor,
            lectura: open.lectura,
            lecturas: open.lecturas,
          });
        }
      }
    }
    const nowMs = this.#nucleus.clock.nowMs();
    const timeOf = alertaTime(query);
    const byId = (a: StoredAlerta, b: StoredAlerta): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
    const order =
      query.orden === 'valor'
        ? (a: StoredAlerta, b: StoredAlerta) => b.valor - a.valor || b.abiertaMs - a.abiertaMs
        : (a: StoredAlerta, b: StoredAlerta) => timeOf(b) - timeOf(a) || byId(a, b);
    return [...merged.values()]
      .filter(matches)
      .toSorted(order)
      .slice(0, query.limit)
      .map((row) => ({
        ...row,
        texto: reasonText(deps.idioma, row),
        silenciada: deps.noticeGate.isSilenced(row.clave, row.bloque, nowMs),
      }));
  }

  /** The stored lecturas of one entidad; whole columns are read without making an object for each of the others. */
  #visitRow(
    codec: string,
    bytes: Uint8Array,
    numero: number,
    visit: (tsMs: number, lectura: number, valor: number) => void,
  ): void {
    const { compressor } = this.#nucleus.deps;
    if (codec !== 'columnas+zstd3') {
      for (const mensaje of decodeMensajes(codec, bytes, compressor)) {
        if (mensaje.id === numero && mensaje.lectura !== null) visit(mensaje.ts, mensaje.lectura, mensaje.valor);
      }
      return;
    }
    decodeColumnas(
      bytes,
      compressor,
      (frame) => {
        for (let k = 0; k < frame.length; k++) {
          if (frame.numero[k] === numero) visit(frame.tsMs[k]!, frame.lectura[k]!, frame.valor[k]!);
        }
      },
      'mensajes',
    );
  }

  /** The entidad that was born as the n-th of a bloque, wherever it stands now. */
  #byNumber(birth: BloqueSimbiotico, n: number): Place | null {
    if (!Number.isInteger(n) || n < 0) return null;
    const { swarm } = this.#nucleus;
    const { numeroBase, slots } = birth.options;
    const placeOf = (bloque: BloqueSimbiotico, slot: number): Place => ({
      entrada: swarm.entradas.get(bloque.entrada)!,
      bloque,
      slot,
    });
    const wanted = numeroBase + n;
    if (n >= slots || n >= birth.slots || birth.memory.core.numero[n] !== wanted) {
      for (const bloque of n < slots ? [birth, ...swarm.bloques] : []) {
        const slot = bloque.memory.core.numero.subarray(0, bloque.slots).indexOf(wanted);
        if (slot >= 0) return placeOf(bloque, slot);
      }
      // after a change of configuration its number is of a bloque that is gone
      const isHere = n < birth.slots && swarm.nacimiento(birth.memory.core.numero[n]!) === null;
      return isHere && birth.memory.core.numero[n] !== 0 ? placeOf(birth, n) : null;
    }
    return placeOf(birth, n);
  }

  /** `<birth bloque>/<n>`; of one whose birth bloque is gone, where it stands. */
  #idOf({ bloque, slot }: Place): string {
    const born = this.#nucleus.swarm.nacimiento(bloque.memory.core.numero[slot]!);
    return born === null ? `${bloque.id}/${slot}` : `${born.bloque.id}/${born.n}`;
  }

  #byClave(entrada: Entrada, clave: string): Place | null {
    const loc = entrada.claves.lookupText(clave);
    if (loc === UNKNOWN_LOC) return null;
    return { entrada, bloque: entrada.bloques[bloqueOfLoc(loc)]!, slot: slotOfLoc(loc) };
  }

  #claveOf({ entrada, bloque, slot }: Place): string {
    return entrada.claves.claveText(makeLoc(bloque.options.indice, slot)) ?? '';
  }

  #entidad(place: Place): EntidadSummary {
    const { bloque, slot } = place;
    const { core } = bloque.memory;
    return {
      id: this.#idOf(place),
      numero: core.numero[slot]!,
      clave: this.#claveOf(place),
      bloque: bloque.id,
      canal: bloque.canal,
      activo: core.activo[slot] === 1,
      valor: core.valor[slot]!,
      lectura: core.lectura[slot]!,
      tsMs: core.tsMs[slot]!,
      alerta:
        core.episodio[slot] === EPISODIO.abierto
          ? 'abierta'
          : core.episodio[slot] === EPISODIO.enfria
            ? 'enfria'
            : 'ninguna',
    };
  }

  #summary(entrada: Entrada, bloque: BloqueSimbiotico): BloqueSummary {
    return {
      id: bloque.id,
      entrada: entrada.id,
      canal: bloque.canal,
      procesador: entrada.procesador.procesador.nombre,
      entidades: bloque.entidades,
      ligadas: bloque.bound,
      activas: bloque.activos,
      cuarentena: bloque.quarantined,
      fitness: bloque.fitness,
      carga: bloque.carga,
      umbral: bloque.umbral,
      fallos: bloque.fallosTotal,
      repairs: bloque.repairsTotal,
      missed: bloque.missedTotal,
      inbox: bloque.inbox.size,
      alertasAbiertas: bloque.episodios.openCount + bloque.avisos.openCount,
      bytes: bloque.memory.bytes,
      pausado: bloque.pausado,
      artificial: bloque.autonomo,
    };
  }

  #noBloque(found: string): CoreCError {
    const known = [...this.#nucleus.swarm.entradas.keys()].join(', ');
    return new CoreCError('COREC_E_NOT_FOUND', { what: 'bloque', found, hint: `Known: ${known}.` });
  }

  /** Lecturas a second since the last time it was asked, at least a second ago. */
  #lecturasPerS(nowMs: number): number {
    const { lecturas } = this.#nucleus.swarm;
    const elapsed = nowMs - this.#rate.ms;
    if (elapsed >= 1000) {
      this.#rate.perS = this.#rate.ms === 0 ? 0 : ((lecturas - this.#rate.lecturas) / elapsed) * 1000;
      this.#rate.ms = nowMs;
      this.#rate.lecturas = lecturas;
    }
    return this.#rate.perS;
  }
}

function matchesText(glob: Glob, clave: string): boolean {
  const bytes = new TextEncoder().encode(clave);
  return glob.matches(bytes, 0, bytes.length);
}

/** Whether a row is of a later moment of its episodio: it only grows, and ends by closing. */
function isLater(row: AlertaRow, than: AlertaRow): boolean {
  return row.lecturas > than.lecturas || (row.cerradaMs !== null && than.cerradaMs === null);
}

/** The moment that an order by time goes by; NaN, which nothing is before or after, of an open one in the order of ends. */
function alertaTime({ orden }: Pick<AlertaQuery, 'orden'>): (row: AlertaRow) => number {
  return orden === 'cierre' ? (row) => row.cerradaMs ?? NaN : (row) => row.abiertaMs;
}

/** The query as a test of one row; the store's SQL does the same. */
function alertaFilter(query: AlertaQuery): (row: AlertaRow) => boolean {
  const clave = query.clave === undefined ? null : compileGlob(query.clave);
  const timeOf = alertaTime(query);
  const { desdeMs = -Infinity, hastaMs = Infinity, desdeLugar } = query;
  return (row) =>
    (query.id === undefined || row.id.startsWith(query.id)) &&
    (clave === null || matchesText(clave, row.clave)) &&
    (query.bloque === undefined || row.bloque === query.bloque || row.bloque.startsWith(`${query.bloque}/`)) &&
    (query.reglas === undefined || query.reglas.includes(row.regla)) &&
    (query.abiertas === undefined || query.abiertas === (row.cerradaMs === null)) &&
    timeOf(row) >= desdeMs &&
    timeOf(row) < hastaMs &&
    (desdeLugar === undefined ||
      timeOf(row) < desdeLugar.ms ||
      (timeOf(row) === desdeLugar.ms && row.id >= desdeLugar.id));
}
