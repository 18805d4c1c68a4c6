/**
 * What `corec config check` tells: what will stand, where it is kept, what it needs, and what a person should know.
 *
 * Plain data for any door; the words are text codes of domain/texts. Holds no secret.
 */
import type { CoreCConfig } from './config.ts';
import type { EntryEstimate, Estimate } from './estimate.ts';
import type { ConfigNotice } from './parse.ts';

export interface CheckEntry extends EntryEstimate {
  readonly origen: string;
  readonly plugin: string | null;
  readonly canal: number;
  readonly procesador: string;
  readonly dinamico: boolean;
  readonly maxSizeMb: number;
}

export interface ConfigCheck {
  readonly instanceId: string;
  readonly dataDir: string;
  readonly entradas: readonly CheckEntry[];
  /** Without what entries that grow may grow to. */
  readonly entidades: number;
  readonly bloques: number;
  readonly fuentes: readonly { readonly tipo: string; readonly bloque: string; readonly ruta: string | null }[];
  readonly plugins: readonly { readonly name: string; readonly enabled: boolean }[];
  /** `host:port/dbname`, or null for CoreC's own PostgreSQL in dataDir. */
  readonly postgres: string | null;
  /** `host:port`, or null for streams in the process. */
  readonly redis: string | null;
  /** `host:port`, or null when closed. */
  readonly http: string | null;
  readonly estimate: Estimate;
  readonly notices: readonly ConfigNotice[];
}

/** `notices`: those of parseConfig; what only the estimate shows is added. */
export function describeCheck(
  config: CoreCConfig,
  estimate: Estimate,
  notices: readonly ConfigNotice[] = [],
): ConfigCheck {
  const entradas = config.bloques.map((entry, k): CheckEntry => ({
    ...estimate.entradas[k]!,
    origen: entry.origen,
    plugin: entry.plugin,
    canal: entry.canal,
    procesador: entry.procesador,
    dinamico: entry.dinamico,
    maxSizeMb: entry.max_size_mb,
  }));
  const standing = entradas.filter((entry) => !entry.dinamico);
  const { db_config: db, redis_config: redis, http } = config;
  return {
    instanceId: config.instance_id,
    dataDir: config.data_dir,
    entradas,
    entidades: standing.reduce((total, entry) => total + entry.entidades, 0),
    bloques: standing.reduce((total, entry) => total + entry.bloques, 0),
    fuentes: config.fuentes.map((fuente) => ({
      tipo: fuente.tipo,
      bloque: fuente.bloque,
      ruta: fuente.tipo === 'archivo' ? fuente.ruta : fuente.tipo === 'redis' ? fuente.stream : null,
    })),
    plugins: config.plugins.map(({ name, enabled }) => ({ name, enabled })),
    postgres: db === null ? null : `${db.host}:${db.port}/${db.dbname}`,
    redis: redis === null ? null : `${redis.host}:${redis.port}`,
    http: http === null ? null : `${http.host}:${http.port}`,
    estimate,
    notices: [...notices, ...growthNotices(config, estimate)],
  };
}

function growthNotices(config: CoreCConfig, estimate: Estimate): ConfigNotice[] {
  return config.bloques.flatMap((entry, k): ConfigNotice[] => {
    if (!entry.dinamico) return [];
    const { entidades, bytesPorEntidad } = estimate.entradas[k]!;
    return [
      { code: 'config.notice_growth', path: entry.path, params: { entidades, bytes: entidades * bytesPorEntidad } },
    ];
  });
}
