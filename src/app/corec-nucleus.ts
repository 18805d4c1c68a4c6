/**
 * CoreCNucleus, the specification's name for the whole: configuration in, a running swarm with its doors out.
 *
 * Owns the order of compose, nucleus and doors. Leaves signals and exit codes to run.ts.
 */
import { dirname } from 'node:path';
import { chooseIdioma } from '#domain/texts/idioma.ts';
import { text } from '#domain/texts/text.ts';
import type { CoreCConfig } from '#domain/config/config.ts';
import { CoreCError, messageOf, type Idioma } from '#domain/errors.ts';
import type { ConfigCheckResult } from '#nucleus/commands/command.ts';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import type { Nucleus } from '#nucleus/nucleus.ts';
import type { Composed } from './compose.ts';
import { Ground } from './ground.ts';
import { defaultConfig, loadConfig, type LoadedConfig } from './load-config.ts';

export interface CoreCOptions {
  /** Path of corec_config.json, or a configuration already checked. */
  readonly config: string | LoadedConfig;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly idioma?: Idioma;
  /** Overrides data_dir. */
  readonly dataDir?: string;
  /** Where log lines for people go; default none. */
  readonly terminal?: NodeJS.WriteStream | null;
  /** False: no artificial entidades, sources and plugins. Default true. */
  readonly whole?: boolean;
  /** How long servers of the configuration that are away are waited for at the start; default 0: it fails at once. */
  readonly waitMs?: number;
  /** What may be done while the database starts, such as loading doors. */
  readonly whileStarting?: () => Promise<unknown>;
}

export class CoreCNucleus {
  readonly config: CoreCConfig;
  readonly idioma: Idioma;
  readonly #options: CoreCOptions;
  readonly #folder: string;
  readonly #loaded: LoadedConfig;
  /** Ends the wait for a server. */
  #stopAsked = new AbortController();
  #ground: Ground | null = null;
  #composed: Composed | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: CoreCOptions) {
    this.#options = options;
    const env = options.env ?? {};
    const loaded = typeof options.config === 'string' ? loadConfig(options.config, env) : options.config;
    this.#loaded = loaded;
    const { dataDir } = options;
    this.config = dataDir === undefined ? loaded.config : Object.freeze({ ...loaded.config, data_dir: dataDir });
    this.#folder = loaded.path === null ? loaded.folder : dirname(loaded.path);
    this.idioma = options.idioma ?? chooseIdioma(this.config.idioma, env);
  }

  /** Everything stands, nothing runs. Errors: every code of the error table's configuration and storage parts. */
  inicializar(): Promise<void> {
    return this.#start(async () => {
      const terminal = this.#options.terminal ?? null;
      const env = this.#options.env ?? {};
      const { config, idioma } = this;
      this.#stopAsked = new AbortController();
      const colour = terminal?.isTTY === true && (env.NO_COLOR ?? '') === '';
      const ground = await Ground.open({
        config,
        idioma,
        terminal,
        colour,
        waitMs: this.#options.waitMs ?? 0,
        signal: this.#stopAsked.signal,
      });
      this.#ground = ground;
      for (const { code, path } of this.#loaded.notices)
        if (code === 'config.notice_placeholder') ground.logger.warn('CoreCNucleus', text(idioma, code, { path }));
      // the bulk of CoreC loads while PostgreSQL starts
      const { compose } = await import('./compose.ts');
      await this.#options.whileStarting?.();
      this.#composed = await compose({
        config,
        folder: this.#folder,
        idioma,
        ground,
        configAccess: { check: (file) => this.#checkConfig(file) },
        whole: this.#options.whole ?? true,
      });
      try {
        if (this.#stopping !== null) throw new CoreCError('COREC_E_STOPPING');
        await this.#composed.nucleus.inicializar();
      } catch (error) {
        await this.#close().catch(() => {});
        throw error;
      }
    });
  }

  /** Of the configuration in use: whoever asks by a stream names no files. */
  async #checkConfig(file: string | null): Promise<ConfigCheckResult> {
    const { makeConfigAccess } = await import('./config-access.ts');
    return makeConfigAccess({ inUse: this.#loaded, env: this.#options.env ?? {}, namesFiles: false }).check(file);
  }

  /** Everything runs when it resolves. A failure leaves closing to `detener`. */
  ejecutar(): Promise<void> {
    return this.#start(() => this.nucleus.ejecutar());
  }

  /**
   * Persists all and closes. A start that is under way is broken off first (it then rejects with COREC_E_STOPPING); a second call
   * resolves with the first.
   */
  detener(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  /** An error that nobody caught ends the process: what a log says of it, for whoever looks there the next morning. */
  crashed(error: unknown): void {
    this.#ground?.crashed('CoreCNucleus', text(this.idioma, 'log.crashed', { error: messageOf(error) }), error);
  }

  async #stop(): Promise<void> {
    if (this.#starting !== null) this.#stopAsked.abort();
    this.#composed?.nucleus.stopStart();
    await this.#starting?.catch(() => {});
    await this.#close();
  }

  async #start(work: () => Promise<void>): Promise<void> {
    if (this.#stopping !== null || this.#starting !== null) {
      throw new CoreCError('COREC_E_BUSY', {
        what: 'CoreCNucleus',
        found: this.#stopping === null ? 'it is starting' : 'it is stopping',
        seconds: 1,
      });
    }
    this.#starting = work();
    try {
      await this.#starting;
    } finally {
      this.#starting = null;
    }
  }

  async #close(): Promise<void> {
    const composed = this.#composed;
    if (composed === null) return;
    this.#composed = null;
    try {
      await composed.nucleus.detener();
    } finally {
      await composed.close();
    }
  }

  /** The specification's `coordinar_bloques`: one pass over all bloques now, whatever their intervals. */
  async coordinarBloques(): Promise<void> {
    const { nucleus } = this;
    for (const bloque of nucleus.bloques()) nucleus.runBloque(bloque, 3, 1);
    await nucleus.turn();
  }

  get api(): NucleusApi {
    return this.nucleus.door;
  }

  get nucleus(): Nucleus {
    if (this.#composed === null) throw new Error('CoreCNucleus: inicializar() comes first');
    return this.#composed.nucleus;
  }
}

export { defaultConfig, loadConfig };
