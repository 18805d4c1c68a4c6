/** The thread that grows one forest and ends. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { growForest } from '#domain/auditoria/audit.ts';
import { messageOf } from '#domain/errors.ts';
import type { TrainingAnswer, TrainingTask } from './messages.ts';

if (isMainThread || parentPort === null) throw new Error('training-thread.ts is for a thread');

let answer: TrainingAnswer;
try {
  answer = { ok: true, forest: growForest(workerData as TrainingTask) };
} catch (error) {
  answer = { ok: false, found: messageOf(error) };
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is the one of windows
parentPort.postMessage(answer);
