/** What every module is (specification, section 2.4); a user's own extends it. */
import type { NucleusContext } from '#ports/nucleus-context.ts';

export abstract class ModuloBase {
  /** Tag of its log lines. */
  abstract readonly nombre: string;
  /** Sets up; the modules before it in the list are ready. */
  abstract inicializar(nucleus: NucleusContext): Promise<void>;
  /** Starts its recurrent work and returns; the work goes on until `detener`. */
  abstract ejecutar(): Promise<void>;
  /** Ends its work; called once, also after a failed start. */
  abstract detener(): Promise<void>;
}
