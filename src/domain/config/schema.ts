/**
 * What corec_config.json may say: every key of the specification (section 6) and CoreC's own, each optional one with its default.
 *
 * Owns types, ranges, defaults and the words that explain them. Leaves to cross.ts what holds between keys (unique ids, counts,
 * tokens), to parse.ts the one shape that the rest reads.
 *
 * Objects are strict: an unknown key is a defect. Keys that begin with `$` are notes and are taken out before this schema is asked.
 */
import { z } from 'zod';
import {
  CANAL_MAX,
  CANAL_MIN,
  ENTIDADES_DINAMICO_MAX,
  ENTIDADES_MAX,
  ENTIDADES_POR_BLOQUE_DEFAULT,
  ENTIDADES_POR_BLOQUE_MAX,
  ENTRY_ID_CHARS_MAX,
  INBOX_LECTURAS_DEFAULT,
  INBOX_LECTURAS_MAX,
  INBOX_LECTURAS_MIN,
  INTERVALO_MS_MIN,
  MAX_SIZE_MB_DEFAULT,
  MAX_SIZE_MB_INTELIGENTE,
  RETENCION_DIAS_DEFAULT,
  RETENCION_MB_DEFAULT,
} from '../limits.ts';
import { doc } from './doc.ts';
import { fuenteSchema } from './fuentes.ts';

/** What an entry, a plugin or an instance may be called. */
export const ENTRY_ID = new RegExp(`^[\\p{L}\\p{N}_][\\p{L}\\p{N}_.-]{0,${ENTRY_ID_CHARS_MAX - 1}}$`, 'u');
export const ENTRY_ID_PERMITIDO: Readonly<Record<'en' | 'es', string>> = {
  en: `1 to ${ENTRY_ID_CHARS_MAX} letters, digits, _ . or -, the first no . or -`,
  es: `de 1 a ${ENTRY_ID_CHARS_MAX} letras, dígitos, _ . o -, el primero ni . ni -`,
};
const id = (en: string, es: string): z.ZodString =>
  doc(z.string().regex(ENTRY_ID), { en, es, permitido: ENTRY_ID_PERMITIDO });

const TEXTO_PERMITIDO = { en: 'text that is not empty', es: 'un texto no vacío' };
const texto = z.string().min(1).max(4096);

const puerto = (min: 0 | 1): z.ZodInt => z.int().min(min).max(65_535);

const SECRETO = {
  text: z.string(),
  permitido: { en: 'text, best as ${VARIABLE}, or null', es: 'un texto, mejor como ${VARIABLE}, o null' },
};

/** What a header can carry as `Bearer <token>`: a blank or a newline would end it, what is no ASCII cannot be sent. */
const BEARER = {
  text: z.string().regex(/^[\x21-\x7e]*$/),
  permitido: {
    en: 'ASCII letters, digits and signs without a blank or newline among them, best as ${VARIABLE}, or null',
    es: 'letras, cifras y signos ASCII sin ningún espacio ni salto de línea, mejor como ${VARIABLE}, o null',
  },
};

/** An empty secret is none: `"${COREC_TOKEN:-}"` leaves the door without one. */
// no return type is written: the inferred one knows that the key may be left out
const secreto = (en: string, es: string, form = SECRETO) =>
  doc(
    form.text
      .max(1024)
      .nullable()
      .default(null)
      .transform((value) => (value === '' ? null : value)),
    { en, es, secreto: true, permitido: form.permitido },
  );

