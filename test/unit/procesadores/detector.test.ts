import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { detector } from '#domain/procesadores/detector.ts';
import { Bench, DAY, MINUTE, START, dice, every, gauss, type Opened } from './run.ts';

const STEP = 5 * MINUTE;
const PER_DAY = DAY / STEP;

interface Run {
  readonly valores: Float32Array;
  /** What started, as index, code and range. */
  readonly starts: readonly (Opened & { readonly i: number })[];
}

function run(valores: ArrayLike<number>, times: ArrayLike<number>, parametros: unknown = {}): Run {
  const bench = new Bench(detector, parametros);
  const out = bench.feed(valores, times);
  assert.deepEqual(bench.fallos, []);
  const index = new Map(Array.from(times, (t, i) => [t, i]));
  return { valores: out, starts: bench.opened.map((opened) => ({ ...opened, i: index.get(opened.tsMs)! })) };
}

/** `days` of five-minute lecturas of noise around 20, some of them changed. */
function noisy(days: number, seed: number, change: (x: number, i: number) => number = (x) => x): Float64Array {
  const random = dice(seed);
  return Float64Array.from({ length: days * PER_DAY }, (_, i) => change(20 + gauss(random), i));
}

/** Busy from 08:00 to 16:00 UTC each day, quiet else, with noise. */
function daily(days: number, seed: number, change: (x: number, day: number, hour: number) => number): Float64Array {
  const random = dice(seed);
  return Float64Array.from({ length: days * PER_DAY }, (_, i) => {
    const hour = ((i % PER_DAY) * 24) / PER_DAY;
    const busy = hour >= 8 && hour < 16 ? 80 : 20;
    return change(busy + 2 * gauss(random), Math.floor(i / PER_DAY), hour);
  });
}

test('the state of an entidad is 64 bytes', () => {
  assert.equal(detector.bytesPorEntidad, 64);
});

test('nothing alerts while a clave is new, however wild it is', () => {
  const random = dice(1);
  const wild = Float64Array.from({ length: 300 }, () => (random() < 0.1 ? 1e6 * random() : random()));
  const { valores, starts } = run(wild, every(STEP, wild.length));
  assert.deepEqual(starts, []);
  assert.ok(valores.every((valor) => valor === 0));
});

test('a spike is told once, at once, with a range that holds what is usual and not the spike', () => {
  const at = 9 * PER_DAY + 7;
  const { valores, starts } = run(
    noisy(12, 2, (x, i) => (i === at ? 40 : x)),
    every(STEP, 12 * PER_DAY),
  );
  assert.deepEqual(
    starts.map(({ i, why }) => [i, why.codigo]),
    [[at, 'jump']],
  );
  const { esperadoMin, esperadoMax } = starts[0]!.why;
  assert.ok(
    esperadoMin! > 14 && esperadoMin! < 18 && esperadoMax! > 22 && esperadoMax! < 26,
    `${esperadoMin} ${esperadoMax}`,
  );
  assert.ok(valores[at]! >= 0.5 && valores[at]! < 1);
  assert.ok(valores[at + 1]! >= 0.25 && valores[at + 1]! < 0.5, 'the episodio is still fresh, and no second alert');
  assert.equal(valores[at + 60], 0);
});

test('a lasting shift is told at its beginning and becomes the new normal', () => {
  const from = 9 * PER_DAY;
  const { valores, starts } = run(
    noisy(20, 3, (x, i) => (i >= from ? x + 15 : x)),
    every(STEP, 20 * PER_DAY),
  );
  assert.ok(starts.some(({ i }) => i === from));
  assert.ok(starts.length <= 3, `${starts.length} alerts`);
  assert.ok(valores.subarray(12 * PER_DAY).every((valor) => valor < 0.5));
});

test('a creeping failure is told as a drift or as being too low, though no lectura alone is new', () => {
  const random = dice(4);
  // dips to 50 for a quarter of an hour are usual; staying there for a day is not
  const valores = Float64Array.from({ length: 20 * PER_DAY }, (_, i) => {
    const day = i / PER_DAY;
    return (day >= 15 && day < 16) || i % 200 < 3 ? 50 + gauss(random) : 90 + gauss(random);
  });
  const { starts } = run(valores, every(STEP, valores.length));
  const told = starts.filter(({ i }) => i >= 15 * PER_DAY && i < 16 * PER_DAY);
  assert.ok(told.length > 0);
  assert.ok(['too_low', 'drift'].includes(told[0]!.why.codigo));
  assert.ok(told[0]!.why.esperadoMin! > 50);
});

