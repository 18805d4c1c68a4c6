/** An intelligent bloque in a whole CoreC: its forest is grown on a thread, and its model goes over a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENTIDADES_AUDIT } from '#domain/auditoria/entidades-audit.ts';
import { Audit } from '#domain/auditoria/audit.ts';
import { until } from '../../support/until.ts';
import { claves, entry, makeWorld, send, T0 } from './support.ts';

test('2.2: a bloque with `modelo` learns its entidades, on a thread, and goes on with it after a restart', async (t) => {
  const intelligent = entry('sensores', { modelo: 'isolation_forest', entidades: 100, entidades_por_bloque: 100 });
  const world = await makeWorld(t, { config: { auditoria: { intervalo_s: 1 }, bloques: [intelligent] } });
  let corec = await world.start();
  const gauge = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await corec.api.metrics())?.[1] ?? 0);
  const names = claves(40);
  let second = 0;
  const sendAll = (): Promise<unknown> => {
    second++;
    return send(
      corec.api,
      names.map((clave, k) => ({ clave, valor: k + ((second * 7 + k) % 5), ts: T0 + second * 1000 })),
    );
  };
  await until(
    'four looks',
    async () => {
      await sendAll();
      return (await gauge('corec_auditoria_looks_total')) >= 4;
    },
    20_000,
  );
  await corec.detener();

  corec = await world.start();
  const bloque = corec.api.bloques('sensores', 1)[0]!.id;
  const kept = corec.nucleus.storedEstado(`ModuloAuditoria/modelo/${bloque}`);
  assert.notEqual(kept, null);
  assert.equal(Audit.decode(bloque, kept!, ENTIDADES_AUDIT).size, 40);
  // as the module has it grown
  const dice = Array.from({ length: 800 }, (_, k) => Math.sin(k * 12.9898) * 43_758.5453);
  const rows = Float32Array.from(dice, (x) => x - Math.floor(x));
  const forest = await corec.nucleus.trainer.growForest({ rows, features: 4, options: {}, seed: 1 });
  assert.equal(forest.features, 4);
  assert.deepEqual(
    (await corec.api.alertas({ limit: 10, orden: 'tiempo' })).map(({ regla }) => regla),
    [],
  );
});
