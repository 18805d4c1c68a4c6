import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { makeSay } from '#domain/texts/text.ts';
import { ALERT_AFTER_MS, OutageWatch } from '#nucleus/outage-watch.ts';

function make() {
  const clock = new VirtualClock(1_700_000_000_000);
  const lines: string[] = [];
  const alerts: string[] = [];
  let answer: { ok: boolean; found: string } | Promise<never> = { ok: true, found: '' };
  let looks = 0;
  const keep = (_tag: string, text: string): void => void lines.push(text);
  const watch = new OutageWatch({
    what: 'store',
    health: async () => {
      looks++;
      return answer;
    },
    avisos: {
      open: ({ regla }, { razon }) => {
        alerts.push(`open ${regla} ${razon['encontrado']}`);
        return regla;
      },
      close: ({ regla }) => {
        alerts.push(`close ${regla}`);
        return true;
      },
    },
    clock,
    logger: { debug: keep, info: keep, warn: keep, error: keep },
    say: makeSay('en'),
  });
  /** So many seconds, with a tick in each. */
  const pass = async (seconds: number): Promise<void> => {
    for (let k = 0; k < seconds; k++) {
      void watch.tick();
      await clock.advance(1000);
    }
  };
  return {
    watch,
    lines,
    alerts,
    pass,
    looks: () => looks,
    say: (ok: boolean, found = '') => void (answer = { ok, found }),
    hang: () => void (answer = new Promise<never>(() => {})),
  };
}

describe('the look after the store', () => {
  test('it is looked at now and then while it answers, and says nothing', async () => {
    const { watch, lines, alerts, pass, looks } = make();
    await pass(60);
    assert.ok(looks() >= 5 && looks() <= 8, `${looks()} looks`);
    assert.deepEqual([watch.problem, watch.awayMs, lines, alerts], ['', 0, [], []]);
  });

  test('a short pause is two lines and no alert', async () => {
    const { watch, lines, alerts, pass, say } = make();
    await pass(1);
    watch.failed('connection refused');
    await pass(4);
    say(true);
    await pass(4);
    assert.equal(watch.problem, '');
    assert.equal(lines.length, 2);
    assert.deepEqual(alerts, []);
  });

  test('a long one is one alert, from its beginning to its end, however often it fails', async () => {
    const { watch, lines, alerts, pass, say } = make();
    say(false, 'no answer');
    await pass(30);
    for (let k = 0; k < 10; k++) watch.failed(`try ${k}`);
    assert.ok(watch.awayMs >= ALERT_AFTER_MS);
    assert.equal(watch.problem, 'try 9');
    assert.deepEqual(alerts, ['open store_away no answer']);
    watch.answered();
    assert.deepEqual(alerts, ['open store_away no answer', 'close store_away']);
    assert.equal(lines.length, 2);
    assert.equal(watch.awayMs, 0);
  });

  test('the alert comes when it is due, also when nothing is tried meanwhile', async () => {
    const { watch, alerts, pass, hang } = make();
    await pass(1);
    watch.failed('gone', true);
    hang();
    // a look that does not end keeps no other waiting, and no alert
    await pass(30);
    assert.deepEqual(alerts, ['open store_away gone']);
  });
});
