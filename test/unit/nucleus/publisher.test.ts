import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBus } from '#adapters/memory-bus/memory-bus.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';
import { makeSay } from '#domain/texts/text.ts';
import { Publisher } from '#nucleus/streams/publisher.ts';
import { StreamHealth } from '#nucleus/streams/stream-health.ts';
import { makeFlakyBus } from '../../fixtures/flaky-bus.ts';

function makeWorld(bytesMax?: number) {
  const clock = new VirtualClock(1_700_000_000_000);
  const bus = makeFlakyBus(new MemoryBus({ clock }));
  const quiet = (): void => {};
  const health = new StreamHealth({
    clock,
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    say: makeSay('en'),
    describe: String,
    alert: quiet,
  });
  const publisher = new Publisher({ bus, health, clock, ...(bytesMax === undefined ? {} : { bytesMax }) });
  const pass = async (ms: number): Promise<void> => {
    for (let k = 0; k < ms; k += 5) await clock.advance(5);
  };
  const read = async (canal: number): Promise<[string, number[]][]> =>
    (await bus.read(`corec_canal_${canal}`, '0', 10_000, 0)).map(({ fields }) => {
      assert.deepEqual(Object.keys(fields), ['b', 'm']);
      return [String(fields['b']), [...Buffer.from(fields['m']!)]];
    });
  return { bus, publisher, pass, read, clock };
}

const frame = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('publishing', () => {
  test('the frames of one cycle go together, each into the stream of its canal, in order', async () => {
    const { bus, publisher, pass, read } = makeWorld();
    for (let k = 0; k < 50; k++) publisher.publish(1 + (k % 2), `b/${k}`, frame(k));
    await pass(50);
    assert.deepEqual(
      (await read(1)).map(([b, m]) => [b, m[0]]),
      Array.from({ length: 25 }, (_, k) => [`b/${2 * k}`, 2 * k]),
    );
    assert.equal((await read(2)).length, 25);
    assert.equal(bus.calls['appendAll'], 2);
    assert.deepEqual([publisher.frames, publisher.mensajesBytes, publisher.bytes, publisher.dropped], [50, 50, 0, 0]);
  });

  test('streams that are away for a while miss nothing that fits, in order', async () => {
    const { bus, publisher, pass, read } = makeWorld();
    bus.fault = () => 'before';
    for (let k = 0; k < 300; k++) {
      publisher.publish(1, 'b/0', frame(k & 0xff));
      await pass(20);
    }
    bus.fault = () => null;
    await pass(6000);
    assert.deepEqual(
      (await read(1)).map(([, [byte]]) => byte),
      Array.from({ length: 300 }, (_, k) => k & 0xff),
    );
    assert.equal(publisher.bytes, 0);
  });

  test('over the bound the oldest frames go, counted, and what waits stays within it', async () => {
    const { bus, publisher, pass, read } = makeWorld(10_000);
    bus.fault = () => 'before';
    let most = 0;
    for (let k = 0; k < 200; k++) {
      publisher.publish(1, 'b/0', new Uint8Array(800).fill(k));
      most = Math.max(most, publisher.bytes);
      await pass(20);
    }
    bus.fault = () => null;
    await pass(6000);
    const kept = (await read(1)).map(([, [byte]]) => byte!);
    assert.ok(most <= 11_000, `${most} bytes waited`);
    assert.equal(kept.length + publisher.dropped, 200);
    assert.equal(kept.at(-1), 199, 'the newest is there');
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => a - b),
    );
  });

  test('a stop sends what waits at once, and does not wait for streams that are away', async () => {
    const one = makeWorld();
    one.publisher.publish(1, 'b/0', frame(1));
    await one.publisher.stop(1000);
    assert.equal((await one.read(1)).length, 1);
    const two = makeWorld();
    two.bus.fault = () => 'before';
    two.publisher.publish(1, 'b/0', frame(1));
    const stopping = two.publisher.stop(500);
    await two.pass(1000);
    await stopping;
    two.publisher.publish(1, 'b/0', frame(1));
    assert.equal(two.publisher.dropped, 2);
    assert.equal(two.clock.timersCount, 0);
  });
});
