import assert from 'node:assert/strict';
import test from 'node:test';
import { conteo } from '#domain/procesadores/conteo.ts';
import { parseParametros } from '#domain/procesadores/define.ts';
import { makeBloque } from '../../fixtures/bloque.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import { Bench, DAY, START, dice, gauss } from './run.ts';

/** `count(day)` events spread over each day. */
function eventsOf(days: number, count: (day: number) => number): number[] {
  const times: number[] = [];
  for (let day = 0; day < days; day++) {
    const n = count(day);
    for (let k = 0; k < n; k++) times.push(START + day * DAY + Math.floor(((k + 0.5) / n) * DAY));
  }
  return times;
}

const ones = (n: number): Float64Array => new Float64Array(n).fill(1);

/** Scores and explanations of what opened, one for each time the valor reached the limit anew. */
function run(times: readonly number[], parametros: unknown): { bench: Bench; starts: Bench['opened'] } {
  const bench = new Bench(conteo, parametros);
  bench.feed(ones(times.length), times);
  const seen = new Set<string>();
  const starts = bench.opened.filter(({ valor, why }) => {
    const key = `${why.codigo} ${why.params!['lectura']}`;
    return valor >= 0.5 && !seen.has(key) && seen.add(key);
  });
  return { bench, starts };
}

test('flights a day: a day of storm is told when it has ended, with the count and what was usual', () => {
  const random = dice(1);
  const times = eventsOf(160, (day) => (day === 150 ? 27 : Math.round(350 + 10 * gauss(random))));
  const { starts } = run(times, { ventana_s: 86_400 });
  assert.deepEqual(
    starts.map(({ why }) => [why.codigo, why.params!['lectura']]),
    [['events_low', 27]],
  );
  const [{ tsMs, why }] = starts as [Bench['opened'][number]];
  assert.equal(Math.floor((tsMs - START) / DAY), 151);
  assert.ok(why.esperadoMin! > 250 && why.esperadoMax! < 450);
});

test('a burst of events is events_high', () => {
  const random = dice(2);
  const times = eventsOf(160, (day) => (day === 140 ? 900 : Math.round(350 + 10 * gauss(random))));
  assert.deepEqual(
    run(times, { ventana_s: 86_400 }).starts.map(({ why }) => why.codigo),
    ['events_high'],
  );
});

test('usual counts, weekends included, are quiet', () => {
  const random = dice(3);
  const times = eventsOf(200, (day) => Math.round((day % 7 < 5 ? 350 : 280) + 10 * gauss(random)));
  assert.deepEqual(run(times, { ventana_s: 86_400 }).starts, []);
});

test('a clave that stops altogether is seen by the cycle, from the watermark, and nothing is learned from looking', () => {
  const random = dice(4);
  const times = eventsOf(120, () => Math.round(350 + 10 * gauss(random)));
  const { bench } = run(times, { ventana_s: 86_400 });
  assert.equal(bench.opened.length, 0);
  assert.equal(bench.cycle(START + 120.5 * DAY)[0], 0);
  const before = bench.state();
  assert.ok(bench.cycle(START + 121.5 * DAY)[0]! >= 0.5);
  assert.deepEqual(bench.state(), before);
  const { why } = bench.opened[0]!;
  assert.equal(why.codigo, 'events_low');
  assert.equal(why.desdeMs, START + 121 * DAY);
  assert.ok(why.esperadoMin! > 250);
});

test('empty windows between count as 0, and a late lectura counts into the open window', () => {
  const hour = 3_600_000;
  const bench = new Bench(conteo, { ventana_s: 3600 });
  // the first window is incomplete: not judged
  bench.feed(ones(2), [START, START + 1]);
  assert.equal(bench.state()['seen'], 0);
  bench.feed(ones(1), [START + hour]);
  assert.equal(bench.state()['seen'], 0);
  // windows 1 (2 events, one of them late) and 2, 3 (empty)
  bench.feed(ones(2), [START, START + 4 * hour]);
  const { seen, high, low, origin, cuenta } = bench.state();
  assert.equal(seen, 3);
  assert.equal(origin! + high!, 2);
  assert.equal(origin! + low!, 0);
  assert.equal(cuenta, 1);
});

