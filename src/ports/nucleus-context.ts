/**
 * What a module may use of the nucleus: few methods, no adapters. A user's own module gets the same.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { BloqueEntry, CoreCConfig } from '#domain/config/config.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Meter } from './meter.ts';

export interface NucleusContext {
  readonly config: CoreCConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
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
}
