/** The same lecturas give the same alerts with the same ids and rows, however they were cut into lotes and whatever happened between. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { entry, makeWorld, send, T0, type Row, type World } from './support.ts';

/** mulberry32 */
function dice(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Twelve claves, one lectura a minute each; now and then a clave goes astray for a while, or says nothing. The last half hour is
 * quiet, so that every alert ends: the row of an open one need not be of the last minute.
 */
function makeRows(seed: number, minutes: number): Row[] {
  const random = dice(seed);
  const astray = new Float64Array(12);
  const silent = new Float64Array(12);
  const rows: Row[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    for (let c = 0; c < 12; c++) {
      if (random() < 0.004) astray[c] = 1 + Math.floor(random() * 12);
      if (random() < 0.002) silent[c] = 5 + Math.floor(random() * 30);
      if (minute >= minutes - 30) astray[c] = silent[c] = 0;
      const noise = random();
      const at = Math.floor(random() * 1000);
      if (silent[c]! > 0) {
        silent[c]!--;
        continue;
      }
      const valor = (astray[c]! > 0 ? 120 : 50) + c + noise * 4;
      if (astray[c]! > 0) astray[c]!--;
      rows.push({ clave: `c${c}`, valor, ts: T0 + minute * 60_000 + c * 1000 + at });
    }
  }
  return rows;
}

const ENTRIES = ['limites', 'detector', 'fino', 'latido'] as const;

const makeFed = (t: TestContext): Promise<World> =>
  makeWorld(t, {
    config: {
      alertas: { enfriamiento_s: 600 },
      bloques: [
        entry('limites', { procesador: 'limites', parametros: { max: 100, histeresis: 5 } }),
        entry('detector', { procesador: 'detector', canal: 3 }),
        entry('fino', { procesador: 'detector_fino' }),
        entry('latido', { procesador: 'latido', parametros: { silencio_s: 240 }, canal: 3 }),
      ],
    },
  });

interface Fed {
  /** Everything that is stored of the alerts of limites, detector and detector_fino. */
  readonly rows: readonly unknown[];
  /** Which silences there were; how long each was seen depends on when cycles looked. */
  readonly silences: readonly unknown[];
}

async function storedAlerts(world: World): Promise<Fed> {
  const rows = await world.query(
    `SELECT id, bloque, canal, clave, regla, abierta_ms, actualizada_ms, cerrada_ms, valor, lectura, esperado_min,
       esperado_max, razon::text, lecturas
     FROM alertas WHERE instance_id = '${world.instanceId}' AND clave <> '' AND bloque NOT LIKE 'latido/%' ORDER BY id`,
  );
  const silences = await world.query(
    `SELECT id, bloque, clave, regla, abierta_ms FROM alertas
     WHERE instance_id = '${world.instanceId}' AND clave <> '' AND bloque LIKE 'latido/%' ORDER BY id`,
  );
  return { rows, silences };
}

/** Cuts rows into lotes (one, or of sizes by the dice) and delivers each to every entry; `deliver` may stop and start CoreC. */
async function feed(
  rows: readonly Row[],
  random: (() => number) | null,
  deliver: (some: readonly Row[], bloque: string, id: string) => Promise<unknown>,
): Promise<void> {
  for (let from = 0, n = 0; from < rows.length; n++) {
    const to = random === null ? rows.length : Math.min(rows.length, from + 1 + Math.floor(random() ** 3 * 2000));
    for (const bloque of ENTRIES) await deliver(rows.slice(from, to), bloque, `${bloque}-${n}`);
    from = to;
  }
}

test('alerts do not hang on how lecturas were cut into lotes, on epochs, restarts or kills', async (t) => {
  const seed = Number(process.env.COREC_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}; COREC_SEED repeats it`);
  const rows = makeRows(seed, 1200);

  const whole = await makeFed(t);
  let corec = await whole.start();
  await feed(rows, null, (some, bloque, id) => send(corec.api, some, { bloque, id }));
  await corec.detener();
  const expected = await storedAlerts(whole);
  assert.ok(expected.rows.length > 30, `${expected.rows.length} alerts`);
  for (const bloque of ENTRIES.slice(0, 3)) {
    const of = expected.rows.filter((row) => (row as { bloque: string }).bloque.startsWith(`${bloque}/`));
    assert.ok(of.length > 0, `no alert of ${bloque}`);
  }
  assert.ok(expected.silences.length > 5, `${expected.silences.length} silences`);

  const restarted = await makeFed(t);
  const random = dice(seed + 1);
  corec = await restarted.start();
  await feed(rows, random, async (some, bloque, id) => {
    await send(corec.api, some, { bloque, id });
    if (random() < 0.3) await corec.nucleus.epochs!.commit();
    if (random() < 0.06) {
      await corec.detener();
      corec = await restarted.start();
    }
  });
  await corec.detener();
  assert.deepEqual(await storedAlerts(restarted), expected);

  const killed = await makeFed(t);
  const kills = dice(seed + 2);
  let left = 3;
  let child = await killed.startChild();
  await feed(rows, kills, async (some, bloque, id) => {
    await child.send(some, { bloque, id });
    if (kills() < 0.1) await child.call('commit');
    if (left > 0 && kills() < 0.06) {
      left--;
      await child.kill();
      child = await killed.startChild();
      await child.send(some, { bloque, id });
    }
  });
  await child.call('commit');
  assert.deepEqual(await storedAlerts(killed), expected);
});