test('sumar adds up the valores instead', () => {
  const bench = new Bench(conteo, { ventana_s: 3600, sumar: true });
  bench.feed([2, 3, 4.5], [START + 1, START + 2, START + 3]);
  assert.equal(bench.state()['cuenta'], 9.5);
});

/** `valores(day)` spread over each day. */
function spreadOf(days: number, valores: (day: number) => readonly number[]): { times: number[]; valor: number[] } {
  const times: number[] = [];
  const valor: number[] = [];
  for (let day = 0; day < days; day++) {
    const own = valores(day);
    for (const [k, one] of own.entries()) {
      times.push(START + day * DAY + Math.floor(((k + 0.5) / own.length) * DAY));
      valor.push(one);
    }
  }
  return { times, valor };
}

test('media judges how late a day was on average, however many flights it had, and says which day', () => {
  const random = dice(6);
  const { times, valor } = spreadOf(120, (day) =>
    Array.from({ length: day % 7 < 5 ? 40 : 15 }, () => (day === 110 ? 90 : 8) + 10 * gauss(random)),
  );
  const bench = new Bench(conteo, { ventana_s: 86_400, media: true });
  bench.feed(valor, times);
  const [opened] = bench.opened;
  assert.equal(opened?.why.codigo, 'mean_high');
  assert.ok(Math.abs(Number(opened.why.params!['lectura']) - 90) < 6);
  assert.ok(opened.why.esperadoMax! < 20);
  assert.equal(opened.why.params!['ventanaDesdeMs'], START + 110 * DAY);
  assert.equal(Math.floor((opened.tsMs - START) / DAY), 111, 'it is told once the day has ended');
});

test('a window with fewer lecturas than minimo has no mean: one lectura alone is neither judged nor learned', () => {
  const { times, valor } = spreadOf(120, (day) =>
    day === 110 ? [900] : Array.from({ length: 20 }, (_, k) => 8 + (k % 5) + (day % 5) / 10),
  );
  const bench = new Bench(conteo, { ventana_s: 86_400, media: true });
  bench.feed(valor, times);
  assert.deepEqual(bench.opened, []);
  assert.equal(bench.state()['seen'], 117, 'of 120: neither the first, nor that one, nor the open one');
  const few = new Bench(conteo, { ventana_s: 86_400, media: true, minimo: 1 });
  few.feed(valor, times);
  assert.equal(few.opened[0]?.why.params!['lectura'], 900);
});

test('silence is no mean: windows without lecturas are not judged, and the cycle does not look at them', () => {
  const random = dice(8);
  const { times, valor } = spreadOf(100, (day) =>
    day >= 80 && day < 95 ? [] : Array.from({ length: 20 }, () => 50 + gauss(random)),
  );
  const bench = new Bench(conteo, { ventana_s: 86_400, media: true });
  bench.feed(valor, times);
  assert.equal(bench.cycle(START + 200 * DAY)[0], 0);
  assert.deepEqual(bench.opened, []);
});

test('a sum is told as a sum', () => {
  const random = dice(9);
  const { times, valor } = spreadOf(120, (day) =>
    Array.from({ length: 10 }, () => (day === 110 ? 70 : 10) + gauss(random)),
  );
  const bench = new Bench(conteo, { ventana_s: 86_400, sumar: true });
  bench.feed(valor, times);
  assert.equal(bench.opened[0]?.why.codigo, 'sum_high');
});

