/**
 * Growing models away from what must not wait.
 *
 * Promises: T1 the same request gives the same forest, whoever grows it; T2 a call that fails rejects and changes nothing; T3 after `close`
 * calls reject. Leaves out on purpose: when to train, and what of.
 */
import type { FitRequest } from '#domain/auditoria/audit.ts';
import type { IsolationForest } from '#domain/anomaly/isolation-forest.ts';

export interface ModelTrainer {
  growForest(request: FitRequest): Promise<IsolationForest>;
  close(): Promise<void>;
}