const autoreparacionShape = {
  max_errores: doc(z.number().min(0).max(1).default(0.05), {
    en: 'Share of failed runs (0 to 1) above which the bloque alerts. Default 0.05.',
    es: 'Proporción de ejecuciones fallidas (0 a 1) por encima de la cual el bloque alerta. Por defecto 0.05.',
  }),
  min_fitness: doc(z.number().min(0).max(1).default(0.2), {
    en: 'fitness (0 to 1) below which the bloque alerts; what it has learned is kept. Default 0.2.',
    es: 'fitness (0 a 1) por debajo del cual el bloque alerta; lo aprendido se conserva. Por defecto 0.2.',
  }),
  max_reparaciones: doc(z.int().min(1).max(1_000_000).default(5), {
    en: 'Repairs in a row within ventana_s, with no run that went well in between, after which a failing entidad goes into quarantine. Default 5.',
    es: 'Reparaciones seguidas dentro de ventana_s, sin ninguna ejecución buena entre ellas, tras las cuales una entidad que falla entra en cuarentena. Por defecto 5.',
  }),
  ventana_s: doc(z.number().positive().max(86_400).default(300), {
    en: 'Window for max_reparaciones, in seconds. Default 300.',
    es: 'Ventana de max_reparaciones, en segundos. Por defecto 300.',
  }),
};

