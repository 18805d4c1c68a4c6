/** CoreC's public API: what plugins, one's own procesadores and programs may import. */
export { CoreCNucleus, type CoreCOptions } from '#app/corec-nucleus.ts';
export { crearBloque, type BloquePropio, type BloquePropioOptions } from '#app/crear-bloque.ts';
export { BloqueSimbiotico, type Mensaje, type Settlement } from '#domain/bloque/bloque.ts';
export {
  crearCeluEntidad,
  crearEntidad,
  type CeluEntidadCoreC,
  type Funcion,
  type MicroCeluEntidadCoreC,
  type Payload,
  type ProcesadorFuncion,
  type Resultado,
} from '#domain/entidad/entidad.ts';
export {
  defineProcesador,
  type ColumnType,
  type EntidadView,
  type EstadoSpec,
  type Explicacion,
  type LecturaView,
  type Procesador,
  type ProcesadorDef,
  type ReglaAlerta,
  type Vector,
  type VectorType,
} from '#domain/procesadores/define.ts';
export { decodeMensaje, encodeMensaje, MENSAJE_BYTES } from '#domain/codec/mensaje.ts';
export { CoreCError, type ErrorCode } from '#domain/errors.ts';
export { STREAMS } from '#domain/streams.ts';
export type { CoreCConfig } from '#domain/config/config.ts';
export type { Lectura } from '#domain/lectura/batch.ts';
export { ModuloBase } from '#modules/modulo-base.ts';
export { ModuloAuditoria } from '#modules/auditoria.ts';
export { ModuloEjecucion } from '#modules/ejecucion.ts';
export { ModuloRegistro } from '#modules/registro.ts';
export {
  definePlugin,
  type PluginAlerta,
  type PluginComando,
  type PluginContext,
  type PluginDef,
} from '#nucleus/plugin-host.ts';
export type { NucleusContext } from '#ports/nucleus-context.ts';
export type { AlertaNotice } from '#ports/sink.ts';
export { tryProcesador, type TriedLectura } from '#app/try-procesador.ts';
/** The schema library that `parametros` are written in. */
export { z } from 'zod';
