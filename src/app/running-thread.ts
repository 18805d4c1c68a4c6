/** The thread that runs bloques apart (src/adapters/worker-threads/thread-runner.ts), put together. */
import { workerData } from 'node:worker_threads';
import { serveRuns } from '#adapters/worker-threads/serve-runs.ts';
import { loadProcesador } from './procesadores.ts';

const { folder } = workerData as { readonly folder: string };
serveRuns((procesador) => loadProcesador(procesador, folder));
