/**
 * Defects between keys: what no single value shows.
 *
 * X1 Works on the file's values before they were judged, and looks at each only when it has the right kind: so that these defects
 *    are told together with those of schema.ts, and not on a second try.
 */
import { BLOQUES_MAX, DAY_S, ENTIDADES_POR_BLOQUE_DEFAULT, RETENCION_DIAS_DEFAULT } from '../limits.ts';
import { defect, notAllowed, pathText, type Bilingual, type ConfigDefect } from './defects.ts';
import type { JsonPath } from './json.ts';
import { ENTRY_ID, ENTRY_ID_PERMITIDO, TOKEN_CHARS_MIN } from './schema.ts';

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {};
const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const positive = (value: unknown): number | null =>
  Number.isInteger(value) && (value as number) > 0 ? (value as number) : null;

/** All defects between keys of `root`, the file's value with variables filled in. */
export function crossDefects(root: unknown): ConfigDefect[] {
  const config = fields(root);
  const entries = entriesOf(config);
  return [
    ...repeatedNames(
      entries.map(({ path, idKey, value }) => ({ path: [...path, idKey], name: value[idKey] })),
      'entry',
      'entrada',
    ),
    ...repeatedNames(
      items(config['plugins']).map((plugin, k) => ({ path: ['plugins', k, 'name'], name: fields(plugin)['name'] })),
      'plugin',
      'plugin',
    ),
    ...countDefects(entries),
    ...entries.flatMap(({ path, value }) => twiceGiven(path, value)),
    ...httpDefects(config['http']),
    ...fuenteDefects(items(config['fuentes'])),
    ...ttlDefects(config),
  ];
}

/** A command that comes again is known by its record, which goes with the rows of its day. */
function ttlDefects(config: Fields): ConfigDefect[] {
  const ttlS = positive(fields(config['redis_config'])['ttl_idempotencia_s']);
  const days = fields(config['persistencia'])['retencion_dias'] ?? RETENCION_DIAS_DEFAULT;
  if (ttlS === null || typeof days !== 'number' || ttlS <= days * DAY_S) return [];
  const most = Math.floor(days * DAY_S);
  return [
    defect(
      ['redis_config', 'ttl_idempotencia_s'],
      `is ${ttlS}, but records of commands are kept for ${days} days (persistencia.retencion_dias); allowed: at most ${most}`,
      `es ${ttlS}, pero los registros de comandos se conservan ${days} días (persistencia.retencion_dias); se permite: ${most} como máximo`,
    ),
  ];
}

interface RawEntry {
  readonly path: JsonPath;
  readonly idKey: string;
  readonly value: Fields;
  readonly enabled: boolean;
}

function entriesOf(config: Fields): RawEntry[] {
  const own = items(config['bloques']).map((value, k): RawEntry => ({
    path: ['bloques', k],
    idKey: 'id',
    value: fields(value),
    enabled: true,
  }));
  const ofPlugins = items(config['plugins']).map((plugin, k): RawEntry => ({
    path: ['plugins', k, 'bloque'],
    idKey: 'bloque_id',
    value: fields(fields(plugin)['bloque']),
    enabled: fields(plugin)['enabled'] !== false,
  }));
  return [...own, ...ofPlugins];
}

function repeatedNames(named: readonly { path: JsonPath; name: unknown }[], en: string, es: string): ConfigDefect[] {
  const first = new Map<string, JsonPath>();
  const defects: ConfigDefect[] = [];
  for (const { path, name } of named) {
    if (typeof name !== 'string') continue;
    const before = first.get(name);
    if (before === undefined) first.set(name, path);
    else {
      const where = pathText(before);
      defects.push(
        defect(
          path,
          `is ${JSON.stringify(name)}, as is ${where}; give each ${en} a name of its own`,
          `es ${JSON.stringify(name)}, igual que ${where}; dé a cada ${es} un nombre propio`,
        ),
      );
    }
  }
  return defects;
}

