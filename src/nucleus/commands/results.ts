/**
 * What commands answer, as schemas: the shapes of ports/nucleus-api.ts, strict, so that a door's documentation and a test can hold
 * the nucleus to them. Times are UTC ms.
 */
import { z } from 'zod';
import type { Paso } from '#domain/evolucion/paso.ts';
import type { StoredAlerta } from '#ports/bloque-store.ts';
import type {
  AlertaView,
  BloqueSummary,
  DoctorFinding,
  EntidadDetail,
  EntidadSummary,
  EntradaSummary,
  EvolucionResult,
  EvolucionView,
  HistoryPoint,
  IngestProgress,
  MoverResult,
  NucleusApi,
  NucleusStatus,
  SupervisionView,
  Timeline,
  TimelineEvent,
} from '#ports/nucleus-api.ts';

const count = z.int().min(0);
const quantiles = z.strictObject({ p50: z.number(), p99: z.number(), max: z.number() });
const refused = z.record(z.string(), count);

const sourceStatus = z.strictObject({
  id: z.string(),
  bloque: z.string(),
  live: z.boolean(),
  replayable: z.boolean(),
  state: z.enum(['reading', 'waiting', 'ended', 'failed']),
  found: z.string(),
  rows: count,
  lecturas: count,
  refused: count,
  bytesDone: count,
  bytesTotal: count.nullable(),
  watermarkMs: z.number(),
});

export const statusResult: z.ZodType<NucleusStatus> = z.strictObject({
  instance_id: z.string(),
  version: z.string(),
  fase: z.enum(['parado', 'arrancando', 'vivo', 'pausado', 'deteniendo']),
  pid: count,
  uptimeS: z.number(),
  entidades: count,
  ligadas: count,
  simuladas: count,
  activas: count,
  cuarentena: count,
  bloques: count,
  cycles: count,
  lecturas: count,
  lecturasPerS: z.number(),
  refused,
  alertasAbiertas: count,
  alertas: count,
  fallos: count,
  repairs: count,
  restored_entidades: count,
  startMs: z.number(),
  rssMb: z.number(),
  bytesPerEntidad: z.number(),
  sweepMs: quantiles,
  cycleMs: quantiles,
  alertLatencyMs: quantiles,
  epoca: count,
  epocaMs: z.number(),
  epocaAgeS: z.number(),
  journalBytes: count,
  store: z.strictObject({
    ok: z.boolean(),
    found: z.string(),
    bytes: count.nullable(),
    version: z.string().nullable(),
  }),
  streams: z.strictObject({ ok: z.boolean(), found: z.string(), version: z.string().nullable() }),
  problems: z.array(z.string()),
  sources: z.array(sourceStatus),
});

const bloqueShape = {
  id: z.string(),
  canal: z.int(),
  procesador: z.string(),
  entidades: count,
  ligadas: count,
  activas: count,
  cuarentena: count,
  fitness: z.number(),
  carga: z.number(),
  fallos: count,
  repairs: count,
  missed: count,
  inbox: count,
  alertasAbiertas: count,
  bytes: count,
  pausado: z.boolean(),
  artificial: z.boolean(),
};
const bloque: z.ZodType<BloqueSummary> = z.strictObject({ ...bloqueShape, entrada: z.string(), umbral: z.number() });
const entrada: z.ZodType<EntradaSummary> = z.strictObject({ ...bloqueShape, bloques: count, dinamica: z.boolean() });

const entidadShape = {
  id: z.string(),
  numero: count,
  clave: z.string(),
  bloque: z.string(),
  canal: z.int(),
  activo: z.boolean(),
  valor: z.number(),
  lectura: z.number(),
  tsMs: z.number(),
  alerta: z.enum(['ninguna', 'abierta', 'enfria']),
};
const entidad: z.ZodType<EntidadSummary> = z.strictObject(entidadShape);
const entidadDetail: z.ZodType<EntidadDetail> = z.strictObject({
  ...entidadShape,
  procesador: z.string(),
  generacion: count,
  cuarentena: z.boolean(),
  estado: z.record(z.string(), z.number()),
});
const historyPoint: z.ZodType<HistoryPoint> = z.strictObject({
  tsMs: z.number(),
  lectura: z.number(),
  valor: z.number(),
});

