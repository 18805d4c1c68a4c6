/** Runs of the bench's own, without a nucleus around them. */
import { FULL } from '#domain/supervision/circuit.ts';
import { makeSay } from '#domain/texts/text.ts';
import { InlineRunner } from '#adapters/inline-runner/inline-runner.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import type { AlertaHub } from '#nucleus/alertas.ts';
import { Runs, type RunsDeps } from '#nucleus/runs.ts';
import type { BloqueRunner } from '#ports/bloque-runner.ts';

/** Runs on the system's clock, with nothing kept and nobody told but `hub`'s listeners. */
export function makeRuns(
  swarm: () => unknown,
  hub: unknown,
  oldestQueuedMs: () => number,
  runner: BloqueRunner = new InlineRunner(() => null),
): Runs {
  const quiet = (): void => {};
  const deps: Omit<RunsDeps, 'store' | 'compressor'> = {
    runner,
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
