/** ModuloRegistro: makes and registers the bloques of the configuration and of plugins (specification, section 2.4). */
import { bloqueId } from '#domain/config/config.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

export class ModuloRegistro extends ModuloBase {
  readonly nombre = 'ModuloRegistro';

  async inicializar(nucleus: NucleusContext): Promise<void> {
    for (const entry of nucleus.config.bloques) {
      const bloques = nucleus.registrar(entry);
      if (bloques === null) continue;
      nucleus.logger.info(this.nombre, 'Bloque registrado', {
        bloque: entry.id,
        canal: entry.canal,
        bloques,
        entidades: entry.dinamico ? 0 : entry.entidades,
        procesador: entry.procesador,
        // a person must see at once what is made up
        ...(nucleus.bloque(bloqueId(entry.id, 0))?.autonomo === true ? { artificial: true } : {}),
      });
    }
  }

  async ejecutar(): Promise<void> {}

  async detener(): Promise<void> {}
}
