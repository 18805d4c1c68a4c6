import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { Pump, type IntakeDeps } from '#nucleus/intake.ts';
import type { Entrada } from '#nucleus/swarm.ts';
import type { Source, SourceState } from '#ports/source.ts';

/** A source that does well for `wellMs` after each opening, then breaks. */
function pumpOf(clock: VirtualClock, wellMs: () => number): { pump: Pump; pauses: number[] } {
  let openedMs = 0;
  const pauses: number[] = [];
  const source = {
    id: 'file:x',
    live: false,
    replayable: true,
    open: () => {
      openedMs = clock.monotonicMs();
      return Promise.resolve();
    },
    read: (): Promise<SourceState> =>
      clock.monotonicMs() - openedMs >= wellMs()
        ? Promise.reject(new Error('it is a folder'))
        : Promise.resolve({ kind: 'idle', retryMs: 100 }),
    position: () => null,
    progress: () => ({ rows: 0, refused: 0, bytesDone: 0, bytesTotal: null }),
    close: () => Promise.resolve(),
  };
  const deps = {
    swarm: {},
    gate: { enter: () => Promise.resolve(), leave: () => {} },
    clock,
    logger: {
      warn: (_tag: string, _text: string, { retryMs }: { retryMs: number }) => pauses.push(retryMs),
      error: assert.fail,
    },
    held: () => false,
    turn: () => Promise.resolve(),
    epochSoon: () => {},
  };
  const pump = new Pump(
    source as unknown as Source,
    { id: 'x', blocked: false } as unknown as Entrada,
    null,
    true,
    deps as unknown as IntakeDeps,
  );
  return { pump, pauses };
}

test('a source that keeps failing is tried again ever more seldom; one that breaks now and then is back soon', async () => {
  const clock = new VirtualClock(1_000_000);
  let wellMs = 0;
  const { pump, pauses } = pumpOf(clock, () => wellMs);
  pump.start();
  await clock.advance(20_000);
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 16_000]);
  wellMs = 60_000;
  await clock.advance(16_000 + 60_000);
  pauses.length = 0;
  await clock.advance(200_000);
  assert.deepEqual(pauses, [500, 500, 500], 'it did well for a minute each time');
  wellMs = 0;
  pauses.length = 0;
  await clock.advance(10_000);
  assert.deepEqual(pauses.slice(0, 3), [500, 1000, 2000]);
  void pump.stop();
  await clock.advance(60_000);
});