const bloqueShape = {
  canal: doc(z.int().min(CANAL_MIN).max(CANAL_MAX).default(1), {
    en: 'Canal: 1 generic (low priority), 2 security (high), 3 intensive (bundled procesadores but simulado, and those of files, run on threads), 4 critical alerts and commands (highest), 5 generation jobs (background). Default 1.',
    es: 'Canal: 1 genérico (prioridad baja), 2 seguridad (alta), 3 intensivo (los procesadores incluidos, salvo simulado, y los de archivos se ejecutan en hilos), 4 alertas críticas y comandos (máxima), 5 generación (segundo plano). Por defecto 1.',
  }),
  entidades: doc(z.int().min(1).max(ENTIDADES_MAX).optional(), {
    en: `Entidades of all bloques of the entry together; with dinamico, the most it may grow to. Default ${ENTIDADES_POR_BLOQUE_DEFAULT}, with dinamico ${ENTIDADES_DINAMICO_MAX}.`,
    es: `Entidades de todos los bloques de la entrada; con dinamico, el máximo al que puede crecer. Por defecto ${ENTIDADES_POR_BLOQUE_DEFAULT}, con dinamico ${ENTIDADES_DINAMICO_MAX}.`,
  }),
  entidades_por_bloque: doc(z.int().min(1).max(ENTIDADES_POR_BLOQUE_MAX).default(ENTIDADES_POR_BLOQUE_DEFAULT), {
    en: `Entidades in one bloque: 980000 by 1000 are the bloques <id>/0 to <id>/979. Default ${ENTIDADES_POR_BLOQUE_DEFAULT}.`,
    es: `Entidades en un bloque: 980000 entre 1000 son los bloques <id>/0 a <id>/979. Por defecto ${ENTIDADES_POR_BLOQUE_DEFAULT}.`,
  }),
  dinamico: doc(z.boolean().default(false), {
    en: 'true: bloques are made as claves come, up to entidades. false: all stand from the start. Default false.',
    es: 'true: los bloques se crean según llegan claves, hasta entidades. false: todos existen desde el inicio. Por defecto false.',
  }),
  max_size_mb: doc(z.number().positive().max(4096).optional(), {
    en: `Most memory of one bloque, in MB of 1,048,576 bytes; checked at start and on growth. Default ${MAX_SIZE_MB_DEFAULT}, with a modelo or detector_fino ${MAX_SIZE_MB_INTELIGENTE}.`,
    es: `Memoria máxima de un bloque, en MB de 1 048 576 bytes; se comprueba al inicio y al crecer. Por defecto ${MAX_SIZE_MB_DEFAULT}, con modelo o detector_fino ${MAX_SIZE_MB_INTELIGENTE}.`,
  }),
  procesador: doc(z.string().min(1).max(4096).default('detector'), {
    en: 'What its entidades do: detector, detector_fino, limites, conteo, tasa, latido, contador, simulado, the name of your own, or the path of the file that defines it (./my-procesador.ts). Default detector.',
    es: 'Qué hacen sus entidades: detector, detector_fino, limites, conteo, tasa, latido, contador, simulado, el nombre de uno propio, o la ruta del archivo que lo define (./mi-procesador.ts). Por defecto detector.',
    permitido: {
      en: 'the name of a procesador or the path of a file',
      es: 'el nombre de un procesador o la ruta de un archivo',
    },
  }),
  parametros: doc(z.record(z.string(), z.unknown()).default({}), {
    en: 'Settings of the procesador; checked by its own schema. Default {}.',
    es: 'Ajustes del procesador; los comprueba su propio esquema. Por defecto {}.',
  }),
  intervalo_ms: doc(z.int().min(INTERVALO_MS_MIN).max(86_400_000).default(1_000), {
    en: 'Time from one cycle of a bloque to the next, in milliseconds. Default 1000.',
    es: 'Tiempo de un ciclo del bloque al siguiente, en milisegundos. Por defecto 1000.',
  }),
  umbral: doc(z.union([z.literal('auto'), z.number().positive()]).default('auto'), {
    en: 'Spread of valores at which fitness halves. auto: learned, so that a bloque as usual stands near 0.9. Default auto.',
    es: 'Dispersión de los valores con la que fitness cae a la mitad. auto: aprendida, de modo que un bloque como siempre queda cerca de 0.9. Por defecto auto.',
  }),
  tiempo_limite_ms: doc(z.int().min(1).max(600_000).default(1_000), {
    en: 'Longest run of one entidad, in milliseconds; a later answer is dropped and counts as failed. In canal 3 it is a run of a bloque, which is then broken off. Default 1000.',
    es: 'Ejecución más larga de una entidad, en milisegundos; una respuesta posterior se descarta y cuenta como fallida. En el canal 3 es la de un bloque, que entonces se interrumpe. Por defecto 1000.',
  }),
  modelo: doc(z.enum(['isolation_forest']).nullable().default(null), {
    en: 'isolation_forest makes the bloque intelligent: the forest judges its entidades together. Default null: none.',
    es: 'isolation_forest hace inteligente el bloque: el bosque juzga sus entidades en conjunto. Por defecto null: ninguno.',
  }),
  clave_ttl_s: doc(z.number().positive().max(31_536_000).nullable().default(null), {
    en: 'A clave without a reading for so many seconds gives its entidad back (process ids, sessions). Default null: never.',
    es: 'Una clave sin lecturas durante tantos segundos devuelve su entidad (procesos, sesiones). Por defecto null: nunca.',
  }),
  publicar: doc(z.enum(['ninguno', 'cambios', 'todos']).default('ninguno'), {
    en: 'Which mensajes go to the stream corec_canal_<n>: ninguno, cambios (those that changed) or todos. Default ninguno.',
    es: 'Qué mensajes van al stream corec_canal_<n>: ninguno, cambios (los que cambiaron) o todos. Por defecto ninguno.',
  }),
  evolucion: doc(
    z
      .strictObject({
        activa: doc(z.boolean().default(true), {
          en: 'false: leaves this entry out of the evolution. Default true; nothing evolves unless evolucion.activa of the file is true.',
          es: 'false: deja esta entrada fuera de la evolución. Por defecto true; nada evoluciona si evolucion.activa del archivo no es true.',
        }),
        alternativas: doc(z.array(z.string().min(1).max(4096)).max(4).default([]), {
          en: 'Other procesadores that may take over when they do better; what was learned begins anew then. Default [].',
          es: 'Otros procesadores que pueden tomar el relevo si lo hacen mejor; lo aprendido empieza entonces de nuevo. Por defecto [].',
        }),
      })
      .prefault({}),
    { en: 'Part of the entry in the organic evolution.', es: 'Parte de la entrada en la evolución orgánica.' },
  ),
  inbox_max: doc(z.int().min(INBOX_LECTURAS_MIN).max(INBOX_LECTURAS_MAX).default(INBOX_LECTURAS_DEFAULT), {
    en: `Readings that one bloque holds between two cycles; beyond it files wait and HTTP answers 429. Default ${INBOX_LECTURAS_DEFAULT}.`,
    es: `Lecturas que un bloque guarda entre dos ciclos; por encima, los archivos esperan y HTTP responde 429. Por defecto ${INBOX_LECTURAS_DEFAULT}.`,
  }),
};

