/**
 * From the file with its defaults to the one shape that the rest of CoreC reads.
 *
 * Owns how entries of the file, of plugins and of sources become one list. Leaves judging to schema.ts and cross.ts: what comes here
 * is sound.
 */
import {
  ENTIDADES_DINAMICO_MAX,
  ENTIDADES_POR_BLOQUE_DEFAULT,
  MAX_SIZE_MB_DEFAULT,
  MAX_SIZE_MB_INTELIGENTE,
} from '../limits.ts';
import type { BloqueEntry, CoreCConfig, DbConfig, FuenteConfig, PluginConfig } from './config.ts';
import { FUENTE_BLOQUE_DEFAULT } from './fuentes.ts';
import { bloqueSchema, type BloqueParsed, type ConfigParsed, type PluginBloqueParsed } from './schema.ts';

/** Where paths in the file start from; given by the one who knows the file's folder. */
export type ResolvePath = (path: string) => string;

/** `procesador` names a file rather than a known procesador. */
export function isProcesadorPath(procesador: string): boolean {
  return /[/\\]|\.[mc]?[jt]s$/.test(procesador);
}

export function normalizeConfig(parsed: ConfigParsed, resolve: ResolvePath): CoreCConfig {
  const plugins = parsed.plugins.map((plugin, k): PluginConfig => ({
    name: plugin.name,
    enabled: plugin.enabled,
    config_path: resolve(plugin.config_path ?? `plugins/${plugin.name}/config.json`),
    aislado: plugin.aislado,
    bloque: plugin.bloque === null ? null : pluginEntry(plugin.name, plugin.bloque, `plugins[${k}].bloque`, resolve),
  }));
  const declared = [
    ...parsed.bloques.map((bloque, k) => fileEntry(bloque, `bloques[${k}]`, resolve)),
    ...plugins.flatMap((plugin) => (plugin.enabled && plugin.bloque !== null ? [plugin.bloque] : [])),
  ];
  const known = new Set(declared.map((entry) => entry.id));
  const implied: BloqueEntry[] = [];
  const fuentes = parsed.fuentes.map((fuente): FuenteConfig => {
    const placed = { ...fuente, bloque: fuente.bloque ?? FUENTE_BLOQUE_DEFAULT };
    return placed.tipo === 'archivo' ? { ...placed, ruta: resolve(placed.ruta) } : placed;
  });
  for (const [k, fuente] of fuentes.entries()) {
    if (known.has(fuente.bloque)) continue;
    known.add(fuente.bloque);
    implied.push(madeEntry(fuente.bloque, 'fuente', `fuentes[${k}].bloque`));
  }
  const { webhook } = parsed.alertas;
  return deepFreeze({
    instance_id: parsed.instance_id,
    data_dir: resolve(parsed.data_dir),
    idioma: parsed.idioma,
    db_config: parsed.db_config === null ? null : dbConfig(parsed.db_config, resolve),
    redis_config: parsed.redis_config,
    bloques: [...declared, ...implied],
    plugins,
    fuentes,
    http: parsed.http,
    persistencia: parsed.persistencia,
    alertas: { ...parsed.alertas, webhook: typeof webhook === 'string' ? { url: webhook, token: null } : webhook },
    sincronizacion: parsed.sincronizacion,
    auditoria: parsed.auditoria,
    evolucion: parsed.evolucion,
    modulos: parsed.modulos.map(resolve),
    logs: { ...parsed.logs, ruta: resolve(parsed.logs.ruta) },
  });
}

/**
 * The entry of a bloque that no file declares: made by `corec ingest --bloque x` or named by a source alone. Procesador `detector`,
 * bloques made as claves come. Throws a ZodError for an id that no entry may have: ask `isEntryId` first.
 */
export function bloqueEntryDefaults(id: string, changes: Partial<Omit<BloqueEntry, 'id' | 'path'>> = {}): BloqueEntry {
  const made = { ...madeEntry(id, 'comando', id), ...changes };
  return deepFreeze({ ...made, max_size_mb: changes.max_size_mb ?? defaultSize(made) });
}

/** Whether an entry may be called so. */
export function isEntryId(id: string): boolean {
  return bloqueSchema.shape.id.safeParse(id).success;
}

/** A bloque of `detector_fino` is as large as one with a model: 1,000 entidades take 1.2 MB. */
function defaultSize({ modelo, procesador }: Pick<BloqueEntry, 'modelo' | 'procesador'>): number {
  return modelo === null && procesador !== 'detector_fino' ? MAX_SIZE_MB_DEFAULT : MAX_SIZE_MB_INTELIGENTE;
}

function dbConfig(db: NonNullable<ConfigParsed['db_config']>, resolve: ResolvePath): DbConfig {
  const { ssl } = db;
  if (typeof ssl === 'boolean' || ssl.ca === undefined) return db;
  return { ...db, ssl: { ...ssl, ca: resolve(ssl.ca) } };
}

function madeEntry(id: string, origen: BloqueEntry['origen'], path: string): BloqueEntry {
  return { ...fileEntry(bloqueSchema.parse({ id, dinamico: true }), path, (same) => same), origen };
}

function fileEntry(bloque: BloqueParsed, path: string, resolve: ResolvePath): BloqueEntry {
  return entryOf(bloque.id, bloque, bloque.autoreparacion, { origen: 'config', plugin: null, path }, resolve);
}

/** The plugin's flat keys, then those of its autoreparacion, then the defaults that every entry has. */
function pluginEntry(plugin: string, bloque: PluginBloqueParsed, path: string, resolve: ResolvePath): BloqueEntry {
  const { max_errores, min_fitness, max_reparaciones, ventana_s } = bloque;
  const given = { max_errores, min_fitness, max_reparaciones, ventana_s, ...bloque.autoreparacion };
  const autoreparacion = bloqueSchema.shape.autoreparacion.parse(given);
  return entryOf(bloque.bloque_id, bloque, autoreparacion, { origen: 'plugin', plugin, path }, resolve);
}

function entryOf(
  id: string,
  bloque: Omit<BloqueParsed, 'id' | 'autoreparacion'>,
  autoreparacion: BloqueEntry['autoreparacion'],
  origin: Pick<BloqueEntry, 'origen' | 'plugin' | 'path'>,
  resolve: ResolvePath,
): BloqueEntry {
  return {
    id,
    canal: bloque.canal,
    entidades: bloque.entidades ?? (bloque.dinamico ? ENTIDADES_DINAMICO_MAX : ENTIDADES_POR_BLOQUE_DEFAULT),
    entidades_por_bloque: bloque.entidades_por_bloque,
    dinamico: bloque.dinamico,
    max_size_mb: bloque.max_size_mb ?? defaultSize(bloque),
    autoreparacion,
    procesador: isProcesadorPath(bloque.procesador) ? resolve(bloque.procesador) : bloque.procesador,
    parametros: bloque.parametros,
    intervalo_ms: bloque.intervalo_ms,
    umbral: bloque.umbral,
    tiempo_limite_ms: bloque.tiempo_limite_ms,
    modelo: bloque.modelo,
    clave_ttl_s: bloque.clave_ttl_s,
    publicar: bloque.publicar,
    evolucion: {
      activa: bloque.evolucion.activa,
      alternativas: bloque.evolucion.alternativas.map((ref) => (isProcesadorPath(ref) ? resolve(ref) : ref)),
    },
    inbox_max: bloque.inbox_max,
    ...origin,
  };
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
