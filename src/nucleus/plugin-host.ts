/**
 * Plugins: what a plugin's main.ts exports and how it lives inside the nucleus (specification, section 2.2 and 6).
 *
 * Owns the plugin contract and its calls. Leaves finding and importing files to app, isolation and reload to a later part.
 *
 * G1 A plugin that throws is reported and stopped; the nucleus and the other plugins go on.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { Say } from '#domain/texts/text.ts';
import type { Logger } from '#ports/logger.ts';
import type { AlertaNotice } from '#ports/sink.ts';

/** What a plugin may use. */
export interface PluginContext {
  readonly name: string;
  /** Its own config.json, parsed; {} when there is none. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** The bloques of its own entry; empty when it has none. */
  bloques(): readonly BloqueSimbiotico[];
  /** Alerts as they are told: of its own bloques, or of all. */
  onAlerta(listener: (notice: AlertaNotice) => Promise<void> | void, all?: boolean): void;
  /**
   * Takes the commands that come for this plugin by the stream corec_commands. What the handler gives, or its promise does within 30 s,
   * is answered in corec_responses; what it throws is answered as an error. After a crash it may be called again for the same command.
   */
  onComando(handler: (comando: PluginComando) => unknown): void;
  /** Opens an alert of its own, or updates the open one of that clave and regla: told, streamed and stored as any other. Returns its id. */
  openAlerta(alerta: PluginAlerta): string;
  /** False: none of that clave and regla was open. */
  closeAlerta(clave: string, regla?: string): boolean;
  /** Puts lecturas into its own entry. Volatile: they are not journalled. */
  lecturas(rows: Iterable<{ readonly clave: string; readonly valor: number; readonly tsMs?: number }>): number;
}

/** A command for a plugin (docs/STREAMS.md). */
export interface PluginComando {
  /** The sender's; the same when the same command comes again. */
  readonly id: string;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Who sent it; null: nobody said. */
  readonly by: string | null;
}

export interface PluginAlerta {
  /** What it is about, 1 to 256 characters. */
  readonly clave: string;
  /** The reason in words. */
  readonly texto: string;
  /** Default `plugin`. */
  readonly regla?: string;
  /** Default 1. */
  readonly valor?: number;
}

export interface PluginDef {
  /** The procesador of its bloque, unless the configuration names another. */
  readonly procesador?: AnyProcesador;
  inicializar?(ctx: PluginContext): Promise<void> | void;
  ejecutar?(): Promise<void> | void;
  detener?(): Promise<void> | void;
}

/** Types a plugin; `export default definePlugin({...})`. */
export function definePlugin(def: PluginDef): PluginDef {
  return Object.freeze(def);
}

/** An imported plugin. */
export interface LoadedPlugin {
  readonly name: string;
  readonly path: string;
  readonly def: PluginDef;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Checks what main.ts exported. @throws CoreCError COREC_E_PLUGIN_LOAD */
export function checkPlugin(name: string, path: string, exported: unknown): PluginDef {
  const hint = 'main.ts must export default definePlugin({...}).';
  if (typeof exported !== 'object' || exported === null) {
    throw new CoreCError('COREC_E_PLUGIN_LOAD', {
      name,
      path,
      found: `default export is ${exported === undefined ? 'missing' : typeof exported}`,
      hint,
    });
  }
  for (const method of ['inicializar', 'ejecutar', 'detener'] as const) {
    const value = (exported as Record<string, unknown>)[method];
    if (value !== undefined && typeof value !== 'function') {
      throw new CoreCError('COREC_E_PLUGIN_LOAD', {
        name,
        path,
        found: `${method} is ${typeof value}`,
        hint: `${method} must be a function.`,
      });
    }
  }
  return exported;
}

/** Waits for what a plugin does, and rejects when it takes too long. */
export type PluginLimit = (plugin: string, work: Promise<void> | void | undefined) => Promise<void>;

export class PluginHost {
  readonly #logger: Logger;
  readonly #say: Say;
  readonly #within: PluginLimit;
  readonly #live: LoadedPlugin[] = [];

  constructor(logger: Logger, say: Say, limit: PluginLimit) {
    this.#logger = logger;
    this.#say = say;
    this.#within = limit;
  }

  get names(): readonly string[] {
    return this.#live.map((plugin) => plugin.name);
  }

  async inicializar(
    plugins: readonly LoadedPlugin[],
    contextOf: (plugin: LoadedPlugin) => PluginContext,
  ): Promise<void> {
    for (const plugin of plugins) {
      if (await this.#call(plugin, 'inicializar', () => plugin.def.inicializar?.(contextOf(plugin))))
        this.#live.push(plugin);
    }
  }

  async ejecutar(): Promise<void> {
    for (const plugin of Array.from(this.#live)) {
      if (await this.#call(plugin, 'ejecutar', () => plugin.def.ejecutar?.())) continue;
      this.#live.splice(this.#live.indexOf(plugin), 1);
      // what it opened in inicializar is its own to close
      await this.#call(plugin, 'detener', () => plugin.def.detener?.());
    }
  }

  async detener(): Promise<void> {
    for (const plugin of this.#live.toReversed()) {
      // the last epoch waits behind it
      await this.#call(plugin, 'detener', () => this.#within(plugin.name, plugin.def.detener?.()));
    }
    this.#live.length = 0;
  }

  async #call(plugin: LoadedPlugin, method: string, call: () => Promise<void> | void | undefined): Promise<boolean> {
    try {
      await call();
      this.#logger.debug('PluginHost', `${plugin.name}: ${method}`);
      return true;
    } catch (error) {
      this.#logger.error(
        'PluginHost',
        this.#say('log.plugin_failed', { plugin: plugin.name, metodo: method, error: messageOf(error) }),
        {
          plugin: plugin.name,
          path: plugin.path,
        },
      );
      return false;
    }
  }
}