const autoreparacion = doc(z.strictObject(autoreparacionShape).prefault({}), {
  en: 'When the bloque alerts about itself and how it is repaired.',
  es: 'Cuándo alerta el bloque sobre sí mismo y cómo se repara.',
});

export const bloqueSchema = doc(
  z.strictObject({
    id: id(
      'Name of the entry; its bloques are <id>/0, <id>/1 ...',
      'Nombre de la entrada; sus bloques son <id>/0, <id>/1 ...',
    ),
    ...bloqueShape,
    autoreparacion,
  }),
  { en: 'One entry: a family of bloques of equal kind.', es: 'Una entrada: una familia de bloques iguales.' },
);

/** The plugin's bloque has max_errores and min_fitness flat, as in the specification; the nested form is taken as well. */
const flat = <T extends z.ZodType>(schema: z.ZodDefault<T>): z.ZodOptional<T> => {
  const meta = schema.meta() as { description: string; descripcion: string };
  return doc(schema.unwrap().optional(), { en: meta.description, es: meta.descripcion });
};

export const pluginBloqueSchema = doc(
  z.strictObject({
    bloque_id: id(
      "Name of the plugin's entry; its bloques are <bloque_id>/0 ...",
      'Nombre de la entrada del plugin; sus bloques son <bloque_id>/0 ...',
    ),
    ...bloqueShape,
    autoreparacion: doc(
      z
        .strictObject({
          max_errores: flat(autoreparacionShape.max_errores),
          min_fitness: flat(autoreparacionShape.min_fitness),
          max_reparaciones: flat(autoreparacionShape.max_reparaciones),
          ventana_s: flat(autoreparacionShape.ventana_s),
        })
        .optional(),
      {
        en: 'The same keys may stand in here instead of flat beside bloque_id.',
        es: 'Las mismas claves pueden ir aquí dentro en lugar de junto a bloque_id.',
      },
    ),
    max_errores: flat(autoreparacionShape.max_errores),
    min_fitness: flat(autoreparacionShape.min_fitness),
    max_reparaciones: flat(autoreparacionShape.max_reparaciones),
    ventana_s: flat(autoreparacionShape.ventana_s),
  }),
  { en: "The bloque of the plugin's own.", es: 'El bloque propio del plugin.' },
);

const servidor = z.strictObject({
  host: doc(texto, { en: 'Host name or address.', es: 'Nombre o dirección del servidor.', permitido: TEXTO_PERMITIDO }),
  port: doc(puerto(1), { en: 'TCP port.', es: 'Puerto TCP.' }),
});

const dbTls = z.strictObject({
  ca: doc(texto.optional(), {
    en: "File of certificates (PEM) that are trusted instead of this machine's, relative to this file.",
    es: 'Archivo de certificados (PEM) en los que se confía en lugar de los de esta máquina, relativo a este archivo.',
    permitido: { en: 'the path of a file', es: 'la ruta de un archivo' },
  }),
  rejectUnauthorized: doc(z.boolean().default(true), {
    en: 'false: any certificate will do, so that whoever stands between can read along. Default true.',
    es: 'false: vale cualquier certificado, de modo que alguien en medio puede leer. Por defecto true.',
  }),
});

