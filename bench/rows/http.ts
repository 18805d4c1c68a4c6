/** Sustained ingest over HTTP with durable acknowledgement: only answered lecturas count. Baseline: JSON.parse of the same lines. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../lib/child.ts';
import { writeBareConfig } from '../lib/config.ts';
import { freePort, startCoreC } from '../lib/corec.ts';
import { sendLoad, type Load } from '../lib/http-load.ts';
import { CLAVES, Rounds } from '../lib/ndjson.ts';
import type { Progress } from '../lib/progress.ts';
import { atLeast, makeRow, type BenchRow } from '../lib/row.ts';
import { withFolder } from '../lib/workspace.ts';

export const HTTP_LIMIT = atLeast(100_000, 300_000);

const SECONDS = 31;
const CONNECTIONS = 8;
const HOT = 20;

export function benchHttp(progress: Progress): Promise<BenchRow[]> {
  const rounds = new Rounds({ claves: CLAVES, hot: HOT });
  return withFolder(async (folder) => {
    const port = await freePort();
    const config = writeBareConfig(folder, { http: { host: '127.0.0.1', port } });
    const corec = startCoreC(folder, config, port);
    await corec.ready(30_000);
    const stop = new AbortController();
    const load: Load = { acknowledged: 0, underway: 0, turnedAway: 0, bodies: 0 };
    const startMs = performance.now();
    const ticker = setInterval(() => {
      const seconds = (performance.now() - startMs) / 1000;
      progress(`${seconds.toFixed(0)} s, ${(load.acknowledged / seconds / 1000).toFixed(0)} thousand a second`);
      if (seconds >= SECONDS) stop.abort();
    }, 1000);
    let ms: number;
    try {
      await sendLoad(
        { port, rounds, connections: CONNECTIONS, fromRound: 0, roundsMax: null, stop: stop.signal, perSecond: null },
        load,
      );
      ms = performance.now() - startMs;
    } finally {
      clearInterval(ticker);
    }
    const status = await corec.status();
    await corec.stop();
    progress('JSON.parse of the same lines');
    const file = join(folder, 'lecturas.ndjson');
    writeFileSync(file, rounds.bytes);
    const parse = await startChild<{ rate: number }>('parse.ts', { file, rounds: 9 }, 60_000).result;
    return [
      makeRow('http', 'lecturas/s', HTTP_LIMIT, {
        value: (load.acknowledged * 1000) / ms,
        baseline: parse.rate,
        sound: status.lecturas >= load.acknowledged && status.ligadas === CLAVES + HOT,
        note:
          `${load.acknowledged} lecturas acknowledged in ${(ms / 1000).toFixed(1)} s, ${load.bodies} bodies of 2,000 rows over ` +
          `${CONNECTIONS} connections, ${load.turnedAway} told to wait; ${status.ligadas} claves, ${status.epoca} epochs, ` +
          `${status.alertas} alertas`,
      }),
    ];
  });
}
