/**
 * The configuration as the rest of CoreC reads it: every default filled in, every entry in one shape, frozen.
 *
 * Owns the output types and what follows from an entry by arithmetic (its bloques). Leaves to schema.ts what a file may say and to
 * parse.ts how one becomes the other. Keys are those of the file, letter for letter.
 *
 * K1 A CoreCConfig was checked as a whole: ids are unique, counts are inside limits.ts, http is safe to open.
 * K2 `parametros` is raw: the procesador's own schema judges it once procesadores are known.
 * K3 Paths are absolute, or as written when parsed without a folder.
 */
import type { Idioma } from '../errors.ts';
import type { FuenteConfig } from './fuentes.ts';

export type { FuenteConfig } from './fuentes.ts';

export type Publicar = 'ninguno' | 'cambios' | 'todos';
export type PersistenciaMensajes = 'todos' | 'cambios' | 'ultimo' | 'ninguno';
export type CodecNombre = 'columnas+zstd3' | 'json+zstd3';
export type NivelLog = 'debug' | 'info' | 'warn' | 'error';

export interface Autoreparacion {
  /** Share of failed runs (0..1) above which the bloque alerts. */
  readonly max_errores: number;
  /** fitness (0..1) below which the bloque alerts. */
  readonly min_fitness: number;
  /** More repairs than this in the window put the entidad in quarantine. */
  readonly max_reparaciones: number;
  readonly ventana_s: number;
}

/** The part of an entry in the organic evolution. */
export interface EvolucionEntry {
  readonly activa: boolean;
  /** Procesadores that may take over, as `procesador` names them. */
  readonly alternativas: readonly string[];
}

/** One entry: a family of bloques `<id>/0`, `<id>/1` ... of equal kind. */
export interface BloqueEntry {
  readonly id: string;
  /** 1 generic, 2 security, 3 intensive, 4 critical alerts and commands, 5 generation. */
  readonly canal: number;
  /** Capacity of the whole entry; with `dinamico` the most it may grow to. */
  readonly entidades: number;
  readonly entidades_por_bloque: number;
  /** True: bloques are made as claves come. False: all stand at start. */
  readonly dinamico: boolean;
  /** In MB of 1,048,576 bytes, for one bloque. */
  readonly max_size_mb: number;
  readonly autoreparacion: Autoreparacion;
  /** Name of a procesador, or the path of the file that defines one. */
  readonly procesador: string;
  readonly parametros: Readonly<Record<string, unknown>>;
  readonly intervalo_ms: number;
  readonly umbral: 'auto' | number;
  readonly tiempo_limite_ms: number;
  readonly modelo: 'isolation_forest' | null;
  /** A clave without a reading for so long gives its entidad back; null: never. */
  readonly clave_ttl_s: number | null;
  readonly publicar: Publicar;
  /** Left out in rows that earlier versions have stored: as by default. */
  readonly evolucion?: EvolucionEntry;
  /** Readings that one bloque holds between two cycles. */
  readonly inbox_max: number;
  /** Where the entry comes from. */
  readonly origen: 'config' | 'plugin' | 'fuente' | 'comando';
  /** Name of the plugin it belongs to, else null. */
  readonly plugin: string | null;
  /** JSON path of the entry in the file, for errors found later (`bloques[0]`). */
  readonly path: string;
}

export interface Servidor {
  readonly host: string;
  readonly port: number;
}

export interface DbTls {
  /** File of certificates (PEM); left out: this machine's. */
  readonly ca?: string | undefined;
  readonly rejectUnauthorized: boolean;
}

export interface DbConfig extends Servidor {
  readonly dbname: string;
  readonly user: string;
  /** Null: none is sent (peer, trust, .pgpass). */
  readonly password: string | null;
  readonly ssl: boolean | DbTls;
  readonly max_connections: number;
  readonly replicas: readonly Servidor[];
}

export interface RedisConfig {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly tls: boolean;
  /** Start nodes of a Redis Cluster; empty: one server. */
  readonly cluster: readonly Servidor[];
  readonly maxlen: number;
  readonly ttl_idempotencia_s: number;
}

export interface PluginConfig {
  readonly name: string;
  readonly enabled: boolean;
  readonly config_path: string;
  readonly aislado: boolean;
  /** Null: the plugin has no bloque of its own. */
  readonly bloque: BloqueEntry | null;
}

export interface HttpConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Null: no token is asked for (loopback only). */
  readonly token: string | null;
}

export interface WebhookConfig {
  readonly url: string;
  /** Sent as `Authorization: Bearer <token>`; null: not sent. */
  readonly token: string | null;
}

export interface EvolucionConfig {
  readonly activa: boolean;
  readonly intervalo_s: number;
  /** uint32. */
  readonly semilla: number;
  /** Percent of a core. */
  readonly cpu_max: number;
}

export interface CoreCConfig {
  readonly instance_id: string;
  readonly data_dir: string;
  readonly idioma: 'auto' | Idioma;
  /** Null: CoreC runs its own PostgreSQL in data_dir. */
  readonly db_config: DbConfig | null;
  /** Null: streams live in the process. */
  readonly redis_config: RedisConfig | null;
  /** The file's entries, then those of enabled plugins, then those that `fuentes` name and nothing else declares. */
  readonly bloques: readonly BloqueEntry[];
  /** Disabled ones too. */
  readonly plugins: readonly PluginConfig[];
  readonly fuentes: readonly FuenteConfig[];
  /** Null: no TCP door; the unix socket in data_dir stays. */
  readonly http: HttpConfig | null;
  readonly persistencia: {
    readonly intervalo_s: number;
    readonly mensajes: PersistenciaMensajes;
    readonly codec: CodecNombre;
    readonly retencion_dias: number;
    readonly retencion_mb: number;
  };
  readonly alertas: {
    readonly max_por_minuto: number;
    readonly enfriamiento_s: number;
    readonly webhook: WebhookConfig | null;
  };
  readonly sincronizacion: { readonly intervalo_s: number; readonly adaptativa: boolean };
  readonly auditoria: { readonly intervalo_s: number };
  readonly evolucion: EvolucionConfig;
  /** Files of a user's own modules. */
  readonly modulos: readonly string[];
  readonly logs: {
    readonly ruta: string;
    readonly nivel: NivelLog;
    readonly max_mb: number;
    readonly archivos: number;
  };
}

/** How many bloques an entry has when it is full. */
export function bloquesOf(entry: Pick<BloqueEntry, 'entidades' | 'entidades_por_bloque'>): number {
  return Math.ceil(entry.entidades / entry.entidades_por_bloque);
}

/** Entidades in bloque `k` of a full entry: all are alike but the last, which takes the rest. */
export function entidadesOf(entry: Pick<BloqueEntry, 'entidades' | 'entidades_por_bloque'>, k: number): number {
  return Math.min(entry.entidades_por_bloque, entry.entidades - k * entry.entidades_por_bloque);
}

/** Id of bloque `k` of an entry: 980,000 entidades by 1,000 are `enjambre_sensor/0` .. `enjambre_sensor/979`. */
export function bloqueId(entryId: string, k: number): string {
  return `${entryId}/${k}`;
}
