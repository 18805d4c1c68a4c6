/** Canal 3 in the real nucleus: what never ends there is broken off, and nobody else waits for it. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { NucleusApi, SupervisionView } from '#ports/nucleus-api.ts';
import { until } from '../../support/until.ts';
import { claves, commit, entry, makeWorld, send, series } from './support.ts';

/** Never ends while a file says so; counts its runs. */
const COLGADO = `import { existsSync } from 'node:fs';
import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'colgado', version: 1, estado: { n: 'u32' },
  onLectura(e, { valor }) {
    while (existsSync(new URL('hang', import.meta.url)));
    e.n += 1;
    return valor;
  },
});`;

type Circuit = SupervisionView['circuitos'][number];

const circuitOf = (corec: { readonly api: NucleusApi }): Circuit | undefined =>
  corec.api.supervision().circuitos.find(({ bloque }) => bloque === 'analisis/0');

const COUNT = 20;
const names = claves(COUNT);
const LIMIT_MS = 2000;

test('a procesador that never ends is broken off and told of; others go on, and it goes on where it was', async (t) => {
  const world = await makeWorld(t);
  world.file('colgado.ts', COLGADO);
  const bloque = { entidades: COUNT, entidades_por_bloque: COUNT, canal: 3, tiempo_limite_ms: LIMIT_MS };
  world.configure({
    bloques: [
      entry('analisis', { ...bloque, procesador: 'colgado.ts' }),
      entry('tambien', { ...bloque, procesador: 'contador' }),
      entry('otros', { entidades: 10, canal: 2, procesador: 'contador' }),
    ],
  });
  const corec = await world.start();
  const circuit = (): Circuit | undefined => circuitOf(corec);
  await send(corec.api, series(names, 3), { bloque: 'analisis' });
  await until('they have acted', () => corec.api.entidad(`analisis:${names.at(-1)}`).estado['n'] === 3);
  await commit(corec);

  world.file('hang', '');
  await send(corec.api, series(names, 2, 4), { bloque: 'analisis' });
  // the loop is free: what comes for canal 2 meanwhile acts
  await send(corec.api, series(['x'], 5), { bloque: 'otros' });
  await until('canal 2 runs', () => corec.api.entidad('otros:x').valor === 5);
  assert.equal(circuit(), undefined, 'canal 2 has waited for canal 3');
  await send(corec.api, series(['y'], 5), { bloque: 'tambien' });

  await until('it is left alone', () => circuit()?.estado === 'abierto', 20_000);
  assert.match(circuit()!.fallo, /no end within 2000 ms/);
  assert.match(await corec.api.metrics(), /corec_broken_off_total(\{[^}]*\})? 1\n/);
  const alertas = await corec.api.alertas({ bloque: 'analisis', abiertas: true, limit: 10, orden: 'tiempo' });
  assert.match(alertas.find((a) => a.regla === 'circuit_open')!.texto, /no end within 2000 ms/);
  // the others of the canal have a thread again
  await until('the other bloque of canal 3 runs', () => corec.api.entidad('tambien:y').valor === 5);
  assert.equal(corec.api.bloques('analisis', 1)[0]!.inbox, 2 * COUNT);

  rmSync(join(world.folder, 'hang'));
  await until('the circuit is closed', () => circuit()?.estado === 'cerrado', 60_000);
  await until('every lectura has acted', () => corec.api.bloques('analisis', 1)[0]!.inbox === 0, 20_000);
  for (const name of names) assert.equal(corec.api.entidad(`analisis:${name}`).estado['n'], 5);
});

test('edited after it was broken off, it is left alone, and never runs in the main loop', async (t) => {
  const world = await makeWorld(t);
  world.file('colgado.ts', COLGADO);
  const limits = { entidades: COUNT, entidades_por_bloque: COUNT, canal: 3, tiempo_limite_ms: 300 };
  world.configure({ bloques: [entry('analisis', { ...limits, procesador: 'colgado.ts' })] });
  const corec = await world.start();
  const circuit = (): Circuit | undefined => circuitOf(corec);
  await send(corec.api, series(names, 3), { bloque: 'analisis' });
  await until('they have acted', () => corec.api.entidad(`analisis:${names.at(-1)}`).estado['n'] === 3);
  await commit(corec);
  world.file('hang', '');
  await send(corec.api, series(names, 2, 4), { bloque: 'analisis' });
  await until('it is left alone', () => circuit()?.estado === 'abierto', 20_000);

  // whoever mends it mends the file first, while the lectura that it hangs on still waits
  world.file('colgado.ts', COLGADO.replace('while (existsSync', 'if (existsSync'));
  await until('a thread has refused it', () => /is no longer what it was/.test(circuit()?.fallo ?? ''), 30_000);
  assert.match(await corec.api.metrics(), /corec_apart_refused_total(\{[^}]*\})? [1-9]/);
  assert.equal(corec.api.bloques('analisis', 1)[0]!.inbox, 2 * COUNT);
});

test('the entidad on whose lectura it hangs is found and put into quarantine; the others of its bloque go on', async (t) => {
  const world = await makeWorld(t);
  world.file('colgado.ts', COLGADO.replace(/while \(existsSync.*;/, 'while (valor === 666);'));
  const limits = { entidades: 3, entidades_por_bloque: 3, canal: 3, intervalo_ms: 200, tiempo_limite_ms: 300 };
  world.configure({ bloques: [entry('analisis', { ...limits, procesador: 'colgado.ts' })] });
  const corec = await world.start();
  const [first, ill, last] = claves(3) as [string, string, string];
  const n = (clave: string): unknown => corec.api.entidad(`analisis:${clave}`).estado['n'];
  await send(corec.api, series([first], 1), { bloque: 'analisis' });
  await until('one has acted', () => n(first) === 1);
  const rows = [...series([first], 1, 4), ...series([ill], 1, 666), ...series([last], 1)];
  await send(corec.api, rows, { bloque: 'analisis' });
  await until('it is in quarantine', () => corec.api.bloques('analisis', 1)[0]!.cuarentena === 1, 60_000);
  await send(corec.api, series([first, ill, last], 1, 20), { bloque: 'analisis' });
  await until('the others go on', () => n(first) === 3 && n(last) === 2, 60_000);
  assert.equal(n(ill), 0);
  assert.equal(corec.api.bloques('analisis', 1)[0]!.inbox, 0);
  await until('it is told', async () => {
    const alertas = await corec.api.alertas({ bloque: 'analisis', limit: 10, orden: 'tiempo' });
    return alertas.some(({ regla, texto }) => regla === 'quarantine' && /no end within 300 ms/.test(texto));
  });
});