/** One entry alone, then all that stand from the start together. */
function countDefects(entries: readonly RawEntry[]): ConfigDefect[] {
  const defects: ConfigDefect[] = [];
  let sum = 0;
  for (const { path, value, enabled } of entries) {
    const entidades = positive(value['entidades']) ?? ENTIDADES_POR_BLOQUE_DEFAULT;
    const porBloque = positive(value['entidades_por_bloque']) ?? ENTIDADES_POR_BLOQUE_DEFAULT;
    const bloques = Math.ceil(entidades / porBloque);
    if (bloques > BLOQUES_MAX) {
      defects.push(
        defect(
          [...path, 'entidades'],
          `is ${entidades}, by ${porBloque} that is ${bloques} bloques; allowed: at most ${BLOQUES_MAX} bloques. Raise entidades_por_bloque or lower entidades`,
          `es ${entidades}, de ${porBloque} en ${porBloque} son ${bloques} bloques; se permite: ${BLOQUES_MAX} bloques como máximo. Suba entidades_por_bloque o baje entidades`,
        ),
      );
    } else if (enabled && value['dinamico'] !== true) sum += bloques;
  }
  if (sum > BLOQUES_MAX) {
    defects.push(
      defect(
        ['bloques'],
        `has ${sum} bloques in all entries together; allowed: at most ${BLOQUES_MAX}. Raise entidades_por_bloque or lower entidades`,
        `tiene ${sum} bloques entre todas las entradas; se permite: ${BLOQUES_MAX} como máximo. Suba entidades_por_bloque o baje entidades`,
      ),
    );
  }
  return defects;
}

/** A plugin's bloque may say max_errores flat or inside autoreparacion, not both. */
function twiceGiven(path: JsonPath, value: Fields): ConfigDefect[] {
  return Object.keys(fields(value['autoreparacion']))
    .filter((key) => Object.hasOwn(value, key) && path[0] === 'plugins')
    .map((key) =>
      defect(
        [...path, key],
        `stands also in autoreparacion; give it once`,
        `está también en autoreparacion; délo una sola vez`,
      ),
    );
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function httpDefects(raw: unknown): ConfigDefect[] {
  const http = fields(raw);
  const host = http['host'] ?? '127.0.0.1';
  const token = http['token'] ?? '';
  if (typeof host !== 'string' || typeof token !== 'string') return [];
  if (token === '' && !isLoopback(host)) {
    return [
      defect(
        ['http', 'token'],
        `is missing while http.host is ${JSON.stringify(host)}, which other machines reach; give a token of at least ${TOKEN_CHARS_MIN} characters ("\${COREC_TOKEN}"), or host 127.0.0.1`,
        `falta, y http.host es ${JSON.stringify(host)}, que otras máquinas alcanzan; dé un token de al menos ${TOKEN_CHARS_MIN} caracteres ("\${COREC_TOKEN}"), o host 127.0.0.1`,
      ),
    ];
  }
  if (token !== '' && token.length < TOKEN_CHARS_MIN) {
    return [
      defect(
        ['http', 'token'],
        `has ${token.length} characters; allowed: at least ${TOKEN_CHARS_MIN}, or null`,
        `tiene ${token.length} caracteres; se permite: al menos ${TOKEN_CHARS_MIN}, o null`,
      ),
    ];
  }
  return [];
}

/** Each source is read once: its name carries its position over restarts. Its bloque may be one that only it names. */
function fuenteDefects(fuentes: readonly unknown[]): ConfigDefect[] {
  const first = new Map<string, number>();
  const defects: ConfigDefect[] = [];
  for (const [k, raw] of fuentes.entries()) {
    const { tipo, id, ruta, bloque, stream, grupo } = fields(raw);
    if (typeof bloque === 'string' && !ENTRY_ID.test(bloque)) {
      defects.push(notAllowed(['fuentes', k, 'bloque'], same(JSON.stringify(bloque)), ENTRY_ID_PERMITIDO));
    }
    if (typeof tipo !== 'string' || (tipo === 'archivo' && typeof ruta !== 'string')) continue;
    if (tipo === 'redis' && typeof stream !== 'string') continue;
    const what = tipo === 'archivo' ? [ruta] : tipo === 'redis' ? [stream, grupo ?? ''] : [];
    const plain = [tipo, ...what].join(' ').trimEnd();
    // of two that read by one group each would get a part
    const names = typeof id !== 'string' ? [plain] : tipo === 'redis' ? [id, plain] : [id];
    for (const name of names) {
      const before = first.get(name);
      if (before === undefined) {
        first.set(name, k);
        continue;
      }
      defects.push(
        defect(
          ['fuentes', k],
          `is the same source as fuentes[${before}] (${name}); a source is read once, so take one out`,
          `es la misma fuente que fuentes[${before}] (${name}); una fuente se lee una vez, quite una`,
        ),
      );
    }
  }
  return defects;
}

const same = (text: string): Bilingual => ({ en: text, es: text });
