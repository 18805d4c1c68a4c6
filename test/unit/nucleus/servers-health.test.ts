import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { ServersHealth } from '#nucleus/servers-health.ts';

/** A store that answers after `tookMs`, well or not; counts who asks. */
function makeServers() {
  const clock = new VirtualClock(1_000_000);
  const store = { ok: true, tookMs: 0, asked: 0 };
  const servers = new ServersHealth({
    clock,
    store: {
      health: async () => {
        store.asked++;
        const { ok, tookMs } = store;
        if (tookMs > 0) await new Promise<void>((resolve) => void clock.after(tookMs, resolve));
        return { ok, found: ok ? 'well' : 'away', bytes: null, version: null };
      },
    },
    bus: { health: async () => ({ ok: true, found: 'here', version: null }) },
  });
  /** What is said, once it is: 'waits' until then. */
  const look = (): { said: string } => {
    const seen = { said: 'waits' };
    void servers.now().then(([{ found }]) => (seen.said = found));
    return seen;
  };
  return { clock, store, look };
}

test('while it is asked anew, what was found a moment ago is said at once; a busy server is waited for by nobody', async () => {
  const { clock, store, look } = makeServers();
  assert.equal(look().said, 'waits');
  await clock.advance(0);
  store.tookMs = 2000;
  for (let ms = 0; ms < 5000; ms += 50) {
    const seen = look();
    await clock.advance(0);
    assert.equal(seen.said, 'well', `after ${ms} ms`);
    await clock.advance(50);
  }
  assert.equal(store.asked, 4);
});

test('a server that stops answering is told of with the answer that it does not', async () => {
  const { clock, store, look } = makeServers();
  look();
  await clock.advance(500);
  Object.assign(store, { ok: false, tookMs: 3000 });
  look();
  await clock.advance(2999);
  const before = look();
  await clock.advance(1);
  assert.equal(before.said, 'well');
  const after = look();
  await clock.advance(3000);
  assert.equal(after.said, 'away');
});

test('what was found longer ago is found anew', async () => {
  const { clock, store, look } = makeServers();
  look();
  await clock.advance(1000);
  store.tookMs = 300;
  const seen = look();
  await clock.advance(299);
  // nor is it said to who comes while it is asked
  const meanwhile = look();
  await clock.advance(0);
  assert.deepEqual([seen.said, meanwhile.said], ['waits', 'waits']);
  await clock.advance(300);
  assert.deepEqual([seen.said, meanwhile.said], ['well', 'well']);
});

test('once a server is found away nobody is told that it is well, nor, when it is back, that it is away', async () => {
  const { clock, store, look } = makeServers();
  look();
  await clock.advance(300);
  store.ok = false;
  look();
  await clock.advance(0);
  const away = look();
  await clock.advance(0);
  assert.equal(away.said, 'away');
  store.ok = true;
  const back = look();
  await clock.advance(0);
  assert.equal(back.said, 'well');
});