const dbSchema = doc(
  z.strictObject({
    dbname: doc(texto.default('corec_db'), {
      en: 'Database. Default corec_db.',
      es: 'Base de datos. Por defecto corec_db.',
      permitido: TEXTO_PERMITIDO,
    }),
    user: doc(texto.default('postgres'), {
      en: 'User. Default postgres.',
      es: 'Usuario. Por defecto postgres.',
      permitido: TEXTO_PERMITIDO,
    }),
    password: secreto(
      'Password, best as ${VARIABLE}. Default null: none is sent.',
      'Contraseña, mejor como ${VARIABLE}. Por defecto null: no se envía.',
    ),
    host: doc(texto.default('localhost'), {
      en: 'Host name, address, or the folder of a unix socket. Default localhost.',
      es: 'Nombre, dirección, o la carpeta de un socket unix. Por defecto localhost.',
      permitido: TEXTO_PERMITIDO,
    }),
    port: doc(puerto(1).default(5432), { en: 'TCP port. Default 5432.', es: 'Puerto TCP. Por defecto 5432.' }),
    ssl: doc(z.union([z.boolean(), dbTls]).default(false), {
      en: 'true: TLS with a certificate that this machine trusts; {"ca": "file.pem"}: with one of your own. Default false.',
      es: 'true: TLS con un certificado de confianza para esta máquina; {"ca": "archivo.pem"}: con uno propio. Por defecto false.',
      permitido: {
        en: 'true, false or {"ca": "file.pem", "rejectUnauthorized": true}',
        es: 'true, false o {"ca": "archivo.pem", "rejectUnauthorized": true}',
      },
    }),
    max_connections: doc(z.int().min(3).max(1_000).default(10), {
      en: 'Connections that CoreC opens at most. Default 10.',
      es: 'Conexiones que CoreC abre como máximo. Por defecto 10.',
    }),
    replicas: doc(z.array(servidor).max(16).default([]), {
      en: 'Servers that may answer reads. Default [].',
      es: 'Servidores que pueden responder lecturas. Por defecto [].',
    }),
  }),
  {
    en: 'Your own PostgreSQL (>= 13). Left out: CoreC runs its own in data_dir.',
    es: 'Su propio PostgreSQL (>= 13). Si falta: CoreC usa el suyo en data_dir.',
  },
);

const redisSchema = doc(
  z.strictObject({
    host: doc(texto.default('localhost'), {
      en: 'Host name or address. Default localhost.',
      es: 'Nombre o dirección. Por defecto localhost.',
      permitido: TEXTO_PERMITIDO,
    }),
    port: doc(puerto(1).default(6379), { en: 'TCP port. Default 6379.', es: 'Puerto TCP. Por defecto 6379.' }),
    username: doc(texto.nullable().default(null), {
      en: 'ACL user. Default null.',
      es: 'Usuario ACL. Por defecto null.',
      permitido: TEXTO_PERMITIDO,
    }),
    password: secreto(
      'Password, best as ${VARIABLE}. Default null.',
      'Contraseña, mejor como ${VARIABLE}. Por defecto null.',
    ),
    tls: doc(z.boolean().default(false), { en: 'true: TLS. Default false.', es: 'true: TLS. Por defecto false.' }),
    cluster: doc(z.array(servidor).max(64).default([]), {
      en: 'Start nodes of a Redis Cluster. Default []: one server.',
      es: 'Nodos iniciales de un Redis Cluster. Por defecto []: un servidor.',
    }),
    maxlen: doc(z.int().min(100).max(100_000_000).default(100_000), {
      en: 'Entries kept per stream, about. Default 100000.',
      es: 'Entradas guardadas por stream, aproximadamente. Por defecto 100000.',
    }),
    ttl_idempotencia_s: doc(z.int().min(1).max(2_592_000).default(86_400), {
      en: 'So long a command that comes again gets its first answer, in seconds. Default 86400.',
      es: 'Durante este tiempo un comando repetido recibe su primera respuesta, en segundos. Por defecto 86400.',
    }),
  }),
  {
    en: 'Your own Redis (>= 7) for streams. Left out: streams live in the process.',
    es: 'Su propio Redis (>= 7) para los streams. Si falta: los streams viven en el proceso.',
  },
);

