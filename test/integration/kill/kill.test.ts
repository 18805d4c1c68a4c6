/**
 * The promise of durability, tried: CoreC (and in some rounds its PostgreSQL) is killed at random moments while numbered lecturas
 * come in from a file and over HTTP. At the end a `contador` a clave must show every acknowledged lectura exactly once, and every
 * stored lectura and alert must stand once.
 *
 * COREC_KILL_ROUNDS sets the rounds (30); the seed is printed and COREC_KILL_SEED repeats it.
 */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import pg from 'pg';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { decodeMensajes } from '#domain/codec/columnas.ts';
import { killAll, postgresPids, startCoreC, type CoreCProcess } from '../../support/corec-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const ROUNDS = Number(process.env.COREC_KILL_ROUNDS ?? 30);
const SEED = Number(process.env.COREC_KILL_SEED ?? Date.now() % 1_000_000);
const CLAVES = 40;
const LOTE_ROWS = 50;
const FILE_ROWS_A_ROUND = 20_000;

/** mulberry32: small, seeded, good enough to choose moments. */
function dice(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Lote {
  readonly id: string;
  readonly body: string;
  acknowledged: boolean;
}

test(
  `killed ${ROUNDS} times, every acknowledged lectura acted once and is stored once (seed ${SEED})`,
  { timeout: 280_000 },
  async (t) => {
    const random = dice(SEED);
    const folder = tempFolder(t);
    const dataDir = join(folder, 'data');
    const input = join(folder, 'numbered.ndjson');
    const configPath = join(folder, 'corec_config.json');
    writeFileSync(input, '');
    const entry = (id: string, procesador: string, parametros: object = {}): object => ({
      id,
      canal: 2,
      entidades: 200,
      entidades_por_bloque: 50,
      procesador,
      parametros,
      intervalo_ms: 100,
    });
    writeFileSync(
      configPath,
      JSON.stringify({
        instance_id: 'kill',
        data_dir: 'data',
        http: null,
        bloques: [
          entry('de_archivo', 'contador'),
          entry('de_http', 'contador'),
          entry('limitado', 'limites', { max: 90, histeresis: 5 }),
        ],
        fuentes: [
          {
            tipo: 'archivo',
            ruta: 'numbered.ndjson',
            bloque: 'de_archivo',
            seguir: true,
            mapeo: { clave: 'c', valor: 'v', ts: 't' },
          },
        ],
        persistencia: { intervalo_s: 1 },
        alertas: { enfriamiento_s: 5 },
        logs: { ruta: 'corec.log' },
      }),
    );

    let corec: CoreCProcess | null = null;
    t.after(async () => {
      await corec?.end('SIGKILL');
      killAll(postgresPids(dataDir));
    });

    let fileRows = 0;
    const lotes: Lote[] = [];
    const limitLotes: Lote[] = [];
    const fileLine = (k: number): string => `{"c":"f${k % CLAVES}","v":${k},"t":${1_700_000_000_000 + k * 10}}\n`;
    const makeLote = (bloque: string, n: number): Lote => {
      let body = '';
      for (let k = 0; k < LOTE_ROWS; k++) {
        const at = n * LOTE_ROWS + k;
        const valor = bloque === 'limitado' ? (Math.floor(at / 4000) % 2 === 1 ? 95 : 10) : at;
        body += `{"clave":"h${at % CLAVES}","valor":${valor},"ts":${1_700_000_000_000 + at * 10}}\n`;
      }
      return { id: `${bloque}-${n}`, body, acknowledged: false };
    };
    /**
     * Sends in order; a lote without an answer is sent again under its id, as a client does. With `more`, makes new ones until it is
     * stopped; else ends when all have their answer.
     */
    const pump = async (
      process: CoreCProcess,
      bloque: string,
      list: Lote[],
      more: boolean,
      stop: { now: boolean },
    ): Promise<void> => {
      while (!stop.now) {
        let lote = list.find((candidate) => !candidate.acknowledged);
        if (lote === undefined) {
          if (!more) return;
          lote = makeLote(bloque, list.length);
          list.push(lote);
        }
        try {
          const answer = await process.call('POST', `/api/lecturas?bloque=${bloque}`, lote.body, {
            'content-type': 'application/x-ndjson',
            'x-lote-id': lote.id,
          });
          if (answer.status === 200) {
            lote.acknowledged = true;
            await delay(2);
          } else if (answer.status < 500 && answer.status !== 429)
            throw new assert.AssertionError({ message: `${answer.status} ${answer.body}` });
          else await delay(20);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          await delay(20);
        }
      }
    };

    for (let round = 0; round < ROUNDS; round++) {
      let rows = '';
      for (let k = 0; k < FILE_ROWS_A_ROUND; k++) rows += fileLine(fileRows++);
      appendFileSync(input, rows);
      // clients that lost their answers send again what was taken, maybe epochs ago
      for (const list of [lotes, limitLotes]) {
        for (let k = 0; k < Math.min(5, list.length); k++)
          list[Math.floor(random() * list.length)]!.acknowledged = false;
      }
      corec = startCoreC(configPath, dataDir);
      const stop = { now: false };
      // some rounds die while starting
      const early = random() < 0.2;
      if (!early) await corec.ready();
      const pumps = [pump(corec, 'de_http', lotes, true, stop), pump(corec, 'limitado', limitLotes, true, stop)];
      await delay(early ? random() * 900 : 100 + random() * 2400);
      if (random() < 0.4) {
        killAll(postgresPids(dataDir));
        await delay(random() * 300);
      }
      await corec.end('SIGKILL');
      if (random() < 0.3) killAll(postgresPids(dataDir));
      stop.now = true;
      await Promise.all(pumps);
    }

    corec = startCoreC(configPath, dataDir);
    await corec.ready();
    const stop = { now: false };
    const finish = Promise.all([
      pump(corec, 'de_http', lotes, false, stop),
      pump(corec, 'limitado', limitLotes, false, stop),
    ]);
    // a contador's valor is its count, exact below 2^24
    const countsOf = async (bloque: string): Promise<Map<string, number>> => {
      const found = (await corec!.json(`/api/entidades?glob=*&bloque=${bloque}&limit=1000`)) as {
        entidades: { clave: string; valor: number }[];
      };
      return new Map(found.entidades.map(({ clave, valor }) => [clave, valor]));
    };
    const all = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0);
    const deadline = setTimeout(() => (stop.now = true), 60_000);
    await finish;
    await until('the file is read', async () => all(await countsOf('de_archivo')) >= fileRows, 60_000);
    clearTimeout(deadline);
    assert.ok(![...lotes, ...limitLotes].some((lote) => !lote.acknowledged), 'every lote has its answer');

    const [ofFile, ofHttp] = [await countsOf('de_archivo'), await countsOf('de_http')];
    /** Of numbers 0 .. total - 1 dealt out to the claves in turn, how many clave `c` has. */
    const shareOf = (total: number, c: number): number => Math.floor((total - c + CLAVES - 1) / CLAVES);
    for (let c = 0; c < CLAVES; c++) {
      assert.equal(ofFile.get(`f${c}`), shareOf(fileRows, c), `f${c}`);
      assert.equal(ofHttp.get(`h${c}`), shareOf(lotes.length * LOTE_ROWS, c), `h${c}`);
    }
    assert.equal(await corec.end('SIGTERM'), 0, corec.output());

    // what is stored: every lectura once, every alert once, as an undisturbed run would have it
    const keeper = startCoreC(configPath, dataDir);
    corec = keeper;
    await keeper.ready();
    const client = new pg.Client({ host: join(dataDir, 'postgres'), user: 'corec', database: 'postgres' });
    await client.connect();
    const stored = new Map<string, number>();
    const { rows } = await client.query<{ id: string; mensajes: Buffer | null; codec: string | null }>(
      'SELECT id, mensajes, codec FROM bloques',
    );
    for (const row of rows) {
      if (row.mensajes === null) continue;
      const entry = row.id.split('/')[0]!;
      for (const mensaje of decodeMensajes(row.codec!, row.mensajes, makeZstd())) {
        const key = `${entry} ${mensaje.id} ${mensaje.ts}`;
        stored.set(key, (stored.get(key) ?? 0) + 1);
      }
    }
    const doubled = [...stored.values()].filter((count) => count !== 1).length;
    const sum = (prefix: string): number => [...stored.keys()].filter((key) => key.startsWith(prefix)).length;
    assert.equal(doubled, 0, 'stored twice');
    assert.equal(sum('de_archivo '), fileRows);
    assert.equal(sum('de_http '), lotes.length * LOTE_ROWS);
    assert.equal(sum('limitado '), limitLotes.length * LOTE_ROWS);
    const alerts = await client.query<{ alerta: string }>(
      "SELECT clave || ' ' || abierta_ms AS alerta FROM alertas WHERE bloque LIKE 'limitado/%' AND clave <> ''",
    );
    const expected: string[] = [];
    const limitRows = limitLotes.length * LOTE_ROWS;
    for (let from = 4000; from < limitRows; from += 8000) {
      for (let at = from; at < Math.min(from + CLAVES, limitRows); at++)
        expected.push(`h${at % CLAVES} ${1_700_000_000_000 + at * 10}`);
    }
    assert.deepEqual(
      alerts.rows.map((row) => row.alerta).toSorted(),
      expected.toSorted(),
      'alerts of the limit crossings',
    );
    await client.end();
    assert.equal(await keeper.end('SIGTERM'), 0, keeper.output());
    console.log(
      `kill test: seed ${SEED}, ${ROUNDS} kills, ${fileRows} lecturas from a file, ${lotes.length + limitLotes.length} lotes over HTTP, ${alerts.rows.length} alerts, lost 0, doubled 0`,
    );
  },
);
