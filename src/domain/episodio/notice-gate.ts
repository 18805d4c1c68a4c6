/**
 * How much of what happens people are told: never more in a minute than they asked for, nothing that they silenced.
 *
 * Owns the cap per minute with its summary, the pace of updates, and silences. Leaves storing to epochs (everything is stored,
 * whatever is told), wording to texts/, sending to sinks.
 *
 *   abierta      told while the minute has room, else counted; an episodio of which nothing was told is *untold*
 *   actualizada  of a told episodio: told at most once per `actualizadaMs`; of an untold one: the first word of it, when there is room
 *   cerrada      of a told episodio: told, if need be in a later minute, since somebody waits for it; of an untold one: never
 *   resumen      after a minute in which something was counted: how many, and the worst of them
 *
 * G1 In one minute at most `maxPorMinuto` notices pass, and one summary besides.
 * G2 Every opening is told or counted in a summary, or was silenced.
 * G3 Nothing here is stored: after a restart an episodio is taken for told.
 */
import { compileGlob, type Glob } from '../claves/glob.ts';
import type { Idioma } from '../errors.ts';
import { text } from '../texts/text.ts';
import type { EpisodioEvento } from './episodio.ts';

/** What the gate knows of an episodio; the rows of the store are such. */
export interface GateAlerta {
  readonly id: string;
  readonly bloque: string;
  readonly canal: number;
  readonly clave: string;
  readonly regla: string;
  readonly abiertaMs: number;
  readonly actualizadaMs: number;
  readonly cerradaMs: number | null;
  readonly valor: number;
  readonly lectura: number | null;
  readonly esperadoMin: number | null;
  readonly esperadoMax: number | null;
  readonly razon: Readonly<Record<string, string | number | null>>;
  readonly lecturas: number;
}

export interface GateNotice {
  readonly evento: EpisodioEvento | 'resumen';
  readonly instanceId: string;
  readonly alerta: GateAlerta;
  readonly texto: string;
  readonly omitidas: number;
}

/** Claves by glob, in one bloque or entry (also a glob) or in all, until a time: the last word on that glob and bloque. */
export interface SilenceRule {
  readonly glob: string;
  readonly bloque: string | null;
  readonly hastaMs: number;
}

export interface NoticeGateOptions {
  readonly maxPorMinuto: number;
  readonly instanceId: string;
  /** Of the summaries. */
  readonly idioma?: Idioma;
  /** Least time between two updates of one episodio. */
  readonly actualizadaMs?: number;
}

interface Silence {
  /** What it was said of. */
  readonly rule: SilenceRule;
  readonly claves: Glob;
  readonly bloques: Glob | null;
  readonly hastaMs: number;
}

interface Omitted {
  abierta: number;
  actualizada: number;
  cerrada: number;
  worst: GateAlerta | null;
}

const MINUTE_MS = 60_000;
const ACTUALIZADA_MS_DEFAULT = 60_000;
/** The canal of alerts and commands (section 2.5 of the specification). */
const CANAL_ALERTAS = 4;
/** Closings that wait for room; further ones are counted. */
const LATE_MAX = 1024;
/** Silences that hold at once; over it the one that would end first gives way. */
export const SILENCES_MAX = 1024;
/** Open episodios remembered, told and untold each: at some 100 bytes 6 MB at most. Older ones are forgotten, that is taken for told. */
const EPISODIOS_MAX = 65_536;

const encoder = new TextEncoder();

export class NoticeGate {
  readonly #options: Required<NoticeGateOptions>;
  /** Wall time at which the minute under way began. */
  #minuteMs = -Infinity;
  #told = 0;
  #omitted: Omitted = noneOmitted();
  /** When something was last told of an open episodio, by id. */
  readonly #toldMs = new Map<string, number>();
  readonly #untold = new Set<string>();
  #late: GateNotice[] = [];
  #silences: Silence[] = [];

  constructor(options: NoticeGateOptions) {
    this.#options = { idioma: 'en', actualizadaMs: ACTUALIZADA_MS_DEFAULT, ...options };
  }

  /** What is to be told now, in this order: what had become due, and the notice itself if it passes. */
  pass(notice: GateNotice, nowMs: number): readonly GateNotice[] {
    const told = this.due(nowMs);
    const passed = this.#judge(notice, nowMs);
    return passed ? [...told, notice] : told;
  }

  /** The summary of a minute that is over, and closings that found no room before. Cheap: call it every second. */
  due(nowMs: number): readonly GateNotice[] {
    const passedMs = nowMs - this.#minuteMs;
    // Less than zero: the wall clock stepped back, and waiting for it to come here again could take hours.
    if (passedMs >= 0 && passedMs < MINUTE_MS) return [];
    const due = this.#summary();
    this.#minuteMs = nowMs;
    // Half of the minute is kept for what is new.
    const late = this.#late.splice(0, Math.ceil(this.#options.maxPorMinuto / 2));
    this.#told = late.length;
    due.push(...late);
    return due;
  }

