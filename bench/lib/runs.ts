/** Runs of the bench's own, without a nucleus around them. */
import { FULL } from '#domain/supervision/circuit.ts';
import { makeSay } from '#domain/texts/text.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import type { AlertaHub } from '#nucleus/alertas.ts';
import { Runs, type RunsDeps } from '#nucleus/runs.ts';

/** Runs on the system's clock, with nothing kept and nobody told but `hub`'s listeners. */
export function makeRuns(swarm: () => unknown, hub: unknown, oldestQueuedMs: () => number): Runs {
  const quiet = (): void => {};
  const deps: Omit<RunsDeps, 'store' | 'compressor' | 'runner'> = {
    swarm: swarm as RunsDeps['swarm'],
    hub: hub as AlertaHub,
    clock: makeSystemClock(),
    logger: { debug: quiet, info: quiet, warn: quiet, error: (tag, text) => process.stderr.write(`${tag} ${text}\n`) },
    say: makeSay('en'),
    paused: () => false,
    supervision: { leave: () => FULL, settled: quiet, brokenOff: quiet },
    repaired: quiet,
    publish: quiet,
    oldestQueuedMs,
  };
  return new Runs(deps as RunsDeps);
}