const alertaShape = {
  id: z.string(),
  bloque: z.string(),
  canal: z.int(),
  clave: z.string(),
  regla: z.string(),
  abiertaMs: z.number(),
  actualizadaMs: z.number(),
  cerradaMs: z.number().nullable(),
  valor: z.number(),
  lectura: z.number().nullable(),
  esperadoMin: z.number().nullable(),
  esperadoMax: z.number().nullable(),
  razon: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  lecturas: count,
  reconocidaMs: z.number().nullable(),
  reconocidaPor: z.string().nullable(),
  /** The reason in words, in the caller's language. */
  texto: z.string(),
};
/** An alerta of the past with its words; whether it is silenced now does not matter there. */
export type ToldAlerta = StoredAlerta & { readonly texto: string };
const toldAlerta: z.ZodType<ToldAlerta> = z.strictObject(alertaShape);
const alertaView: z.ZodType<AlertaView> = z.strictObject({ ...alertaShape, silenciada: z.boolean() });
export const ackResult: z.ZodType<AlertaView> = alertaView;

export interface TopResult {
  readonly atMs: number;
  readonly entidades: readonly EntidadSummary[];
}
export const topResult: z.ZodType<TopResult> = z.strictObject({ atMs: z.number(), entidades: z.array(entidad) });

export interface BloquesResult {
  readonly entradas: readonly EntradaSummary[];
  readonly bloques: readonly BloqueSummary[];
  /** True when there are more bloques than `limit`. */
  readonly more: boolean;
}
export const bloquesResult: z.ZodType<BloquesResult> = z.strictObject({
  entradas: z.array(entrada),
  bloques: z.array(bloque),
  more: z.boolean(),
});

export interface BloqueResult {
  readonly bloque: BloqueSummary;
  readonly alertas: readonly AlertaView[];
  readonly entidades: readonly EntidadSummary[];
  /** True when it has more bound entidades than `limit`. */
  readonly more: boolean;
}
export const bloqueResult: z.ZodType<BloqueResult> = z.strictObject({
  bloque,
  alertas: z.array(alertaView),
  entidades: z.array(entidad),
  more: z.boolean(),
});

export interface EntidadesResult {
  readonly entidades: readonly EntidadSummary[];
  readonly more: boolean;
}
export const entidadesResult: z.ZodType<EntidadesResult> = z.strictObject({
  entidades: z.array(entidad),
  more: z.boolean(),
});

export interface EntidadResult {
  readonly entidad: EntidadDetail;
  /** What it has learned to be usual; null for a procesador that learns no range, or has seen too little. */
  readonly esperado: { readonly min: number; readonly max: number } | null;
  readonly history: {
    readonly points: readonly HistoryPoint[];
    readonly alertas: readonly ToldAlerta[];
    readonly more: boolean;
  };
}
export const entidadResult: z.ZodType<EntidadResult> = z.strictObject({
  entidad: entidadDetail,
  esperado: z.strictObject({ min: z.number(), max: z.number() }).nullable(),
  history: z.strictObject({ points: z.array(historyPoint), alertas: z.array(toldAlerta), more: z.boolean() }),
});

export interface AlertsResult {
  readonly alertas: readonly AlertaView[];
  readonly more: boolean;
}
export const alertsResult: z.ZodType<AlertsResult> = z.strictObject({
  alertas: z.array(alertaView),
  more: z.boolean(),
});

/** An event with its words. */
export type ToldEvent = TimelineEvent & { readonly texto: string };
export interface HistoryResult extends Omit<Timeline, 'eventos'> {
  readonly eventos: readonly ToldEvent[];
}
const { texto: _words, ...storedAlertaShape } = alertaShape;
export const historyResult: z.ZodType<HistoryResult> = z.strictObject({
  eventos: z.array(
    z.strictObject({
      id: z.string(),
      tsMs: z.number(),
      tipo: z.enum(['alerta', 'reparacion', 'circuito', 'movimiento', 'comando', 'arranque']),
      evento: z.string(),
      bloque: z.string(),
      clave: z.string(),
      alerta: z.object(storedAlertaShape).nullable(),
      datos: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
      texto: z.string(),
    }),
  ),
  antes: z.string().nullable(),
});

export interface SilenceResult {
  readonly hastaMs: number;
  readonly claves: number;
}
export const silenceResult: z.ZodType<SilenceResult> = z.strictObject({ hastaMs: z.number(), claves: count });

