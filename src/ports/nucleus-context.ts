/**
 * What a module may use of the nucleus: few methods, no adapters. A user's own module gets the same.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { BloqueEntry, CoreCConfig } from '#domain/config/config.ts';
import type { Fallado, Runnable } from '#domain/evolucion/evolucion.ts';
import type { Genoma } from '#domain/evolucion/genoma.ts';
import type { EstadoSpec } from '#domain/procesadores/define.ts';
import type { BloqueNumeros, Movimiento, TipoMovimiento } from '#domain/sincronizacion/numeros.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Meter } from './meter.ts';
import type { ModelTrainer } from './model-trainer.ts';

/** Which alert: one of a (bloque, clave, rule) at a time. */
export interface AvisoKey {
  /** Empty: of CoreC itself. */
  readonly bloque: string;
  readonly clave: string;
  readonly regla: string;
}

export interface AvisoFacts {
  /** Code and parameters of the reason: text `reason.<codigo>`. */
  readonly razon: Readonly<Record<string, string | number | null>> & { readonly codigo: string };
  readonly valor?: number;
  /** What was measured, and the range that was expected. */
  readonly lectura?: number;
  readonly esperadoMin?: number;
  readonly esperadoMax?: number;
  readonly canal?: number;
  /** It closes by itself when nothing was heard of it for as long as an episodio takes to calm down. */
  readonly passes?: boolean;
}

/** What ModuloSincronizacion may ask: numbers of bloques, and plans carried out. */
export interface Movimientos {
  numeros(): readonly BloqueNumeros[];
  /** Plans and carries out moves of these kinds; resolves when they are durable, to what was moved. */
  sincronizar(tipos: readonly TipoMovimiento[]): Promise<readonly Movimiento[]>;
  /** What is foreseen of a bloque or an entry, for every plan; null: nothing. */
  espera: (id: string) => { readonly entidades: number; readonly carga: number } | null;
}

/** An entry that takes part in the evolution. */
export interface Evolutiva {
  readonly id: string;
  readonly bloques: readonly BloqueSimbiotico[];
  readonly vigente: Genoma;
  /** Columns of the procesador in use. */
  readonly spec: EstadoSpec;
  /** True: nothing changes it but a hand. */
  readonly fijado: boolean;
  readonly alternativas: readonly Genoma[];
  /** What a genoma runs by. @throws CoreCError when its parametros are refused, or its bloques would become too large. */
  readonly runnable: (genoma: Genoma) => Runnable;
}

/** How far the evolution of an entry has come, beside what is stored of it. */
export interface EvolucionProgreso {
  /** Rounds so far. */
  readonly ensayos: number;
  /** Lecturas held back for the next. */
  readonly lecturas: number;
  readonly bytes: number;
  /** Who has won once, and who was in use before and may come back. */
  readonly retador: Genoma | null;
  readonly anterior: Genoma | null;
  readonly ultima: Fallado | null;
}

/** What ModuloEvolucion may ask: who takes part, and changes carried out. */
export interface EvolucionPort {
  evolutivas(): readonly Evolutiva[];
  /** How pressed CoreC is, 0..1. */
  readonly presion: number;
  /** Something is due: what is not urgent waits. */
  readonly isBusy: boolean;
  /**
   * Switches, or goes back; resolves when it is durable. `made` is called when it is made, before the epoch that holds it is cut.
   *
   * @throws CoreCError when it cannot be done now.
   */
  cambiar(entrada: string, found: Fallado, made: () => void): Promise<void>;
  /** Puts a refused candidate on record. */
  rechazar(entrada: string, found: Fallado): Promise<void>;
  /** Set by whoever evolves: how far it is. */
  progreso: (entrada: string) => EvolucionProgreso | null;
  /** Called when a hand has changed what an entry judges by. */
  aMano: (entrada: string) => void;
}

export interface NucleusContext {
  readonly config: CoreCConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Grows models away from the loop. */
  readonly trainer: ModelTrainer;
  /** True while everything is paused. */
  readonly pausado: boolean;
  /** False: a CoreC for as long as one command takes, without sources, artificial entidades and plugins. */
  readonly whole: boolean;
  readonly movimientos: Movimientos;
  readonly evolucion: EvolucionPort;
  /** All bloques, in order of registration. */
  bloques(): readonly BloqueSimbiotico[];
  bloque(id: string): BloqueSimbiotico | null;
  /** Makes the bloques of an entry; returns how many, or null when it stays out of this run (its plugin is missing). */
  registrar(entry: BloqueEntry): number | null;
  /** Runs one bloque: drains, cycles and settles what is due, tells alerts, restores what must be. Bits of DUE. */
  runBloque(bloque: BloqueSimbiotico, due: number, carga: number): void;
  /** Calls back whenever a bloque has something in its inbox that had nothing. */
  onLecturas(listener: (bloque: BloqueSimbiotico) => void): void;
  /** ModuloEjecucion has run some of what was queued: whoever waits for his turn (sources, epochs) looks again. */
  turned(): void;
  /** Opens an alert that belongs to no entidad, or updates it. Returns its id. */
  openAlerta(key: AvisoKey, facts: AvisoFacts): string;
  /** False: it was not open. */
  closeAlerta(key: AvisoKey): boolean;
  /** What a module kept under `id` in the last epoch; from `ejecutar` on. */
  storedEstado(id: string): Uint8Array | null;
  /** At every epoch's cut `encode` says what is to be kept under `id` from now on; null: what is. `isLast`: CoreC stops. */
  keepEstado(id: string, encode: (isLast: boolean) => Uint8Array | null): void;
}
