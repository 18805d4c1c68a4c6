import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { awaitServer } from '#app/await-server.ts';
import { CoreCError } from '#domain/errors.ts';

const away = (found: string): CoreCError => new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 's', found });

function make(forMs: number, answers: readonly (CoreCError | 'there')[]) {
  const clock = new VirtualClock(0);
  const stop = new AbortController();
  const lines: string[] = [];
  const triedMs: number[] = [];
  const keep = (_tag: string, text: string): void => void lines.push(text);
  const attempt = (): Promise<string> => {
    const answer = answers[Math.min(triedMs.length, answers.length - 1)]!;
    triedMs.push(clock.monotonicMs());
    return typeof answer === 'string' ? Promise.resolve(answer) : Promise.reject(answer);
  };
  const wait = { forMs, signal: stop.signal, clock, logger: { info: keep, warn: keep }, idioma: 'en' as const };
  const done = awaitServer('PostgreSQL', attempt, wait);
  done.catch(() => undefined);
  return { clock, stop, lines, triedMs, done };
}

describe('waiting for a server at the start', () => {
  test('without a wait the first failure is the end, and nothing is said twice', async () => {
    const { lines, triedMs, done } = make(0, [away('refused')]);
    await assert.rejects(done, /refused/);
    assert.deepEqual([triedMs.length, lines], [1, []]);
  });

  test('a server that is there at once is no news', async () => {
    const { lines, done } = make(Infinity, ['there']);
    assert.equal(await done, 'there');
    assert.deepEqual(lines, []);
  });

  test('pauses grow and are bounded; one line when it begins, one when the reason changes, one when it ends', async () => {
    const refusals = Array.from({ length: 10 }, () => away('refused'));
    const { clock, lines, triedMs, done } = make(Infinity, [
      ...refusals,
      away('starting up'),
      away('starting up'),
      'there',
    ]);
    await clock.advance(120_000);
    assert.equal(await done, 'there');
    const pauses = triedMs.slice(1).map((ms, k) => ms - triedMs[k]!);
    assert.deepEqual(pauses.slice(0, 6), [250, 500, 1000, 2000, 4000, 5000]);
    assert.equal(Math.max(...pauses), 5000);
    assert.equal(lines.length, 3);
    assert.match(lines[0]!, /refused.*Waiting for PostgreSQL \(--wait\)/);
    assert.match(lines[1]!, /starting up/);
    assert.match(lines[2]!, /PostgreSQL answers after/);
  });

  test('the span is kept to, with the last try at its end', async () => {
    const { clock, triedMs, done } = make(3000, [away('refused')]);
    await clock.advance(2999);
    const before = triedMs.length;
    await clock.advance(1);
    await assert.rejects(done, /refused/);
    assert.equal(triedMs.length, before + 1);
    assert.equal(triedMs.at(-1), 3000);
    assert.equal(clock.timersCount, 0);
  });

  test('what cannot pass is told at once, also in the middle of a wait', async () => {
    const refusal = new CoreCError('COREC_E_POSTGRES_LOGIN', { server: 's', user: 'u', found: 'wrong password' });
    const { clock, triedMs, done } = make(Infinity, [away('refused'), refusal]);
    await clock.advance(60_000);
    await assert.rejects(done, /wrong password/);
    assert.equal(triedMs.length, 2);
  });

  test('a stop ends it, and leaves no timer', async () => {
    const { clock, stop, done } = make(Infinity, [away('refused')]);
    await clock.advance(10_000);
    stop.abort();
    await assert.rejects(done, /COREC_E_STOPPING/);
    assert.equal(clock.timersCount, 0);
  });
});
