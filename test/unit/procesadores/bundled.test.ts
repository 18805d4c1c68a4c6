import assert from 'node:assert/strict';
import test from 'node:test';
import { BUNDLED } from '#domain/procesadores/bundled.ts';
import { parseParametros } from '#domain/procesadores/define.ts';
import { reasonText } from '#domain/texts/alerta-text.ts';
import { isTextCode } from '#domain/texts/text.ts';
import { Bench, MINUTE, dice, every, gauss } from './run.ts';

test('the bundled procesadores are those of the documentation, each once', () => {
  assert.deepEqual(
    BUNDLED.map(({ nombre }) => nombre).toSorted(),
    ['conteo', 'contador', 'detector', 'detector_fino', 'latido', 'limites', 'simulado', 'tasa'].toSorted(),
  );
});

test('all but limites run without parametros', () => {
  for (const procesador of BUNDLED) {
    if (procesador.nombre !== 'limites') assert.ok(parseParametros(procesador, undefined, 'p'), procesador.nombre);
  }
});

test('every reason a detector gives has words in both languages', () => {
  const random = dice(1);
  const codes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const n = 4000;
    const series = Float64Array.from({ length: n }, (_, i) => {
      const x = 20 + gauss(random);
      if (i > 3000 && i < 3100 && seed % 4 === 0) return 20.5;
      if (i > 3000 && seed % 4 === 1) return x + 4 + (i - 3000) * 0.002;
      if (i === 3000 && seed % 4 === 2) return x - 30;
      return seed % 4 === 3 && i > 3000 ? x + (i - 3000) * 0.01 : x;
    });
    const bench = new Bench(BUNDLED.find(({ nombre }) => nombre === 'detector')!);
    bench.feed(series, every(5 * MINUTE, n));
    for (const { why, valor, lectura, tsMs } of bench.opened) {
      codes.add(why.codigo);
      for (const idioma of ['en', 'es'] as const) {
        const text = reasonText(idioma, {
          regla: 'detector',
          abiertaMs: tsMs,
          valor,
          lectura,
          esperadoMin: why.esperadoMin,
          esperadoMax: why.esperadoMax,
          razon: { codigo: why.codigo, ...why.params },
        });
        assert.ok(isTextCode(`reason.${why.codigo}`), why.codigo);
        assert.doesNotMatch(text, /NaN|undefined|Infinity|\{/);
      }
    }
  }
  assert.ok(codes.size >= 4, [...codes].join(' '));
});
