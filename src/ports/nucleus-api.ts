/**
 * What commands and doors may ask of a running nucleus: plain data in, plain data out.
 *
 * Promises: reading methods never change anything; changing ones resolve when their effect is durable; every fault is a CoreCError.
 * Times are UTC ms. Lists are bounded by the `limit` asked for.
 * Leaves out on purpose: how things are shown (CLI, HTTP, dashboard), and who may call (the command table's roles).
 */
import type { Genoma } from '#domain/evolucion/genoma.ts';
import type { Paso } from '#domain/evolucion/paso.ts';
import type { Movimiento } from '#domain/sincronizacion/numeros.ts';
import type { AlertaQuery, StoredAlerta } from './bloque-store.ts';
import type { AlertaNotice } from './sink.ts';
import type { SourcePosition } from './source.ts';
import type { BusHealth } from './stream-bus.ts';

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export type NucleusFase = 'parado' | 'arrancando' | 'vivo' | 'pausado' | 'deteniendo';

export interface NucleusStatus {
  readonly instance_id: string;
  readonly version: string;
  readonly fase: NucleusFase;
  readonly pid: number;
  readonly uptimeS: number;
  readonly entidades: number;
  /** Bound to a clave. */
  readonly ligadas: number;
  /** Artificial ones (procesador `simulado`). */
  readonly simuladas: number;
  readonly activas: number;
  readonly cuarentena: number;
  readonly bloques: number;
  readonly cycles: number;
  readonly lecturas: number;
  readonly lecturasPerS: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly alertasAbiertas: number;
  readonly alertas: number;
  readonly fallos: number;
  readonly repairs: number;
  readonly restored_entidades: number;
  readonly startMs: number;
  readonly rssMb: number;
  readonly bytesPerEntidad: number;
  readonly sweepMs: Quantiles;
  readonly cycleMs: Quantiles;
  readonly alertLatencyMs: Quantiles;
  readonly epoca: number;
  readonly epocaMs: number;
  readonly epocaAgeS: number;
  readonly journalBytes: number;
  readonly store: {
    readonly ok: boolean;
    readonly found: string;
    readonly bytes: number | null;
    readonly version: string | null;
  };
  /** `version`: of Redis; null for streams in the process. */
  readonly streams: BusHealth;
  /** Why it is not ready; empty when it is. */
  readonly problems: readonly string[];
  readonly sources: readonly SourceStatus[];
}

export interface SourceStatus {
  readonly id: string;
  readonly bloque: string;
  readonly live: boolean;
  readonly replayable: boolean;
  readonly state: 'reading' | 'waiting' | 'ended' | 'failed';
  readonly found: string;
  readonly rows: number;
  readonly lecturas: number;
  readonly refused: number;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly watermarkMs: number;
}

export interface BloqueSummary {
  readonly id: string;
  readonly entrada: string;
  readonly canal: number;
  readonly procesador: string;
  readonly entidades: number;
  readonly ligadas: number;
  readonly activas: number;
  readonly cuarentena: number;
  readonly fitness: number;
  readonly carga: number;
  readonly umbral: number;
  readonly fallos: number;
  readonly repairs: number;
  /** Cycles since the start that had not run when their next was due. */
  readonly missed: number;
  readonly inbox: number;
  readonly alertasAbiertas: number;
  readonly bytes: number;
  readonly pausado: boolean;
  readonly artificial: boolean;
}

/** One configured (or ingested) entry: the sum of its bloques. */
export interface EntradaSummary extends Omit<BloqueSummary, 'entrada' | 'umbral'> {
  readonly bloques: number;
  readonly dinamica: boolean;
}

export interface EntidadSummary {
  /** `<birth bloque>/<n>`. */
  readonly id: string;
  readonly numero: number;
  readonly clave: string;
  readonly bloque: string;
  readonly canal: number;
  readonly activo: boolean;
  readonly valor: number;
  readonly lectura: number;
  readonly tsMs: number;
  readonly alerta: 'ninguna' | 'abierta' | 'enfria';
}

export interface EntidadDetail extends EntidadSummary {
  readonly procesador: string;
  readonly generacion: number;
  readonly cuarentena: boolean;
  /** The procesador's columns by name. */
  readonly estado: Readonly<Record<string, number>>;
}

export interface HistoryPoint {
  readonly tsMs: number;
  readonly lectura: number;
  readonly valor: number;
}

export interface EntidadHistory {
  readonly points: readonly HistoryPoint[];
  readonly alertas: readonly StoredAlerta[];
  /** True when older points exist than were asked for. */
  readonly more: boolean;
}

/** An alerta as doors show it: with its text in the asked language. */
export interface AlertaView extends StoredAlerta {
  readonly texto: string;
  readonly silenciada: boolean;
}

export type TimelineTipo = 'alerta' | 'reparacion' | 'circuito' | 'movimiento' | 'comando' | 'arranque';

