/** What the main thread and the threads that train, encode and run say to each other. */
import type { ApartResult } from '#domain/bloque/apart.ts';
import type { IsolationForest } from '#domain/anomaly/isolation-forest.ts';
import type { FitRequest } from '#domain/auditoria/audit.ts';
import type { CodecNombre } from '#domain/codec/columnas.ts';
import type { BatchItem, EncodedBatch } from '#domain/codec/mensaje-batch.ts';

/** To the thread, as its workerData. */
export type TrainingTask = FitRequest;

/** From the thread, once. */
export type TrainingAnswer =
  | { readonly ok: true; readonly forest: IsolationForest }
  | { readonly ok: false; readonly found: string };

export interface EncodingTask {
  readonly memory: SharedArrayBuffer;
  readonly items: readonly BatchItem[];
  readonly codec: CodecNombre;
}

/** One for each task, in order. */
export type EncodingAnswer =
  | { readonly ok: true; readonly encoded: EncodedBatch }
  | { readonly ok: false; readonly found: string };

/** For each ApartTask, in order: one `loaded` when its procesador is there, then one of the others. */
export type RunAnswer =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'done'; readonly result: ApartResult }
  | { readonly kind: 'refused'; readonly found: string; readonly isLoaded: boolean };
