import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Quality } from '#domain/auditoria/quality.ts';
import { makeBloqueMemory, OCUPADO, type CoreColumns } from '#domain/entidad/columns.ts';

const MINUTE = 60_000;
const START = 1_700_000_000_000;

/** `count` bound entidades that are heard once a minute, each with a lectura of its own. */
class Sensors {
  readonly core: CoreColumns;
  readonly quality = new Quality();
  readonly #count: number;
  nowMs = START;

  constructor(count: number) {
    this.core = makeBloqueMemory({}, count).core;
    this.core.ocupado.fill(OCUPADO.ligado);
    this.#count = count;
  }

  minutes(count: number, lecturaOf: (slot: number, minute: number) => number | null, expectsAll = true) {
    let shares = { silent: 0, stuck: 0, impossible: 0 };
    for (let m = 0; m < count; m++) {
      this.nowMs += MINUTE;
      let watermarkMs = 0;
      for (let slot = 0; slot < this.#count; slot++) {
        const lectura = lecturaOf(slot, this.nowMs / MINUTE);
        if (lectura !== null) {
          this.core.lectura[slot] = lectura;
          this.core.tsMs[slot] = this.nowMs - slot * 10;
        }
        watermarkMs = Math.max(watermarkMs, this.core.tsMs[slot]!);
      }
      shares = this.quality.look(this.core, this.#count, watermarkMs, this.nowMs, expectsAll);
    }
    return shares;
  }
}

const moving = (slot: number, minute: number): number => slot + (minute % 7);

describe('quality of the data of a bloque', () => {
  test('sensors that all go on are none of it', () => {
    assert.deepEqual(new Sensors(50).minutes(60, moving), { silent: 0, stuck: 0, impossible: 0 });
  });

  test('one that falls behind the others is silent, by its clave; as one of a bloque that went silent as a whole it is not', () => {
    const sensors = new Sensors(50);
    sensors.minutes(5, moving);
    const only = (slot: number, minute: number): number | null => (slot === 7 ? null : moving(slot, minute));
    assert.equal(sensors.minutes(5, only).silent, 0);
    assert.equal(sensors.minutes(40, only).silent, 1 / 50);
    assert.equal(sensors.quality.example('silent'), 7);
    const whole = new Sensors(50);
    whole.minutes(5, moving);
    assert.equal(whole.minutes(60, () => null).silent, 0);
    assert.equal(whole.quality.example('silent'), -1);
  });

  test('claves that come and go are not silent', () => {
    const sensors = new Sensors(50);
    sensors.minutes(5, moving);
    assert.equal(sensors.minutes(60, (slot, minute) => (slot === 7 ? null : moving(slot, minute)), false).silent, 0);
  });

  test('one that says the same for thirty looks is stuck until it moves, one that says nothing is not', () => {
    const sensors = new Sensors(20);
    sensors.minutes(3, moving);
    const frozen = (slot: number, minute: number): number | null =>
      slot === 4 ? 21 : slot === 5 ? null : moving(slot, minute);
    assert.equal(sensors.minutes(29, frozen).stuck, 0);
    assert.equal(sensors.minutes(3, frozen).stuck, 1 / 20);
    assert.equal(sensors.quality.example('stuck'), 4);
    assert.equal(sensors.minutes(1, moving).stuck, 0);
  });

  test('a time of the future is impossible, and makes nobody else silent; nor can a lectura be beyond all bounds', () => {
    const sensors = new Sensors(20);
    sensors.minutes(3, moving);
    sensors.core.tsMs[2] = START + 10 * 365 * 86_400_000;
    sensors.core.lectura[3] = Infinity;
    const shares = sensors.minutes(40, (slot, minute) => (slot === 2 || slot === 3 ? null : moving(slot, minute)));
    assert.equal(shares.impossible, 2 / 20);
    assert.ok(shares.silent <= 1 / 20, String(shares.silent));
    assert.equal(sensors.quality.example('impossible'), 3);
  });
});