/** One thing that happened. */
export interface TimelineEvent {
  /** Names its place among all of them: `antes` takes it. */
  readonly id: string;
  /** Of alerts the time of their lecturas, of everything else the wall clock's. */
  readonly tsMs: number;
  readonly tipo: TimelineTipo;
  /** What happened: `abierta`, `cerrada`, `reparada`, the kind of a movimiento, the name of a command. */
  readonly evento: string;
  /** The bloque, entry or plugin that it happened to (of a movimiento, who gave); empty: CoreC as a whole. */
  readonly bloque: string;
  readonly clave: string;
  /** The alert as it is now; null for what is none. */
  readonly alerta: StoredAlerta | null;
  /** What else there is to it. */
  readonly datos: Readonly<Record<string, string | number | null>>;
}

export interface TimelineQuery {
  /** Only what happened to this bloque or entry; null: to anything. */
  readonly bloque: string | null;
  /** Null: all kinds. */
  readonly tipo: TimelineTipo | null;
  /** Of [desde, hasta). */
  readonly desdeMs: number | null;
  readonly hastaMs: number | null;
  /** Only what stands before this event. */
  readonly antes: string | null;
  readonly limit: number;
}

export interface Timeline {
  /** In the order in which it happened, newest last. */
  readonly eventos: readonly TimelineEvent[];
  /** The `antes` with which what is older follows; null: there is none. */
  readonly antes: string | null;
}

/** A body of readings at a push door. */
export interface LoteInput {
  readonly body: Uint8Array;
  /** Entry to feed; made when unknown and `crear` is set. */
  readonly bloque: string;
  /** The procesador of a new entry; left out or null: detector. */
  readonly procesador?: string | null;
  /** JSON or text form of the mapping; empty: guessed. */
  readonly mapeo: string;
  /** A resend with the same id is acknowledged and acts once. */
  readonly loteId: string | null;
  readonly puerta: string;
}

export interface LoteResult {
  readonly lecturas: number;
  readonly refused: Readonly<Record<string, number>>;
  /** True when this id had been taken before. */
  readonly repetido: boolean;
  readonly seq: number;
  /** True when it is kept in the journal and will act once the store is back: nothing is counted yet. */
  readonly aplazado?: true;
}

/** What supervision keeps from running, and why. */
export interface SupervisionView {
  /** Half of the bloques or more do not run. */
  readonly degradado: boolean;
  /** Suspended until they are reset. */
  readonly plugins: readonly string[];
  readonly circuitos: readonly CircuitoView[];
  readonly cuarentena: readonly { readonly bloque: string; readonly entidades: number; readonly fallo: string }[];
}

export interface CircuitoView {
  readonly bloque: string;
  readonly plugin: string | null;
  readonly estado: 'cerrado' | 'abierto' | 'a_prueba' | 'suspendido';
  readonly aperturas: number;
  /** Ms until it is tried again; null: it runs, or waits for a command. */
  readonly reintentoMs: number | null;
  /** What the last failed run failed with. */
  readonly fallo: string;
}

/** A file or standard input to take in once, as `corec ingest` does. */
export interface IngestInput {
  /** Absolute path, or `-`. */
  readonly ruta: string;
  readonly bloque: string;
  readonly procesador: string | null;
  readonly mapeo: string;
  readonly seguir: boolean;
  /** False: begin at the start even when an earlier ingest of this file stopped half-way. */
  readonly resume: boolean;
}

export interface IngestProgress {
  readonly id: string;
  readonly state: 'reading' | 'draining' | 'saving' | 'done' | 'failed';
  readonly found: string;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly rows: number;
  readonly lecturas: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly claves: number;
  readonly alertas: number;
  readonly elapsedMs: number;
  /** Where refused rows are kept; null when there are none. */
  readonly refusedFile: string | null;
  /** The position that this ingest continued from; null: from the start. */
  readonly resumedFrom: SourcePosition | null;
}

/** A redirection, merge or split that is asked for. */
export interface MoverInput {
  readonly tipo: 'redirigir' | 'fusionar' | 'dividir';
  /** Bloque or entry that gives; null: any. */
  readonly de: string | null;
  /** Bloque or entry that takes; null: any. */
  readonly a: string | null;
  /** Of a redirection from one bloque to another: so many, thresholds aside. 0: as planned. */
  readonly entidades: number;
  /** True: tell the plan, do nothing. */
  readonly seco: boolean;
}

export interface MoverResult {
  readonly movimientos: readonly Movimiento[];
  readonly seco: boolean;
}

/** By what an entry judges, and why. */
export interface EvolucionView {
  readonly entrada: string;
  readonly procesador: string;
  /** As configured. */
  readonly procesadorBase: string;
  /** True: nothing changes it but a hand. */
  readonly fijado: boolean;
  readonly parametros: readonly EvolucionParametro[];
  /** Rounds so far, and lecturas held back for the next. */
  readonly ensayos: number;
  readonly lecturas: number;
  readonly bytes: number;
  readonly semilla: number;
  /** Who has won a round and is tried again; who was in use before and may come back. */
  readonly retador: Genoma | null;
  readonly anterior: Genoma | null;
  /** F1 on planted oddities in the last round. */
  readonly aptitud: number | null;
  /** Oldest first. */
  readonly pasos: readonly Paso[];
}

