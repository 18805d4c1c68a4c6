/** What a plugin gets of the nucleus: few methods, each bound to its own name and entry. */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { CoreCError } from '#domain/errors.ts';
import { CLAVE_BYTES_MAX } from '#domain/limits.ts';
import type { AvisoKey } from '#ports/nucleus-context.ts';
import type { Nucleus } from './nucleus.ts';
import type { LoadedPlugin, PluginContext } from './plugin-host.ts';

/** Rule and code of a plugin's own alerts. */
const REGLA = 'plugin';
const TEXTO_CHARS_MAX = 500;

export function makePluginContext(nucleus: Nucleus, plugin: LoadedPlugin): PluginContext {
  const { name } = plugin;
  const { swarm, hub, avisos, streams, logger, clock } = nucleus;
  const entry = nucleus.config.plugins.find((candidate) => candidate.name === name)?.bloque ?? null;
  const own = (): readonly BloqueSimbiotico[] => (entry === null ? [] : (swarm.entradas.get(entry.id)?.bloques ?? []));
  const log =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (tag: string, text: string, fields?: Readonly<Record<string, unknown>>): void =>
      logger[level](tag, text, { plugin: name, ...fields });
  const keyOf = (clave: string, regla: string): AvisoKey => ({
    bloque: entry === null ? name : `${entry.id}/0`,
    clave: clave.slice(0, CLAVE_BYTES_MAX),
    regla,
  });
  return {
    name,
    config: plugin.config,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    bloques: own,
    onAlerta: (listener, all = false) => {
      const failed = (error: unknown): void =>
        logger.error(
          'PluginHost',
          nucleus.say('log.on_alerta_failed', { plugin: name, error: nucleus.describe(error) }),
        );
      hub.onAlerta((notice) => {
        if (!all && !notice.alerta.bloque.startsWith(`${entry?.id ?? ''}/`)) return;
        try {
          // an async listener is a plugin's right too, and its rejection must not end the process
          Promise.resolve(listener(notice)).catch(failed);
        } catch (error) {
          failed(error);
        }
      });
    },
    onComando: (handler) => void streams.handlers.set(name, handler),
    openAlerta: ({ clave, texto, regla = REGLA, valor = 1 }) => {
      const razon = { codigo: REGLA, texto: texto.slice(0, TEXTO_CHARS_MAX) };
      return avisos.open(keyOf(clave, regla), { razon, valor }, clock.nowMs());
    },
    closeAlerta: (clave, regla = REGLA) => avisos.close(keyOf(clave, regla), clock.nowMs()),
    lecturas: (rows) => {
      if (entry === null)
        throw new CoreCError('COREC_E_PLUGIN_LOAD', {
          name,
          path: plugin.path,
          found: 'no bloque',
          hint: 'Give the plugin a bloque in the configuration.',
        });
      return nucleus.deliverRows(nucleus.entradaFor(entry.id, null), rows);
    },
  };
}
