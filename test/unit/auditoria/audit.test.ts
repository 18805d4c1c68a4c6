import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededDice } from '#domain/anomaly/dice.ts';
import { Audit, reasonOf, type Finding, type Look } from '#domain/auditoria/audit.ts';
import { FEATURES, featuresOf, type BloqueFigures } from '#domain/auditoria/features.ts';
import { isTextCode } from '#domain/texts/text.ts';

const index = (nombre: string): number => FEATURES.findIndex((feature) => feature.nombre === nombre);

/** Bloques of a fleet with a day and a night: noise of the usual kinds, no two alike. */
class Fleet {
  readonly #dice: () => number;
  readonly #bloques: number;
  look = 0;

  constructor(bloques: number, seed: number) {
    this.#bloques = bloques;
    this.#dice = seededDice(seed);
  }

  #gauss(): number {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += this.#dice();
    return sum;
  }

  /** Rows of one minute; `change` makes some odd. */
  rows(change: (bloque: number, row: number[]) => void = () => {}): Look[] {
    const day = Math.sin((this.look++ * 2 * Math.PI) / 1440);
    return Array.from({ length: this.#bloques }, (_, k) => {
      const load = 20 * (1 + (k % 5)) * (1.5 + day);
      // a turn takes longer now and then: the machine collects garbage
      const latency = 0.1 * (1 + 0.2 * this.#gauss()) * (this.#dice() < 0.003 ? 30 : 1);
      const row = [
        0.9 + 0.01 * this.#gauss(),
        0.05 * (1 + 0.1 * this.#gauss()),
        this.#dice() < 0.02 ? 0.001 : 0,
        0.5 + 0.2 * day + 0.01 * this.#gauss(),
        Math.max(0.01, latency),
        Math.max(0, load * (1 + 0.05 * this.#gauss())),
        this.#dice() < 0.05 ? 0.001 : 0,
        0.02 + 0.002 * this.#gauss(),
        k === 3 ? 0.05 : 0,
        this.#dice() < 0.02 ? 0.001 : 0,
        0,
        Math.max(0, 0.01 + 0.002 * this.#gauss()),
      ];
      change(k, row);
      return { id: `flota/${k}`, row };
    });
  }
}

function run(audit: Audit, fleet: Fleet, looks: number, change?: (k: number, row: number[]) => void): Finding[] {
  return Array.from({ length: looks }, () => audit.look(fleet.rows(change))).flat();
}

describe('the audit of an entry', () => {
  test('a hundred bloques through two days and nights: next to no false alarm', () => {
    const opened = run(new Audit('flota'), new Fleet(100, 3), 2880).filter(({ evento }) => evento === 'abierta');
    assert.ok(opened.length <= 2, JSON.stringify(opened));
  });

  const oddities: readonly [string, (row: number[]) => void][] = [
    ['fitness', (row) => (row[index('fitness')] = 0.3)],
    ['spread', (row) => (row[index('spread')] = 0.4)],
    ['error_rate', (row) => (row[index('error_rate')] = 0.2)],
    ['carga', (row) => (row[index('carga')] = 0.02)],
    ['latency', (row) => (row[index('latency')] = 8)],
    ['throughput', (row) => (row[index('throughput')] = 0.5)],
    ['alerting', (row) => (row[index('alerting')] = 0.1)],
    ['drift', (row) => (row[index('drift')] = 0.3)],
    ['silent', (row) => (row[index('silent')] = 0.002)],
    ['stuck', (row) => (row[index('stuck')] = 0.1)],
    ['impossible', (row) => (row[index('impossible')] = 0.001)],
    ['out_of_order', (row) => (row[index('out_of_order')] = 0.3)],
  ];
  for (const [nombre, make] of oddities) {
    test(`a bloque whose ${nombre} leaves the usual is told at the second look, by that name, and once`, () => {
      const audit = new Audit('flota');
      const fleet = new Fleet(10, 5);
      run(audit, fleet, 60);
      const change = (k: number, row: number[]): void => {
        if (k === 4) make(row);
      };
      assert.deepEqual(run(audit, fleet, 1, change), []);
      const found = run(audit, fleet, 1, change);
      assert.deepEqual(
        found.map(({ evento, id, feature }) => [evento, id, FEATURES[feature]!.nombre]),
        [['abierta', 'flota/4', nombre]],
      );
      const { measured, min, max } = found[0]!;
      assert.ok(measured < min || measured > max, `${measured} in ${min} to ${max}`);
      assert.ok(isTextCode(`reason.${reasonOf(found[0]!)}`));
      assert.deepEqual(
        run(audit, fleet, 5, change).filter(({ evento }) => evento !== 'actualizada'),
        [],
      );
      assert.equal(audit.openCount, 1);
      assert.deepEqual(
        run(audit, fleet, 3).map(({ evento, id }) => [evento, id]),
        [['cerrada', 'flota/4']],
      );
    });
  }

  test('one look alone is no alert', () => {
    const audit = new Audit('flota');
    const fleet = new Fleet(10, 6);
    run(audit, fleet, 60);
    let once = true;
    const found = run(audit, fleet, 10, (k, row) => {
      if (k !== 2 || !once) return;
      once = false;
      row[index('latency')] = 100;
    });
    assert.deepEqual(found, []);
  });

  test('what lasts becomes usual', () => {
    const audit = new Audit('flota');
    const fleet = new Fleet(10, 7);
    run(audit, fleet, 60);
    const found = run(audit, fleet, 240, (k, row) => {
      if (k === 1) row[index('fitness')] = row[index('fitness')]! - 0.4;
    });
    assert.deepEqual(
      found.filter(({ evento }) => evento !== 'actualizada').map(({ evento, id }) => [evento, id]),
      [
        ['abierta', 'flota/1'],
        ['cerrada', 'flota/1'],
      ],
    );
  });

  test('nothing is judged before it is known', () => {
    const audit = new Audit('flota');
    const fleet = new Fleet(2, 8);
    const wild = (_: number, row: number[]): void => void (row[0] = fleet.look % 2);
    assert.deepEqual(run(audit, fleet, 19, wild), []);
    assert.equal(audit.fits, 0);
  });

  test('from its bytes it goes on as it would have', () => {
    const audit = new Audit('flota');
    const fleet = new Fleet(5, 9);
    run(audit, fleet, 90);
    const bytes = audit.encode();
    const again = Audit.decode('flota', bytes);
    assert.deepEqual(again.encode(), bytes);
    assert.equal(again.fits, 1);
    const change = (k: number, row: number[]): void => {
      if (k === 3) row[index('throughput')] = 0;
    };
    const found = run(again, fleet, 2, change);
    assert.deepEqual(
      found.map(({ evento, id, feature }) => [evento, id, FEATURES[feature]!.nombre]),
      [['abierta', 'flota/3', 'throughput']],
    );
  });

  test('damaged bytes are an error that names the entry', () => {
    const audit = new Audit('flota');
    run(audit, new Fleet(3, 10), 40);
    const bytes = audit.encode();
    for (const at of [0, 3, 9, bytes.length - 2]) {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ 0x55;
      assert.throws(() => Audit.decode('flota', damaged), {
        code: 'COREC_E_STATE_UNREADABLE',
        message: /flota/,
      });
    }
  });

  test('a bloque that is gone closes what was open of it', () => {
    const audit = new Audit('flota');
    const fleet = new Fleet(5, 11);
    run(audit, fleet, 60);
    run(audit, fleet, 2, (k, row) => {
      if (k === 0) row[index('carga')] = 0;
    });
    const closed = audit.forget((id) => id !== 'flota/0');
    assert.deepEqual(
      closed.map(({ evento, id }) => [evento, id]),
      [['cerrada', 'flota/0']],
    );
    assert.equal(audit.openCount, 0);
  });
});

test('figures are over the time between two looks', () => {
  const figures: BloqueFigures = {
    fitness: 0.9,
    spread: 0.1,
    mean: 0.02,
    carga: 0.5,
    runsTotal: 1000,
    fallosTotal: 10,
    turnsTotal: 100,
    turnsMs: 50,
    alerting: 1,
    ligadas: 100,
    lateTotal: 30,
    quality: { silent: 0.01, stuck: 0.02, impossible: 0.03 },
  };
  const later = {
    ...figures,
    runsTotal: 1600,
    fallosTotal: 16,
    turnsTotal: 160,
    turnsMs: 80,
    alerting: 5,
    lateTotal: 90,
  };
  assert.deepEqual(
    featuresOf(figures, later, 60_000),
    [0.9, 0.1, 0.01, 0.5, 0.5, 10, 0.05, 0.02, 0.01, 0.02, 0.03, 0.1],
  );
  assert.deepEqual(featuresOf(figures, figures, 60_000), [0.9, 0.1, 0, 0.5, 0, 0, 0.01, 0.02, 0.01, 0.02, 0.03, 0]);
});