test('the reason names the window in both languages', () => {
  const random = dice(1);
  const times = eventsOf(160, (day) => (day === 150 ? 27 : Math.round(350 + 10 * gauss(random))));
  const [{ tsMs, valor, why }] = run(times, { ventana_s: 86_400 }).starts as [Bench['opened'][number]];
  const { esperadoMin, esperadoMax } = why;
  const razon = { codigo: why.codigo, ...why.params };
  const facts = { regla: 'conteo', abiertaMs: tsMs, valor, lectura: 1, esperadoMin, esperadoMax, razon };
  const day = new Date(START + 150 * DAY).toISOString().replace('.000', '');
  assert.match(reasonText('en', facts), new RegExp(`^27 events in the window, fewer than .* \\(window of ${day}\\)$`));
  assert.match(reasonText('es', facts), new RegExp(`^27 eventos en la ventana, menos de .* \\(ventana del ${day}\\)$`));
});

test('how lecturas are batched and how often cycles look changes no state', () => {
  const random = dice(5);
  const times = eventsOf(90, (day) => Math.round((day === 80 ? 60 : 20) + 3 * gauss(random)));
  const whole = new Bench(conteo, { ventana_s: 86_400 });
  whole.feed(ones(times.length), times);
  const looked = new Bench(conteo, { ventana_s: 86_400 });
  for (let from = 0; from < times.length; from += 13) {
    const part = times.slice(from, from + 13);
    looked.feed(ones(part.length), part);
    looked.cycle(part.at(-1)!);
  }
  assert.deepEqual(looked.state(), whole.state());
});

test('a silence of years costs no more than a few windows', () => {
  const bench = new Bench(conteo, { ventana_s: 1 });
  bench.feed(ones(3), [START, START + 5000, START + 3000 * DAY]);
  assert.ok(bench.state()['seen']! <= 70);
  assert.deepEqual(bench.fallos, []);
});

test('parametros say what is allowed', () => {
  assert.throws(() => new Bench(conteo, { ventana_s: 0 }), /ventana_s/);
  assert.throws(() => new Bench(conteo, { ventana: 60 }), /ventana/);
  assert.throws(() => new Bench(conteo, { sumar: true, media: true }), /media.*one of sumar and media/);
  assert.throws(() => new Bench(conteo, { media: true, minimo: 0 }), /minimo/);
});

test('an alert opens at the same moment whether a cycle saw the silence or not, and says the same', () => {
  const random = dice(4);
  const usual = eventsOf(120, () => Math.round(350 + 10 * gauss(random)));
  // three days of nothing, then as before
  const after = eventsOf(3, () => 350).map((at) => at + 123 * DAY);
  const told = (looks: readonly number[]): unknown[] => {
    const parametros = parseParametros(conteo, { ventana_s: 86_400 }, 'parametros');
    const bloque = makeBloque(conteo, { parametros, enfriamientoMs: DAY });
    bloque.bind();
    bloque.bind();
    const changes: unknown[] = [];
    const lecturas = (times: readonly number[]): void => {
      for (const at of times) bloque.inbox.pushOne(0, 1, at, at);
      bloque.watermarkMs = Math.max(bloque.watermarkMs, times.at(-1)!);
      bloque.drain(1, times.at(-1)!);
    };
    for (let k = 0; k < usual.length; k += 1000) lecturas(usual.slice(k, k + 1000));
    for (const at of looks) {
      // the other clave carries the time on
      bloque.watermarkMs = at;
      bloque.cycle(1, at);
    }
    lecturas(after);
    for (const { evento, episodio } of bloque.takeChanges()) {
      const { id, abiertaMs, valor, razon, esperadoMin, esperadoMax } = episodio;
      if (evento === 'abierta') changes.push({ id, abiertaMs, valor, razon, esperadoMin, esperadoMax });
    }
    return changes;
  };
  const unseen = told([]);
  assert.deepEqual(
    unseen.map((one) => (one as { abiertaMs: number }).abiertaMs),
    [START + 121 * DAY],
  );
  assert.deepEqual(told([START + 120.9 * DAY, START + 121.5 * DAY, START + 122.9 * DAY]), unseen);
});
