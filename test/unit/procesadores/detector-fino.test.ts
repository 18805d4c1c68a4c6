import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { detectorFino } from '#domain/procesadores/detector-fino.ts';
import { detector } from '#domain/procesadores/detector.ts';
import type { AnyProcesador } from '#domain/procesadores/define.ts';
import { halfHourOf } from '#domain/procesadores/estacion.ts';
import { JUDGES, JUDGE_COLUMNS } from '#domain/procesadores/judges.ts';
import { NORMA_COLUMNS } from '#domain/procesadores/norma.ts';
import { Bench, DAY, MINUTE, START, dice, every, gauss, type Opened } from './run.ts';

const STEP = 5 * MINUTE;
const PER_DAY = DAY / STEP;
type Start = Opened & { readonly i: number };

function run(procesador: AnyProcesador, valores: ArrayLike<number>, times: ArrayLike<number>): Start[] {
  const bench = new Bench(procesador);
  bench.feed(valores, times);
  assert.deepEqual(bench.fallos, []);
  const index = new Map(Array.from(times, (t, i) => [t, i]));
  return bench.opened.map((opened) => ({ ...opened, i: index.get(opened.tsMs)! }));
}

function noisy(days: number, seed: number, change: (x: number, i: number) => number = (x) => x): Float64Array {
  const random = dice(seed);
  return Float64Array.from({ length: days * PER_DAY }, (_, i) => change(20 + gauss(random), i));
}

/** A wave a day between 10 and 90, with noise; `level` changes it before the noise. */
function wave(days: number, seed: number, level: (usual: number, day: number) => number = (x) => x): Float64Array {
  const random = dice(seed);
  return Float64Array.from({ length: days * PER_DAY }, (_, i) => {
    const usual = 50 + 40 * Math.sin((2 * Math.PI * i) / PER_DAY);
    return level(usual, Math.floor(i / PER_DAY)) + 2 * gauss(random);
  });
}

test('the state of an entidad is at most 4 KB', () => {
  assert.ok(detectorFino.bytesPorEntidad <= 4096, String(detectorFino.bytesPorEntidad));
});

test('a judge has every column of detector, of the same type', () => {
  assert.deepEqual(
    JUDGE_COLUMNS,
    Object.fromEntries(Object.entries(NORMA_COLUMNS).map(([name, type]) => [name, `${type}[${JUDGES}]`])),
  );
});

test('a day without its wave is told within hours, with what the hour usually brings; detector tells it later or not at all', () => {
  const from = 12 * PER_DAY;
  const to = 13 * PER_DAY;
  const valores = wave(16, 1, (usual, day) => (day === 12 ? 50 : usual));
  const times = every(STEP, valores.length);
  const told = (procesador: AnyProcesador): Start | undefined =>
    run(procesador, valores, times).find(({ i }) => i >= from && i < to);
  const fine = told(detectorFino);
  assert.ok(fine !== undefined && fine.i - from <= PER_DAY / 4, `told after ${fine && fine.i - from} lecturas`);
  assert.ok(['too_low', 'too_high'].includes(fine.why.codigo), fine.why.codigo);
  assert.match(String(fine.why.params!['horasUtc']), /^\d+-\d+$/);
  assert.ok(fine.lectura < fine.why.esperadoMin! || fine.lectura > fine.why.esperadoMax!);
  const plain = told(detector);
  assert.ok(plain === undefined || plain.i > fine.i, `detector told it at ${plain && plain.i - from}`);
});

test('a wave that stays as it is brings no alert, and a series without season is not judged by season', () => {
  const days = 30;
  assert.ok(run(detectorFino, wave(days, 2), every(STEP, days * PER_DAY)).length <= 1);
  const bench = new Bench(detectorFino);
  bench.feed(noisy(days, 3), every(STEP, days * PER_DAY));
  const state = bench.state();
  assert.ok(state['apartProfile']! > 0.6 * state['apartLevel']!);
  assert.equal(state[`seen_${JUDGES - 1}`], 0);
});

test('quiet weekends are usual from the second on; a working day like a weekend is told', () => {
  const random = dice(4);
  const days = 40;
  // START is a Monday
  const times = every(STEP, days * PER_DAY);
  const valores = Float64Array.from({ length: days * PER_DAY }, (_, i) => {
    const day = Math.floor(i / PER_DAY);
    const isQuiet = day % 7 >= 5 || day === 29;
    return (isQuiet ? 20 : 50 + 40 * Math.sin((2 * Math.PI * i) / PER_DAY)) + 2 * gauss(random);
  });
  const daysTold = run(detectorFino, valores, times).map(({ i }) => Math.floor(i / PER_DAY));
  assert.ok(daysTold.includes(29), daysTold.join(' '));
  assert.ok(
    daysTold.every((day) => day < 14 || day === 29 || day === 30),
    daysTold.join(' '),
  );
});