test('a morning that does not come is told, with what that time of day usually has', () => {
  const { starts } = run(
    daily(14, 5, (x, day, hour) => (day === 10 && hour >= 8 && hour < 16 ? 20 : x)),
    every(STEP, 14 * PER_DAY),
  );
  assert.equal(starts.length, 1);
  const { i, why } = starts[0]!;
  assert.ok(i > 10 * PER_DAY + 8 * 12 && i <= 10 * PER_DAY + 15 * 12, String(i / PER_DAY));
  assert.equal(why.codigo, 'too_low');
  assert.ok(why.esperadoMin! > 40 && why.esperadoMax! < 100, `${why.esperadoMin} ${why.esperadoMax}`);
  assert.ok(Number(why.params!['lectura']) < 30);
});

test('a sensor that sticks is told once; one that always repeats itself never', () => {
  const at = 9 * PER_DAY;
  const stuck = run(
    noisy(12, 6, (x, i) => (i >= at && i < at + 200 ? 20.5 : x)),
    every(STEP, 12 * PER_DAY),
  );
  assert.deepEqual(
    stuck.starts.map(({ why }) => why.codigo),
    ['flat'],
  );
  assert.ok(stuck.starts[0]!.i > at && stuck.starts[0]!.i < at + 60);
  const random = dice(7);
  let level = 20;
  const steps = Float64Array.from({ length: 12 * PER_DAY }, () => {
    if (random() < 0.02) level = Math.round(18 + 4 * random());
    return level;
  });
  assert.deepEqual(run(steps, every(STEP, steps.length)).starts, []);
});

test('units do not matter: a series times 2^k gives the very same valores, times 1e-6 or plus 1e6 the same alerts', () => {
  const series = noisy(12, 8, (x, i) => (i === 2500 ? 33 : i > 2800 ? x + 9 : x));
  const times = every(STEP, series.length);
  const plain = run(series, times);
  assert.ok(plain.starts.length > 0);
  for (const k of [-20, 13, 60]) {
    const scaled = run(
      series.map((x) => x * 2 ** k),
      times,
    );
    assert.deepEqual(scaled.valores, plain.valores, `2^${k}`);
  }
  for (const change of [
    (x: number): number => x * 1e-6,
    (x: number): number => x * 1e9,
    (x: number): number => x + 1e6,
  ]) {
    assert.deepEqual(
      run(series.map(change), times).starts.map(({ i }) => i),
      plain.starts.map(({ i }) => i),
    );
  }
});

test('an upside-down series is judged alike', () => {
  const series = noisy(12, 9, (x, i) => (i === 2500 ? 33 : x));
  const times = every(STEP, series.length);
  assert.deepEqual(
    run(
      series.map((x) => -x),
      times,
    ).valores,
    run(series, times).valores,
  );
});

test('quiet series of every kind do not flood: a handful of alerts in 30 days at most', (t) => {
  const n = 30 * PER_DAY;
  const kinds: Record<string, { most: number; make: (random: () => number) => (i: number) => number }> = {
    gauss: { most: 2, make: (r) => () => gauss(r) },
    uniform: { most: 1, make: (r) => r },
    exponential: { most: 4, make: (r) => () => -Math.log(1 - r()) },
    'heavy tail': { most: 7, make: (r) => () => (1 - r()) ** (-1 / 1.5) },
    walk: {
      most: 4,
      make: (r) => {
        let x = 0;
        return () => (x += gauss(r));
      },
    },
    'daily wave': { most: 1, make: (r) => (i) => 50 + 20 * Math.sin((2 * Math.PI * i) / PER_DAY) + gauss(r) },
    'mostly zero': { most: 1, make: (r) => () => (r() < 0.01 ? 1 : 0) },
    constant: { most: 0, make: () => () => 7 },
    sawtooth: { most: 0, make: () => (i) => i % 97 },
    'on and off': { most: 0, make: (r) => () => (r() < 0.5 ? 1 : 0) },
    'steady rise': { most: 0, make: () => (i) => i * 0.1 },
    'doubling every 1.5 days': { most: 9, make: (r) => (i) => 2 ** (i / (1.5 * PER_DAY)) * (1 + 0.05 * gauss(r)) },
  };
  for (const [name, { most, make }] of Object.entries(kinds)) {
    let alerts = 0;
    const seeds = 5;
    for (let seed = 1; seed <= seeds; seed++) {
      const next = make(dice(seed * 101));
      alerts += run(
        Float64Array.from({ length: n }, (_, i) => next(i)),
        every(STEP, n),
      ).starts.length;
    }
    t.diagnostic(`${name}: ${(alerts / seeds).toFixed(1)} alerts in 30 days`);
    assert.ok(alerts / seeds <= most, `${name}: ${alerts / seeds} alerts in 30 days, at most ${most}`);
  }
});

