import { InlineTrainer } from '#adapters/inline-trainer/inline-trainer.ts';
import { ThreadTrainer } from '#adapters/worker-threads/thread-trainer.ts';
import { modelTrainerSuite } from './model-trainer.suite.ts';

modelTrainerSuite('inline-trainer', () => new InlineTrainer());
modelTrainerSuite('worker-threads', () => new ThreadTrainer());
