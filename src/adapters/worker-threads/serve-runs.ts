/** What a thread of ThreadRunner does: one task after the other, each on its own copy of a bloque's columns. */
import { parentPort } from 'node:worker_threads';
import { OtherProcesadorError, runApart, type ApartTask } from '#domain/bloque/apart.ts';
import { messageOf } from '#domain/errors.ts';
import { compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import type { RunAnswer } from './messages.ts';

/** `load`: a procesador by its reference in the configuration. Throws on the main thread. */
export function serveRuns(load: (procesador: string) => Promise<AnyProcesador>): void {
  const port = parentPort;
  if (port === null) throw new Error('bloques are run apart on a thread of their own: new ThreadRunner(...) begins it');
  const compiled = new Map<string, CompiledProcesador>();
  const post = (answer: RunAnswer): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is the one of windows
    port.postMessage(answer);
  };
  const run = async (task: ApartTask): Promise<void> => {
    const { procesador } = task;
    try {
      if (!compiled.has(procesador)) compiled.set(procesador, compileProcesador(await load(procesador)));
      post({ kind: 'loaded' });
      post({ kind: 'done', result: runApart(compiled.get(procesador)!, task) });
    } catch (error) {
      const isLoaded = compiled.has(procesador) && !(error instanceof OtherProcesadorError);
      post({ kind: 'refused', found: messageOf(error), isLoaded });
    }
  };
  port.on('message', (task: ApartTask) => void run(task));
}