export interface EvolucionParametro {
  readonly nombre: string;
  readonly valor: number | string;
  readonly configurado: number | string | null;
  /** Bounds of a number, words of an option. */
  readonly min: number | null;
  readonly max: number | null;
  readonly opciones: readonly string[];
  /** Where the value comes from; null: from the configuration. */
  readonly origen: Paso | null;
}

export interface EvolucionResult {
  readonly entrada: string;
  readonly procesador: string;
  readonly valores: Readonly<Record<string, number | string>>;
  readonly fijado: boolean;
}

export interface DoctorFinding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do; empty when ok. */
  readonly mend: string;
}

export interface NucleusApi {
  /** What of `status` says whether it does its work; asked for again and again by whoever watches over it, and cheap. */
  readiness(): Promise<Pick<NucleusStatus, 'fase' | 'problems'>>;
  status(): Promise<NucleusStatus>;
  entradas(): readonly EntradaSummary[];
  /** Bloques of an entry, or all; worst fitness first. */
  bloques(entrada: string | null, limit: number): readonly BloqueSummary[];
  bloque(id: string): BloqueSummary | null;
  /** Worst things now: highest valor of bound entidades, open alerts first. */
  top(limit: number): readonly EntidadSummary[];
  /** Bound entidades whose clave matches the glob (`*`, `?`), by clave. */
  entidades(glob: string, bloque: string | null, limit: number): readonly EntidadSummary[];
  /** By clave, `<entry>:<clave>` or entidad id. Errors: COREC_E_NOT_FOUND, with the nearest claves as hint. */
  entidad(ref: string): EntidadDetail;
  history(ref: string, desdeMs: number | null, limit: number): Promise<EntidadHistory>;
  alertas(query: AlertaQuery): Promise<readonly AlertaView[]>;
  /** What happened, of all that is stored and of what the next epoch will store. Errors: COREC_E_ARGUMENT. */
  timeline(query: TimelineQuery): Promise<Timeline>;
  /** Calls back for every alert as it is told; the returned function ends it. */
  onAlerta(listener: (notice: AlertaNotice) => void): () => void;
  // of commands that change something: `comandoId` names one for good (a second call gives the first answer), `puerta` is the door for the record
  reconocer(alertaId: string, por: string, comandoId: string, puerta?: string): Promise<AlertaView>;
  silenciar(
    glob: string,
    bloque: string | null,
    hastaMs: number,
    por: string,
    comandoId: string,
    puerta?: string,
  ): Promise<{ readonly hastaMs: number; readonly claves: number }>;
  /** Null: everything. */
  pausar(bloque: string | null, comandoId: string, puerta?: string): Promise<{ readonly bloques: number }>;
  reanudar(bloque: string | null, comandoId: string, puerta?: string): Promise<{ readonly bloques: number }>;
  /** What is kept from running: circuits, suspended plugins, quarantine. */
  supervision(): SupervisionView;
  /**
   * A bloque, an entry, a plugin, or null for everything: circuits close, suspensions end, and what is in quarantine starts fresh.
   * @throws CoreCError COREC_E_NOT_FOUND
   */
  restablecer(
    objetivo: string | null,
    comandoId: string,
    puerta?: string,
  ): Promise<{ readonly circuitos: number; readonly entidades: number }>;
  olvidar(
    clave: string,
    bloque: string | null,
    comandoId: string,
    puerta?: string,
  ): Promise<{ readonly entidades: number }>;
  /** Of a bloque's entry, an entry, or all that may evolve. Errors: COREC_E_NOT_FOUND. */
  evolucion(ref: string | null): readonly EvolucionView[];
  /** Back to what was in use before (`anterior`) or to the configuration, and pinned there. Errors: COREC_E_NOT_FOUND, COREC_E_BUSY. */
  evolucionVolver(
    entrada: string,
    a: 'anterior' | 'configurado',
    por: string,
    comandoId: string,
    puerta?: string,
  ): Promise<EvolucionResult>;
  /** Pins what is in use, or lets it evolve again. Errors: COREC_E_NOT_FOUND, COREC_E_BUSY. */
  evolucionFijar(
    entrada: string,
    fijado: boolean,
    por: string,
    comandoId: string,
    puerta?: string,
  ): Promise<EvolucionResult>;
  /** Redirects, merges or splits; durable when it resolves. Errors: COREC_E_NOT_FOUND, COREC_E_MOVE. */
  mover(input: MoverInput, comandoId: string, puerta?: string): Promise<MoverResult>;
  /** Durable when it resolves. Errors: COREC_E_INBOX_FULL (429), COREC_E_BODY, COREC_E_MAPPING, COREC_E_NOT_FOUND. */
  takeLote(lote: LoteInput): Promise<LoteResult>;
  /** Starts an ingest and reports until it is done; the generator's end is the end. */
  ingest(input: IngestInput, signal: AbortSignal): AsyncGenerator<IngestProgress, IngestProgress>;
  doctor(): Promise<readonly DoctorFinding[]>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  detener(): Promise<void>;
}
