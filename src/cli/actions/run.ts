/** `corec run`: CoreC with its doors, until a signal or the time asked for. */
import { resolve } from 'node:path';
import { CoreCError } from '#domain/errors.ts';
import { text } from '#domain/texts/text.ts';
import { makeConfigAccess } from '#app/config-access.ts';
import type { CoreCNucleus } from '#app/corec-nucleus.ts';
import type { Door } from '#app/doors.ts';
import { loadConfig } from '#app/load-config.ts';
import { runCoreC } from '#app/run.ts';
import type { startHttp } from '#http/server.ts';
import { socketPathOf } from '#http/socket-path.ts';
import { CommandError } from '#nucleus/commands/command.ts';
import { parseSpan } from '#nucleus/commands/spans.ts';
import { placeOf } from '../ask.ts';
import type { Call, Given } from '../io.ts';

const WAIT_TRY_MS = 500;

export async function run(call: Call): Promise<number> {
  const { io, options } = call;
  const place = await placeOf(call);
  const configPath = place.configPath;
  if (configPath === null) {
    throw new CommandError('COREC_E_CONFIG_READ', {
      en: { path: 'corec_config.json', found: 'there is none here' },
      es: { path: 'corec_config.json', found: 'aquí no hay ninguna' },
    });
  }
  const forMs = spanOf('for', options['for']);
  const waitMs = options['wait'] === true ? Infinity : (spanOf('wait', options['wait']) ?? 0);
  const waitUntilMs = performance.now() + waitMs;
  const report = options['report'];
  const openDoors = async (corec: CoreCNucleus): Promise<Door> => {
    const { config, idioma } = corec;
    const { logger, meter } = corec.nucleus.deps;
    const http = await loadHttp();
    const door = await http.startHttp({
      api: corec.api,
      host: config.http?.host ?? null,
      port: config.http?.port ?? 0,
      token: config.http?.token ?? null,
      socketPath: socketPathOf(config.data_dir),
      idioma,
      logger,
      metrics: meter,
      // whoever may speak over HTTP sees the configuration in use; other files only from the command line
      config: makeConfigAccess({ inUse: loadConfig(configPath, io.env), env: io.env, namesFiles: false }),
    });
    const addresses = [door.url, door.socketPath].filter((address) => address !== null);
    return { addresses, close: () => door.close() };
  };
  let told = false;
  for (;;) {
    try {
      return await runCoreC({
        configPath,
        forMs,
        waitMs: Math.max(0, waitUntilMs - performance.now()),
        reportPath: typeof report === 'string' ? resolve(io.cwd, report) : null,
        env: io.env,
        terminal: io.stdout,
        openDoors,
        loadDoors: loadHttp,
        ...(options.dataDir === undefined ? {} : { dataDir: place.dataDir }),
        ...(options.idioma === undefined ? {} : { idioma: call.idioma }),
      });
    } catch (error) {
      const taken = error instanceof CoreCError && error.code === 'COREC_E_DATA_DIR_LOCKED';
      if (!taken || performance.now() >= waitUntilMs) throw error;
      if (!told) io.stderr.write(`${text(call.idioma, 'cli.run_wait', { ruta: place.dataDir })}\n`);
      told = true;
      await new Promise((done) => setTimeout(done, WAIT_TRY_MS));
    }
  }
}

/** Fastify and what hangs on it: a tenth of a second that need not be waited for. */
const loadHttp = async (): Promise<{ startHttp: typeof startHttp }> => import('#http/server.ts');

function spanOf(option: string, given: Given | undefined): number | null {
  if (given === undefined) return null;
  const ms = parseSpan(String(given));
  if (ms !== null && ms > 0) return ms;
  throw new CommandError('COREC_E_ARGUMENT', {
    en: { command: 'run', found: `--${option} is "${String(given)}"`, allowed: 'a span: 20s, 5m, 1h' },
    es: { command: 'run', found: `--${option} es "${String(given)}"`, allowed: 'una duración: 20s, 5m, 1h' },
  });
}