test('a lectura a second is no reason for more alerts', () => {
  const random = dice(10);
  const n = 2 * 86_400;
  const { starts } = run(
    Float64Array.from({ length: n }, () => Math.exp(gauss(random))),
    every(1000, n),
  );
  assert.ok(starts.length <= 4, `${starts.length} alerts in two days`);
});

test('a lectura a day is enough: ready after two months, an extraordinary day is told', () => {
  const random = dice(11);
  const days = Float64Array.from({ length: 150 }, (_, day) => (day === 120 ? 27 : 350 + 10 * gauss(random)));
  const { starts } = run(days, every(DAY, days.length));
  assert.deepEqual(
    starts.map(({ i }) => i),
    [120],
  );
});

test('any times and any numbers: valores are steps of 1/256 from 0 to 1 and no run fails', () => {
  const x = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1e308, -1e308, 5e-324, 1e-40, 4e9, -1),
    fc.integer({ min: -3, max: 3 }),
  );
  const dt = fc.oneof(fc.integer({ min: -DAY, max: 5 * DAY }), fc.constantFrom(0, 1, 1000, 400 * DAY, -400 * DAY));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(x, dt), { minLength: 1, maxLength: 900 }),
      fc.integer({ min: -5e12, max: 5e12 }),
      (rows, start) => {
        let t = start;
        const times = rows.map(([, step]) => (t += step));
        const { valores } = run(
          rows.map(([value]) => value),
          times,
        );
        for (const valor of valores)
          assert.ok(valor >= 0 && valor <= 1 && Number.isInteger(valor * 256), String(valor));
      },
    ),
    { numRuns: 60, seed: 12 },
  );
});

test('duplicates, a step back in time, a gap and irregular steps neither fail nor alert', () => {
  const random = dice(13);
  const valores: number[] = [];
  const times: number[] = [];
  let t = START;
  for (let i = 0; i < 6000; i++) {
    valores.push(20 + gauss(random));
    times.push(t);
    t += i === 3000 ? 3 * DAY : i === 4000 ? -6 * 3_600_000 : i % 7 === 0 ? 0 : Math.round(2 * STEP * random());
  }
  assert.ok(run(valores, times).starts.length <= 2);
});

test('how lecturas are batched changes nothing: the same valores and the same columns', () => {
  const series = noisy(8, 14, (x, i) => (i === 2000 ? 60 : x));
  const times = every(STEP, series.length);
  const whole = new Bench(detector);
  const inBatches = new Bench(detector);
  assert.deepEqual(inBatches.feed(series, times, 0, 37), whole.feed(series, times));
  assert.deepEqual(inBatches.state(), whole.state());
});

test('claves do not disturb one another', () => {
  const series = noisy(8, 15, (x, i) => (i === 2000 ? 60 : x));
  const times = every(STEP, series.length);
  const alone = new Bench(detector).feed(series, times);
  const together = new Bench(detector, {}, 3);
  together.feed(
    series.map((x) => 1e6 * x),
    times,
    0,
  );
  together.feed(new Float64Array(series.length), times, 2);
  assert.deepEqual(together.feed(series, times, 1), alone);
});

test('sensibilidad widens and narrows the margin', () => {
  const series = noisy(20, 16, (x, i) => (i === 4000 ? 25.5 : i === 5000 ? 60 : x));
  const times = every(STEP, series.length);
  const count = (sensibilidad: number): number => run(series, times, { sensibilidad }).starts.length;
  assert.ok(count(0.05) <= count(1) && count(1) <= count(10));
  assert.ok(count(0.05) < count(10));
});

test('parametros say what is allowed', () => {
  assert.throws(() => new Bench(detector, { sensibilidad: 0 }), /sensibilidad/);
  assert.throws(() => new Bench(detector, { sensitivity: 2 }), /sensitivity/);
});
