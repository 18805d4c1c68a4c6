/** How soon CoreC is alive: first and later starts of the shipped configuration, and after everything was killed. */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBareConfig, writeShippedConfig } from '../lib/config.ts';
import { freePort, startCoreC } from '../lib/corec.ts';
import { sendLoad, type Load } from '../lib/http-load.ts';
import { CLAVES, Rounds } from '../lib/ndjson.ts';
import type { Progress } from '../lib/progress.ts';
import { atMost, makeRow, type BenchRow } from '../lib/row.ts';
import { median } from '../lib/stats.ts';
import { waitFor, withFolder } from '../lib/workspace.ts';

export const START_LIMIT = atMost(2000, 1000);
export const RECOVER_LIMIT = atMost(6000, 3000);

const FIRST_STARTS = 3;
const WARM_STARTS = 5;
const READY_MS = 60_000;
/** Lecturas that the journal holds when everything is killed: what 100,000 a second make in half an epoch's interval. */
const JOURNAL_SECONDS = 15;
const JOURNAL_PER_S = 100_000;
const CONNECTIONS = 8;

/** What Node itself takes to start and end, ms: nothing can be quicker. */
function bareNodeMs(): number {
  const times = Array.from({ length: 5 }, () => {
    const startMs = performance.now();
    spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    return performance.now() - startMs;
  });
  return median(times);
}

export async function benchStart(progress: Progress): Promise<BenchRow[]> {
  const first: number[] = [];
  const warm: number[] = [];
  let fewest = Infinity;
  for (let round = 0; round < FIRST_STARTS; round++) {
    await withFolder(async (folder) => {
      const starts = round === 0 ? 1 + WARM_STARTS : 1;
      for (let k = 0; k < starts; k++) {
        const port = await freePort();
        const corec = startCoreC(folder, writeShippedConfig(folder, port), port);
        const ms = await corec.ready(READY_MS);
        (k === 0 ? first : warm).push(ms);
        progress(`${k === 0 ? 'first' : 'warm'} start ${ms.toFixed(0)} ms`);
        fewest = Math.min(fewest, (await corec.status()).entidades);
        await corec.stop();
      }
    });
  }
  const baseline = bareNodeMs();
  const note = (times: readonly number[]): string =>
    `from ./corec to /readyz, ${fewest} entidades; ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`;
  return [
    makeRow('start.first', 'ms', START_LIMIT, {
      value: median(first),
      baseline,
      sound: fewest >= CLAVES,
      note: `${note(first)}, PostgreSQL's folder made on the way`,
    }),
    makeRow('start.warm', 'ms', START_LIMIT, {
      value: median(warm),
      baseline,
      sound: fewest >= CLAVES,
      note: note(warm),
    }),
  ];
}

export function benchRecover(progress: Progress): Promise<BenchRow[]> {
  const rounds = new Rounds({ claves: CLAVES });
  return withFolder(async (folder) => {
    const port = await freePort();
    const config = writeBareConfig(folder, { http: { host: '127.0.0.1', port } });
    const corec = startCoreC(folder, config, port);
    await corec.ready(READY_MS);
    const load: Load = { acknowledged: 0, underway: 0, turnedAway: 0, bodies: 0 };
    const common = { port, rounds, connections: CONNECTIONS };
    progress('a first lectura of each clave');
    const never = new AbortController().signal;
    await sendLoad({ ...common, fromRound: 0, roundsMax: 1, stop: never, perSecond: null }, load);
    const { epoca } = await corec.status();
    progress('waiting for the next epoch');
    await waitFor('an epoch', async () => ((await corec.status()).epoca > epoca ? true : null), 45_000, 100);
    const stop = new AbortController();
    const keptMs = performance.now();
    const before = load.acknowledged;
    const sending = sendLoad(
      { ...common, fromRound: 1, roundsMax: null, stop: stop.signal, perSecond: JOURNAL_PER_S },
      load,
    );
    for (let second = 0; second < JOURNAL_SECONDS; second++) {
      progress(`${load.acknowledged - before} lecturas acknowledged since`);
      await delay(1000);
    }
    const { journalBytes } = await corec.status();
    stop.abort();
    await corec.killEverything();
    await sending;
    const seconds = (performance.now() - keptMs) / 1000;
    const again = startCoreC(folder, config, port);
    const ms = await again.ready(READY_MS);
    const status = await again.status();
    await again.stop();
    // what had no answer yet may have been kept or not; what was answered must be there
    const most = load.acknowledged + load.underway;
    const sound = status.ligadas === CLAVES && status.lecturas >= load.acknowledged && status.lecturas <= most;
    return [
      makeRow('recover', 'ms', RECOVER_LIMIT, {
        value: ms,
        baseline: bareNodeMs(),
        sound,
        note:
          `kill -9 of CoreC and PostgreSQL ${seconds.toFixed(0)} s after an epoch; ${status.ligadas} claves restored, ` +
          `${load.acknowledged - before} lecturas (${(journalBytes / 1e6).toFixed(0)} MB of journal) caught up; ` +
          `${load.acknowledged} acknowledged, ${status.lecturas} there`,
      }),
    ];
  });
}
