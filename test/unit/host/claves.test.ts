import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Claves, cleanPart, ScanOutput, uniqueName } from '#domain/host/claves.ts';
import { fuenteHostSchema } from '#domain/host/config.ts';
import { hashClave, LecturaBatch } from '#domain/lectura/batch.ts';
import { lecturasOf } from './parse.ts';

describe('fuenteHostSchema', () => {
  test('the shortest entry is complete', () => {
    assert.deepEqual(fuenteHostSchema.parse({ tipo: 'host', bloque: 'host' }), {
      tipo: 'host',
      bloque: 'host',
      intervalo_ms: 1000,
      intervalo_lento_ms: 10_000,
      procesos: { max: 24, edad_min_s: 10, hilos_kernel: false, leidos_max: 100 },
      include: [],
      exclude: [],
      raiz: '/',
    });
  });

  test('names the path of what it refuses', () => {
    const result = fuenteHostSchema.safeParse({ tipo: 'host', bloque: 'h', intervalo_ms: 1, procesos: { mx: 3 } });
    assert.deepEqual(
      result.error?.issues.map((issue) => issue.path.join('.')),
      ['intervalo_ms', 'procesos'],
    );
  });
});

describe('Claves', () => {
  const wanted = (include: string[], exclude: string[], ...texts: string[]): string[] => {
    const claves = new Claves(include, exclude);
    return texts.filter((text) => claves.make(text) !== null);
  };
  const some = ['cpu/total/usado', 'red/eth0/rx_bytes_s', 'red/lo/rx_bytes_s', 'disco/loop3/cola', 'proc/12.node/cpu'];

  test('without globs everything but the things that say nothing is wanted', () => {
    assert.deepEqual(wanted([], [], ...some), ['cpu/total/usado', 'red/eth0/rx_bytes_s', 'proc/12.node/cpu']);
    assert.deepEqual(wanted([], ['proc/*'], ...some), ['cpu/total/usado', 'red/eth0/rx_bytes_s']);
  });

  test('include takes exactly what it matches, also what is else left out, and exclude takes away from it', () => {
    assert.deepEqual(wanted(['red/*', 'disco/loop?/*'], ['*/eth0/*'], ...some), [
      'red/lo/rx_bytes_s',
      'disco/loop3/cola',
    ]);
    assert.deepEqual(wanted(['*'], [], ...some), some);
  });

  test('a glob is no regular expression, and matches whole claves', () => {
    assert.deepEqual(wanted(['cpu/(total|0)/usado'], [], ...some), []);
    assert.deepEqual(wanted(['cpu/total'], [], ...some), []);
    assert.deepEqual(wanted(['fs/a.b/usado'], [], 'fs/a.b/usado', 'fs/axb/usado'), ['fs/a.b/usado']);
  });

  test('bytes and hash are those of the text', () => {
    const clave = new Claves([], []).make('carga/1m')!;
    assert.equal(new TextDecoder().decode(clave.bytes), 'carga/1m');
    assert.equal(clave.hash, hashClave(clave.bytes, 0, clave.bytes.length));
  });

  test('a part is never empty, never holds a separator, a glob or a byte that is not printable ASCII', () => {
    assert.equal(cleanPart('kworker/0:1'), 'kworker_0:1');
    assert.equal(cleanPart('Web Content'), 'Web_Content');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        assert.match(cleanPart(Buffer.from(bytes).toString('latin1')), /^[A-Za-z0-9._+:@~-]{1,64}$/);
      }),
    );
  });

  test('a taken name gets a number', () => {
    const taken = new Set<string>();
    assert.deepEqual(
      ['a', 'b', 'a', 'a'].map((name) => uniqueName(name, taken)),
      ['a', 'b', 'a~2', 'a~3'],
    );
  });
});

describe('ScanOutput', () => {
  const claves = new Claves([], []);

  test('drops what is not wanted and what is not finite', () => {
    const out = new ScanOutput();
    out.begin(7);
    out.add(null, 1);
    for (const valor of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      out.add(claves.make('a/b'), valor);
    assert.equal(out.length, 0);
  });

  test('hands over all readings once and in order, however small the batches', () => {
    const out = new ScanOutput();
    for (const count of [0, 1, 255, 256, 257, 1000]) {
      out.begin(1234);
      for (let k = 0; k < count; k++) out.add(claves.make(`cpu/${k}/usado`), k);
      const found: [string, number][] = [];
      while (out.pending > 0) {
        const batch = new LecturaBatch(100, 8);
        assert.equal(out.drain(batch), Math.min(100, count - found.length));
        for (let k = 0; k < batch.length; k++) {
          assert.equal(batch.tsMs[k], 1234);
          const from = batch.claveOffset[k]!;
          assert.equal(batch.claveHash[k], hashClave(batch.claveBytes, from, from + batch.claveLength[k]!));
        }
        found.push(...lecturasOf(batch));
      }
      assert.deepEqual(
        found,
        Array.from({ length: count }, (_, k) => [`cpu/${k}/usado`, k]),
      );
    }
  });
});
