/**
 * A CoreC for as long as one command takes: the same nucleus on the same data, without artificial entidades, sources, plugins, doors.
 */
import type { NucleusApi } from '#ports/nucleus-api.ts';
import { CoreCNucleus, type CoreCOptions } from './corec-nucleus.ts';

export interface OfflineCoreC {
  readonly api: NucleusApi;
  /** Persists what the command changed. */
  close(): Promise<void>;
}

/** Errors: COREC_E_DATA_DIR_LOCKED when a CoreC runs on the folder, and whatever a start can meet. */
export async function openOffline(options: Omit<CoreCOptions, 'whole'>): Promise<OfflineCoreC> {
  const corec = new CoreCNucleus({ ...options, whole: false });
  await corec.inicializar();
  try {
    await corec.ejecutar();
  } catch (error) {
    await corec.detener().catch(() => {});
    throw error;
  }
  return { api: corec.api, close: () => corec.detener() };
}