export interface BloquesCount {
  readonly bloques: number;
}
export const bloquesCount: z.ZodType<BloquesCount> = z.strictObject({ bloques: count });

export interface ForgetResult {
  readonly entidades: number;
}
export type ResetResult = Awaited<ReturnType<NucleusApi['restablecer']>>;
export const resetResult: z.ZodType<ResetResult> = z.strictObject({ circuitos: count, entidades: count });

export const supervisionResult: z.ZodType<SupervisionView> = z.strictObject({
  degradado: z.boolean(),
  plugins: z.array(z.string()),
  circuitos: z.array(
    z.strictObject({
      bloque: z.string(),
      plugin: z.string().nullable(),
      estado: z.enum(['cerrado', 'abierto', 'a_prueba', 'suspendido']),
      aperturas: count,
      reintentoMs: z.number().nullable(),
      fallo: z.string(),
    }),
  ),
  cuarentena: z.array(z.strictObject({ bloque: z.string(), entidades: count, fallo: z.string() })),
});

export const forgetResult: z.ZodType<ForgetResult> = z.strictObject({ entidades: count });

export type EvolucionViews = { readonly entradas: readonly EvolucionView[] };
const genValores = z.record(z.string(), z.union([z.number(), z.string()]));
const genoma = z.strictObject({ procesador: z.string(), valores: genValores });
const paso: z.ZodType<Paso> = z.strictObject({
  tipo: z.enum(['cambiar', 'volver', 'fijar', 'soltar']),
  por: z.string(),
  tsMs: z.number(),
  genoma,
  antes: genoma,
  ensayo: count.nullable(),
  semilla: count.nullable(),
  lecturas: count.nullable(),
  aptitud: z.number().nullable(),
  aptitudAntes: z.number().nullable(),
  confianza: z.number().nullable(),
});
export const evolucionViews: z.ZodType<EvolucionViews> = z.strictObject({
  entradas: z.array(
    z.strictObject({
      entrada: z.string(),
      procesador: z.string(),
      procesadorBase: z.string(),
      fijado: z.boolean(),
      parametros: z.array(
        z.strictObject({
          nombre: z.string(),
          valor: z.union([z.number(), z.string()]),
          configurado: z.union([z.number(), z.string()]).nullable(),
          min: z.number().nullable(),
          max: z.number().nullable(),
          opciones: z.array(z.string()),
          origen: paso.nullable(),
        }),
      ),
      ensayos: count,
      lecturas: count,
      bytes: count,
      semilla: count,
      retador: genoma.nullable(),
      anterior: genoma.nullable(),
      aptitud: z.number().nullable(),
      pasos: z.array(paso),
    }),
  ),
});
export const evolucionResult: z.ZodType<EvolucionResult> = z.strictObject({
  entrada: z.string(),
  procesador: z.string(),
  valores: genValores,
  fijado: z.boolean(),
});

export const moverResult: z.ZodType<MoverResult> = z.strictObject({
  movimientos: z.array(
    z.strictObject({
      tipo: z.enum(['devolver', 'fusionar', 'dividir', 'redirigir']),
      de: z.string(),
      a: z.string(),
      entidades: count,
      ligadas: count,
    }),
  ),
  seco: z.boolean(),
});

export const ingestResult: z.ZodType<IngestProgress> = z.strictObject({
  id: z.string(),
  state: z.enum(['reading', 'draining', 'saving', 'done', 'failed']),
  found: z.string(),
  bytesDone: count,
  bytesTotal: count.nullable(),
  rows: count,
  lecturas: count,
  refused,
  claves: count,
  alertas: count,
  elapsedMs: z.number(),
  refusedFile: z.string().nullable(),
  resumedFrom: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable(),
});

const finding: z.ZodType<DoctorFinding> = z.strictObject({
  check: z.string(),
  state: z.enum(['ok', 'warn', 'fail']),
  found: z.string(),
  mend: z.string(),
});
export interface DoctorResult {
  readonly findings: readonly DoctorFinding[];
  readonly ok: number;
  readonly warn: number;
  readonly fail: number;
}
export const doctorResult: z.ZodType<DoctorResult> = z.strictObject({
  findings: z.array(finding),
  ok: count,
  warn: count,
  fail: count,
});

export const schemaResult: z.ZodType<Readonly<Record<string, unknown>>> = z.record(z.string(), z.unknown());