test('half hours: 48 of working days and 48 of weekends, before 1970 too', () => {
  assert.equal(halfHourOf(Date.UTC(2024, 0, 1, 0, 29)), 0);
  assert.equal(halfHourOf(Date.UTC(2024, 0, 5, 23, 30)), 47);
  assert.equal(halfHourOf(Date.UTC(2024, 0, 6, 0, 30)), 49);
  assert.equal(halfHourOf(Date.UTC(2024, 0, 7, 23, 59)), 95);
  assert.equal(halfHourOf(Date.UTC(1969, 11, 27, 1)), 50);
  assert.equal(halfHourOf(Date.UTC(1969, 11, 31, 23, 59)), 47);
});

test('no look-ahead: valores of a beginning are the same whatever comes after it', () => {
  const valores = wave(12, 5, (usual, day) => (day === 8 ? 50 : usual));
  const times = every(STEP, valores.length);
  const whole = new Bench(detectorFino).feed(valores, times);
  for (const n of [400, 8 * PER_DAY + 40, 9 * PER_DAY + 1]) {
    const other = valores.map((x, i) => (i < n ? x : -1e6));
    assert.deepEqual(new Bench(detectorFino).feed(other, times).subarray(0, n), whole.subarray(0, n));
  }
});

test('a spike, a lasting shift and a sensor that sticks are told once each', () => {
  const at = 9 * PER_DAY;
  const cases: [string, (x: number, i: number) => number][] = [
    ['jump', (x, i) => (i === at ? 40 : x)],
    ['jump', (x, i) => (i >= at && i < at + 40 ? x + 15 : x)],
    ['flat', (x, i) => (i >= at && i < at + 200 ? 20.5 : x)],
  ];
  for (const [codigo, change] of cases) {
    const starts = run(detectorFino, noisy(11, 6, change), every(STEP, 11 * PER_DAY)).filter(({ i }) => i >= at - 20);
    assert.equal(starts[0]?.why.codigo, codigo);
    assert.ok(starts[0].i >= at && starts[0].i < at + 60, String(starts[0].i - at));
    assert.ok(starts.length <= 2, `${codigo}: ${starts.map(({ i }) => i - at).join(' ')}`);
  }
});

test('quiet noise of several kinds brings a handful of alerts in 30 days at most', (t) => {
  const n = 30 * PER_DAY;
  const kinds: Record<string, { most: number; next: (random: () => number, i: number) => number }> = {
    gauss: { most: 3, next: (r) => gauss(r) },
    uniform: { most: 2, next: (r) => r() },
    exponential: { most: 4, next: (r) => -Math.log(1 - r()) },
    'heavy tail': { most: 7, next: (r) => (1 - r()) ** (-1 / 1.5) },
    'mostly zero': { most: 1, next: (r) => (r() < 0.01 ? 1 : 0) },
    constant: { most: 0, next: () => 7 },
    sawtooth: { most: 0, next: (_, i) => i % 97 },
    'noiseless wave': { most: 0, next: (_, i) => Math.sin((2 * Math.PI * i) / PER_DAY) },
  };
  for (const [name, { most, next }] of Object.entries(kinds)) {
    const random = dice(7);
    const alerts = run(
      detectorFino,
      Float64Array.from({ length: n }, (_, i) => next(random, i)),
      every(STEP, n),
    ).length;
    t.diagnostic(`${name}: ${alerts} alerts in 30 days`);
    assert.ok(alerts <= most, `${name}: ${alerts} alerts in 30 days, at most ${most}`);
  }
});

test('any times and any numbers: valores are steps of 1/256 from 0 to 1 and no run fails', () => {
  const x = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1e308, -1e308, 5e-324, 1e-40, 4e9, -1),
  );
  const dt = fc.oneof(fc.integer({ min: -DAY, max: 5 * DAY }), fc.constantFrom(0, 1, 1000, 400 * DAY, -400 * DAY));
  fc.assert(
    fc.property(fc.array(fc.tuple(x, dt), { minLength: 1, maxLength: 600 }), (rows) => {
      let t = START;
      const times = rows.map(([, step]) => (t += step));
      const bench = new Bench(detectorFino);
      const valores = bench.feed(
        rows.map(([value]) => value),
        times,
      );
      assert.deepEqual(bench.fallos, []);
      for (const valor of valores) assert.ok(valor >= 0 && valor <= 1 && Number.isInteger(valor * 256), String(valor));
    }),
    { numRuns: 30, seed: 12 },
  );
});

test('how lecturas are batched changes nothing, and claves do not disturb one another', () => {
  const valores = wave(8, 8, (usual, day) => (day === 6 ? 50 : usual));
  const times = every(STEP, valores.length);
  const alone = new Bench(detectorFino);
  const out = alone.feed(valores, times);
  const together = new Bench(detectorFino, {}, 3);
  together.feed(
    valores.map((x) => 1e6 * x),
    times,
    0,
  );
  assert.deepEqual(together.feed(valores, times, 1, 37), out);
  assert.deepEqual(together.state(1), alone.state());
});
