/** Models grown in the process itself: the small twin of worker-threads, for tests and the simulation. */
import { growForest, type FitRequest } from '#domain/auditoria/audit.ts';
import type { IsolationForest } from '#domain/anomaly/isolation-forest.ts';
import { CoreCError } from '#domain/errors.ts';
import type { ModelTrainer } from '#ports/model-trainer.ts';

export class InlineTrainer implements ModelTrainer {
  #isClosed = false;

  async growForest(request: FitRequest): Promise<IsolationForest> {
    if (this.#isClosed) throw new CoreCError('COREC_E_STOPPING');
    return growForest(request);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}