const pluginSchema = doc(
  z.strictObject({
    name: id(
      'Name of the plugin; its code is plugins/<name>/main.ts.',
      'Nombre del plugin; su código es plugins/<name>/main.ts.',
    ),
    enabled: doc(z.boolean().default(true), {
      en: 'false: it is not loaded. Default true.',
      es: 'false: no se carga. Por defecto true.',
    }),
    config_path: doc(texto.optional(), {
      en: 'Its own configuration; main.ts stands beside it. Default plugins/<name>/config.json.',
      es: 'Su propia configuración; main.ts está a su lado. Por defecto plugins/<name>/config.json.',
      permitido: { en: 'the path of a file', es: 'la ruta de un archivo' },
    }),
    bloque: pluginBloqueSchema.nullable().default(null),
    aislado: doc(z.boolean().default(false), {
      en: 'true: it runs on a thread of its own. Default false.',
      es: 'true: se ejecuta en un hilo propio. Por defecto false.',
    }),
  }),
  { en: 'One plugin.', es: 'Un plugin.' },
);

/** The shortest token that is worth one: 16 characters of 64 kinds are 96 bits. */
export const TOKEN_CHARS_MIN = 16;

const httpSchema = doc(
  z.strictObject({
    host: doc(texto.default('127.0.0.1'), {
      en: "Address to listen on; any other than this machine's own needs a token. Default 127.0.0.1.",
      es: 'Dirección en la que escucha; cualquiera que no sea la propia máquina exige token. Por defecto 127.0.0.1.',
      permitido: TEXTO_PERMITIDO,
    }),
    port: doc(puerto(0).default(8420), {
      en: 'TCP port; 0 takes any free one. Default 8420.',
      es: 'Puerto TCP; 0 toma uno libre. Por defecto 8420.',
    }),
    token: secreto(
      `Asked of every request as "Authorization: Bearer <token>", at least ${TOKEN_CHARS_MIN} characters, best as \${COREC_TOKEN}. Default null: none.`,
      `Se exige en cada petición como "Authorization: Bearer <token>", al menos ${TOKEN_CHARS_MIN} caracteres, mejor como \${COREC_TOKEN}. Por defecto null: ninguno.`,
      BEARER,
    ),
  }),
  {
    en: 'The HTTP door. null closes it; the command line needs only the unix socket in data_dir.',
    es: 'La puerta HTTP. null la cierra; la línea de comandos solo necesita el socket unix en data_dir.',
  },
);

const urlSchema = z.url({ protocol: /^https?$/ }).max(2_048);
const URL_PERMITIDO = { en: 'an http:// or https:// address', es: 'una dirección http:// o https://' };

const webhookSchema = doc(
  z
    .union([
      urlSchema,
      z.strictObject({
        url: doc(urlSchema, {
          en: 'Where each alert is sent by POST.',
          es: 'A dónde se envía cada alerta por POST.',
          permitido: URL_PERMITIDO,
        }),
        token: secreto(
          'Sent as "Authorization: Bearer <token>". Default null.',
          'Se envía como "Authorization: Bearer <token>". Por defecto null.',
          BEARER,
        ),
      }),
    ])
    .nullable()
    .default(null),
  {
    en: 'Address that gets each alert as JSON by POST, or {url, token}. Default null: none.',
    es: 'Dirección que recibe cada alerta como JSON por POST, o {url, token}. Por defecto null: ninguna.',
    permitido: {
      en: 'an http:// or https:// address, {url, token}, or null',
      es: 'una dirección http:// o https://, {url, token}, o null',
    },
  },
);

const CADA = (fallback: number): { en: string; es: string } => ({
  en: `Time from one round to the next, in seconds. Default ${fallback}.`,
  es: `Tiempo de una ronda a la siguiente, en segundos. Por defecto ${fallback}.`,
});

