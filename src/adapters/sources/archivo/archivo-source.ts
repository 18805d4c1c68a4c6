/** The source `archivo`: one file, or all files that fit a pattern. */
import type { Source } from '#ports/source.ts';
import { FileSource, type ArchivoConfig, type ArchivoDeps } from './file-source.ts';
import { isPattern, PatternSource } from './pattern-source.ts';

export type { ArchivoConfig, ArchivoDeps } from './file-source.ts';

export function makeArchivoSource(config: ArchivoConfig, deps: ArchivoDeps): Source {
  return isPattern(config.ruta) ? new PatternSource(config, deps) : new FileSource(config, deps);
}
