/** What the main thread and the training thread say to each other. */
import type { IsolationForest } from '#domain/anomaly/isolation-forest.ts';
import type { FitRequest } from '#domain/auditoria/audit.ts';

/** To the thread, as its workerData. */
export type TrainingTask = FitRequest;

/** From the thread, once. */
export type TrainingAnswer =
  | { readonly ok: true; readonly forest: IsolationForest }
  | { readonly ok: false; readonly found: string };