export const configSchema = doc(
  z.strictObject({
    instance_id: doc(z.string().regex(ENTRY_ID).default('corec1'), {
      en: 'Name of this CoreC, in every row and alert. Default corec1.',
      es: 'Nombre de este CoreC, en cada fila y alerta. Por defecto corec1.',
      permitido: ENTRY_ID_PERMITIDO,
    }),
    data_dir: doc(texto.default('data'), {
      en: 'Folder of everything CoreC keeps, relative to this file. Default data.',
      es: 'Carpeta de todo lo que CoreC guarda, relativa a este archivo. Por defecto data.',
      permitido: { en: 'the path of a folder', es: 'la ruta de una carpeta' },
    }),
    idioma: doc(z.enum(['auto', 'en', 'es']).default('auto'), {
      en: 'Language of what a person reads; auto follows LANG. Default auto.',
      es: 'Idioma de lo que lee una persona; auto sigue a LANG. Por defecto auto.',
    }),
    db_config: dbSchema.nullable().default(null),
    redis_config: redisSchema.nullable().default(null),
    bloques: doc(z.array(bloqueSchema).max(4_096).default([]), {
      en: 'Entries of bloques.',
      es: 'Entradas de bloques.',
    }),
    plugins: doc(z.array(pluginSchema).max(256).default([]), {
      en: 'Plugins and the bloque of each.',
      es: 'Plugins y el bloque de cada uno.',
    }),
    fuentes: doc(z.array(fuenteSchema).max(256).default([]), {
      en: 'Sources of readings that CoreC reads by itself.',
      es: 'Fuentes de lecturas que CoreC lee por sí mismo.',
    }),
    http: httpSchema.nullable().prefault({}),
    persistencia: doc(
      z
        .strictObject({
          intervalo_s: doc(z.number().min(1).max(3_600).default(30), {
            en: 'Time from one epoch to the next, in seconds. Default 30.',
            es: 'Tiempo de una época a la siguiente, en segundos. Por defecto 30.',
          }),
          mensajes: doc(z.enum(['todos', 'cambios', 'ultimo', 'ninguno']).default('todos'), {
            en: 'Which mensajes a bloque row keeps: todos, cambios, ultimo (the last of each entidad) or ninguno. Default todos.',
            es: 'Qué mensajes guarda una fila de bloque: todos, cambios, ultimo (el último de cada entidad) o ninguno. Por defecto todos.',
          }),
          codec: doc(z.enum(['columnas+zstd3', 'json+zstd3']).default('columnas+zstd3'), {
            en: 'How they are stored; every reader gets JSON. Default columnas+zstd3.',
            es: 'Cómo se guardan; todo lector recibe JSON. Por defecto columnas+zstd3.',
          }),
          retencion_dias: doc(z.number().min(1).max(36_500).default(RETENCION_DIAS_DEFAULT), {
            en: `Rows are kept for so many days. Default ${RETENCION_DIAS_DEFAULT}.`,
            es: `Las filas se conservan estos días. Por defecto ${RETENCION_DIAS_DEFAULT}.`,
          }),
          retencion_mb: doc(z.int().min(64).max(1_000_000_000).default(RETENCION_MB_DEFAULT), {
            en: `Rows take at most so many MB of disk; the oldest partition goes first. Default ${RETENCION_MB_DEFAULT}.`,
            es: `Las filas ocupan como máximo estos MB de disco; la partición más antigua se borra primero. Por defecto ${RETENCION_MB_DEFAULT}.`,
          }),
        })
        .prefault({}),
      { en: 'What is kept, how and for how long.', es: 'Qué se guarda, cómo y por cuánto tiempo.' },
    ),
    alertas: doc(
      z
        .strictObject({
          max_por_minuto: doc(z.int().min(1).max(100_000).default(60), {
            en: 'Alerts told one by one per minute; the rest is summarised, and all are stored. Default 60.',
            es: 'Alertas avisadas una a una por minuto; el resto se resume, y todas se guardan. Por defecto 60.',
          }),
          enfriamiento_s: doc(z.number().min(0).max(86_400).default(300), {
            en: 'So long a clave must be as usual before its episodio closes, in seconds. Default 300.',
            es: 'Tiempo que una clave debe estar como siempre para que su episodio se cierre, en segundos. Por defecto 300.',
          }),
          webhook: webhookSchema,
        })
        .prefault({}),
      { en: 'How alerts are told.', es: 'Cómo se avisan las alertas.' },
    ),
    sincronizacion: doc(
      z
        .strictObject({
          intervalo_s: doc(z.number().min(1).max(86_400).default(300), CADA(300)),
          adaptativa: doc(z.boolean().default(true), {
            en: 'true: redirection learns which bloques need entidades and when. Default true.',
            es: 'true: la redirección aprende qué bloques necesitan entidades y cuándo. Por defecto true.',
          }),
        })
        .prefault({}),
      { en: 'Redirection, merging and splitting of bloques.', es: 'Redirección, fusión y división de bloques.' },
    ),
    auditoria: doc(
      z.strictObject({ intervalo_s: doc(z.number().min(1).max(86_400).default(60), CADA(60)) }).prefault({}),
      { en: 'Anomalies among bloques.', es: 'Anomalías entre bloques.' },
    ),
    evolucion: doc(
      z
        .strictObject({
          activa: doc(z.boolean().default(false), {
            en: 'true: parametros of procesadores are varied by fitness and carga. Default false.',
            es: 'true: los parametros de los procesadores varían según fitness y carga. Por defecto false.',
          }),
          intervalo_s: doc(z.number().min(1).max(86_400).default(900), {
            en: 'Shortest time from one round of an entry to the next, in seconds. Default 900.',
            es: 'Tiempo mínimo entre una ronda de una entrada y la siguiente, en segundos. Por defecto 900.',
          }),
          semilla: doc(z.int().min(0).max(4_294_967_295).default(1), {
            en: 'Seed of everything that is drawn by lot: the same seed over the same readings makes the same choices. Default 1.',
            es: 'Semilla de todo lo que se sortea: la misma semilla sobre las mismas lecturas elige lo mismo. Por defecto 1.',
          }),
          cpu_max: doc(z.number().min(0.1).max(50).default(2), {
            en: 'Most of one core that rounds may take, in percent. Default 2.',
            es: 'Parte máxima de un núcleo que pueden ocupar las rondas, en por ciento. Por defecto 2.',
          }),
        })
        .prefault({}),
      { en: 'Organic evolution.', es: 'Evolución orgánica.' },
    ),
    modulos: doc(z.array(texto).max(64).default([]), {
      en: 'Files of your own modules, relative to this file. Default [].',
      es: 'Archivos de sus propios módulos, relativos a este archivo. Por defecto [].',
    }),
    logs: doc(
      z
        .strictObject({
          ruta: doc(texto.default('logs/corec.log'), {
            en: 'The live log file, relative to this file; it keeps its name when it is rotated. Default logs/corec.log.',
            es: 'El archivo de log vivo, relativo a este archivo; conserva su nombre al rotar. Por defecto logs/corec.log.',
            permitido: { en: 'the path of a file', es: 'la ruta de un archivo' },
          }),
          nivel: doc(z.enum(['debug', 'info', 'warn', 'error']).default('info'), {
            en: 'Lines below this level are left out. Default info.',
            es: 'Las líneas por debajo de este nivel se omiten. Por defecto info.',
          }),
          max_mb: doc(z.number().min(0.1).max(10_000).default(10), {
            en: 'Size at which the file is rotated, in MB. Default 10.',
            es: 'Tamaño al que se rota el archivo, en MB. Por defecto 10.',
          }),
          archivos: doc(z.int().min(1).max(1_000).default(5), {
            en: 'Rotated files kept. Default 5.',
            es: 'Archivos rotados que se conservan. Por defecto 5.',
          }),
        })
        .prefault({}),
      { en: 'The log file.', es: 'El archivo de log.' },
    ),
  }),
  {
    en: 'Configuration of CoreC. Keys that begin with $ are notes and are ignored.',
    es: 'Configuración de CoreC. Las claves que empiezan con $ son notas y se ignoran.',
  },
);

/** A file as it may be written. */
export type ConfigInput = z.input<typeof configSchema>;
/** The file with defaults, before entries get their one shape. */
export type ConfigParsed = z.output<typeof configSchema>;
export type BloqueParsed = z.output<typeof bloqueSchema>;
export type PluginBloqueParsed = z.output<typeof pluginBloqueSchema>;
