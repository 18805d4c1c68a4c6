/**
 * One command of the table, put to whoever can answer: the running CoreC over its socket, else the store opened for the moment.
 *
 * Owns that choice. Commands about now (status, top) and those that change something need a running CoreC.
 */
import { CoreCError } from '#domain/errors.ts';
import { CATALOGUE, type CommandEntry, type CommandName } from '#nucleus/commands/catalogue.ts';
import type { CommandContext, ConfigAccess } from '#nucleus/commands/command.ts';
import { argumentsFromTexts } from '#nucleus/commands/from-texts.ts';
import type { NucleusApi, IngestProgress } from '#ports/nucleus-api.ts';
import { text } from '#domain/texts/text.ts';
import { Client } from './client.ts';
import type { Call, GivenArgs } from './io.ts';
import { locate, type Place } from './locate.ts';

/** What the store alone can answer. */
const FROM_STORE: ReadonlySet<CommandName> = new Set([
  'bloques',
  'bloque',
  'entidades',
  'entidad',
  'alerts',
  'history',
  'doctor',
]);
/** A CoreC that holds the data folder and has no socket yet is starting: so long it is waited for. */
const STARTING_MS_MAX = 15_000;
const STARTING_TRY_MS = 200;

export function placeOf({ io, options }: Call): Promise<Place> {
  const { config, dataDir } = options;
  return locate({ config, dataDir, env: io.env, cwd: io.cwd, root: io.root });
}

export function clientOf(call: Call, place: Place): Client {
  return new Client(place.socketPath, place.dataDir, call.idioma);
}

/** @throws RemoteError or CoreCError, as whoever answered says. */
export async function ask(call: Call, name: CommandName, args: GivenArgs): Promise<unknown> {
  const place = await placeOf(call);
  try {
    return await askRunning(clientOf(call, place), name, args);
  } catch (error) {
    const notRunning = error instanceof CoreCError && error.code === 'COREC_E_NOT_RUNNING';
    if (!notRunning || !FROM_STORE.has(name) || !place.hasStore) throw error;
  }
  const fromStore = (): Promise<unknown> =>
    withOffline(call, place, async (api) => {
      call.io.stderr.write(`${text(call.idioma, 'cli.from_store', { ruta: place.dataDir })}\n`);
      return runOffline(call, api, name, args);
    });
  return startingOr(call, place, fromStore, () => askRunning(clientOf(call, place), name, args));
}

/**
 * Does `offline`, unless a CoreC holds the data folder that does not answer yet: then it is starting (or stopping), and once it
 * answers, `running` is done instead.
 */
export async function startingOr<T>(
  call: Call,
  place: Place,
  offline: () => Promise<T>,
  running: () => Promise<T>,
): Promise<T> {
  try {
    return await offline();
  } catch (error) {
    if (!(error instanceof CoreCError) || error.code !== 'COREC_E_DATA_DIR_LOCKED') throw error;
    if (!(await waitForStart(clientOf(call, place)))) throw error;
  }
  return running();
}

/** Over the socket. Texts are judged there, by the schemas of the table. */
export function askRunning(client: Client, name: CommandName, args: GivenArgs): Promise<unknown> {
  const entry: CommandEntry = CATALOGUE[name];
  if (entry.changing) {
    const body = JSON.stringify(argumentsFromTexts(entry.args, args));
    return client.json({ method: 'POST', path: `/api/${name}`, body });
  }
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(args)) query.append(key, String(value));
  const search = query.toString();
  return client.json({ method: 'GET', path: `/api/${name}${search === '' ? '' : `?${search}`}` });
}

export interface OfflineOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IngestProgress) => void;
  readonly config?: ConfigAccess;
}

/** In this process, through the same table. */
export async function runOffline(
  call: Call,
  api: NucleusApi | null,
  name: CommandName,
  args: GivenArgs,
  options: OfflineOptions = {},
): Promise<unknown> {
  const [{ COMMANDS }, { runCommand }] = await Promise.all([
    import('#nucleus/commands/table.ts'),
    import('#nucleus/commands/run.ts'),
  ]);
  const ctx: CommandContext = {
    api,
    idioma: call.idioma,
    role: 'operar',
    archivos: true,
    stdin: true,
    puerta: 'cli',
    por: call.io.user,
    comandoId: null,
    nowMs: () => Date.now(),
    signal: options.signal ?? new AbortController().signal,
    recent: null,
    config: options.config ?? null,
    onProgress: options.onProgress ?? null,
    checkOutput: false,
  };
  return runCommand(COMMANDS, name, argumentsFromTexts(CATALOGUE[name].args, args), ctx);
}

/** The store of the data folder, opened for as long as `use` takes. An interrupt lets it close in order. */
export async function withOffline<T>(call: Call, place: Place, use: (api: NucleusApi) => Promise<T>): Promise<T> {
  const [{ openOffline }, { defaultConfig }] = await Promise.all([
    import('#app/offline.ts'),
    import('#app/load-config.ts'),
  ]);
  const offline = await openOffline({
    config: place.configPath ?? defaultConfig(call.io.cwd),
    env: call.io.env,
    idioma: call.idioma,
    dataDir: place.dataDir,
    terminal: null,
  });
  const release = call.io.onInterrupt(() => {});
  try {
    return await use(offline.api);
  } finally {
    try {
      await offline.close();
    } finally {
      release();
    }
  }
}

/** Waits until a CoreC that is starting answers; false when it does not in time. */
async function waitForStart(client: Client): Promise<boolean> {
  const deadline = performance.now() + STARTING_MS_MAX;
  while (performance.now() < deadline) {
    if (await client.isRunning()) return true;
    await new Promise((resolve) => setTimeout(resolve, STARTING_TRY_MS));
  }
  return false;
}