  silence(rule: SilenceRule): void {
    const bloques = rule.bloque === null ? null : compileGlob(rule.bloque);
    this.#silences = this.#silences.filter(
      (known) => known.rule.glob !== rule.glob || known.rule.bloque !== rule.bloque,
    );
    this.#silences.push({ rule, claves: compileGlob(rule.glob), bloques, hastaMs: rule.hastaMs });
    if (this.#silences.length <= SILENCES_MAX) return;
    // The one that would end first gives way.
    this.#silences.sort((a, b) => a.hastaMs - b.hastaMs).shift();
  }

  isSilenced(clave: string, bloque: string, nowMs: number): boolean {
    if (this.#silences.length === 0) return false;
    this.#silences = this.#silences.filter(({ hastaMs }) => hastaMs > nowMs);
    return this.#silences.some(({ claves, bloques }) => {
      if (!matches(claves, clave)) return false;
      if (bloques === null || matches(bloques, bloque)) return true;
      // `sensores` means all of `sensores/0`, `sensores/1` ...
      const slash = bloque.indexOf('/');
      return slash > 0 && matches(bloques, bloque.slice(0, slash));
    });
  }

  #judge(notice: GateNotice, nowMs: number): boolean {
    const { evento, alerta } = notice;
    const { id } = alerta;
    switch (evento) {
      case 'resumen':
        // Made here, never judged here.
        return true;
      case 'abierta':
        if (this.isSilenced(alerta.clave, alerta.bloque, nowMs)) {
          remember(this.#untold, id);
          return false;
        }
        if (this.#takeRoom()) {
          this.#remindTold(id, nowMs);
          return true;
        }
        remember(this.#untold, id);
        this.#omit(notice);
        return false;
      case 'actualizada': {
        if (this.isSilenced(alerta.clave, alerta.bloque, nowMs)) return false;
        const lastMs = this.#toldMs.get(id);
        const isTooSoon = lastMs !== undefined && nowMs >= lastMs && nowMs - lastMs < this.#options.actualizadaMs;
        if (!this.#untold.has(id) && isTooSoon) return false;
        if (this.#takeRoom()) {
          this.#untold.delete(id);
          this.#remindTold(id, nowMs);
          return true;
        }
        this.#omit(notice);
        return false;
      }
      case 'cerrada':
        this.#toldMs.delete(id);
        if (this.#untold.delete(id)) return false;
        if (this.isSilenced(alerta.clave, alerta.bloque, nowMs)) return false;
        if (this.#late.length === 0 && this.#takeRoom()) return true;
        if (this.#options.maxPorMinuto > 0 && this.#late.length < LATE_MAX) this.#late.push(notice);
        else this.#omit(notice);
        return false;
    }
  }

  #takeRoom(): boolean {
    if (this.#told >= this.#options.maxPorMinuto) return false;
    this.#told += 1;
    return true;
  }

  #remindTold(id: string, nowMs: number): void {
    this.#toldMs.delete(id);
    this.#toldMs.set(id, nowMs);
    if (this.#toldMs.size > EPISODIOS_MAX) this.#toldMs.delete(this.#toldMs.keys().next().value!);
  }

  #omit({ evento, alerta }: GateNotice): void {
    if (evento === 'resumen') return;
    this.#omitted[evento] += 1;
    if (this.#omitted.worst === null || alerta.valor > this.#omitted.worst.valor) this.#omitted.worst = alerta;
  }

  #summary(): GateNotice[] {
    const { abierta, actualizada, cerrada, worst } = this.#omitted;
    const omitidas = abierta + actualizada + cerrada;
    if (omitidas === 0 || worst === null) return [];
    this.#omitted = noneOmitted();
    const { instanceId, idioma, maxPorMinuto } = this.#options;
    const endMs = this.#minuteMs + MINUTE_MS;
    const alerta: GateAlerta = {
      id: `${instanceId}/resumen/${this.#minuteMs}`,
      bloque: '',
      canal: CANAL_ALERTAS,
      clave: '',
      regla: 'resumen',
      abiertaMs: this.#minuteMs,
      actualizadaMs: endMs,
      cerradaMs: endMs,
      valor: worst.valor,
      lectura: null,
      esperadoMin: null,
      esperadoMax: null,
      razon: {
        codigo: 'resumen',
        maximo: maxPorMinuto,
        abiertas: abierta,
        actualizadas: actualizada,
        cerradas: cerrada,
        peorBloque: worst.bloque,
        peorClave: worst.clave,
      },
      lecturas: 0,
    };
    const texto = text(idioma, 'alert.summary', { omitidas, maximo: maxPorMinuto });
    return [{ evento: 'resumen', instanceId, alerta, texto, omitidas }];
  }
}

function noneOmitted(): Omitted {
  return { abierta: 0, actualizada: 0, cerrada: 0, worst: null };
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size > EPISODIOS_MAX) ids.delete(ids.values().next().value!);
}

function matches(glob: Glob, name: string): boolean {
  const bytes = encoder.encode(name);
  return glob.matches(bytes, 0, bytes.length);
}
