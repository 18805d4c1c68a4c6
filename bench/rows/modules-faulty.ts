/**
 * Cycles while something breaks every second: the shipped size of a swarm in a real `./corec` with its own PostgreSQL, a million
 * entidades in a thousand bloques, every one due once a second.
 *
 * In turns, one a second:
 *   entidad      one takes a lectura that its procesador throws at
 *   procesador   the one of some bloques begins to throw for all of them (their circuits open), that of the others is well again
 *   source       the file that is followed gives way to a folder, for 800 ms
 *   store        all processes of PostgreSQL stand still, for 800 ms, with an epoch due every two seconds
 */
import { appendFileSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBareConfig } from '../lib/config.ts';
import { freePort, startCoreC, type Running } from '../lib/corec.ts';
import { postgresPids } from '../lib/proc.ts';
import type { Progress } from '../lib/progress.ts';
import { atLeast, makeRow, type BenchRow } from '../lib/row.ts';
import { withFolder } from '../lib/workspace.ts';

export const FAULTY_LIMIT = atLeast(99.99, 99.999);

const SHORT_S = 60;
const LONG_S = 600;
const SETTLE_S = 10;
const AWAY_MS = 800;
const POR_BLOQUE = 1000;
const QUIET_BLOQUES = 930;
const GROUPS = 10;
const GROUP_BLOQUES = 4;
const THINGS = 20_000;
const FRAGILE = 10_000;
/** Lecturas a second over HTTP, and in the file, for claves in turns. */
const SENT_PER_S = 1000;
const WRITTEN_PER_S = 200;

/** What a control lectura switches off fails whole; what else it does is next to nothing. */
const ILL = `import { defineProcesador, z } from 'corec';
const ill = (globalThis.ill ??= new Set());
export default defineProcesador({
  nombre: 'ill', version: 1, estado: {}, autonomo: true, parametros: z.strictObject({ group: z.number() }),
  onCycle(e, nowMs, p) {
    if (ill.has(p.group)) throw new Error('the service is away');
    return 1;
  },
});`;
const CONTROL = `import { defineProcesador } from 'corec';
const ill = (globalThis.ill ??= new Set());
export default defineProcesador({
  nombre: 'control', version: 1, estado: {},
  onLectura(e, { valor }) { ill.clear(); ill.add(valor); return valor; },
});`;
const FRAGILE_TS = `import { defineProcesador } from 'corec';
export default defineProcesador({
  nombre: 'fragile', version: 1, estado: { n: 'u32' },
  onLectura(e, { valor }) { if (valor === 666) throw new Error('666'); e.n += 1; return 0; },
});`;

type Kind = 'entidad' | 'procesador' | 'source' | 'store';
const KINDS: readonly Kind[] = ['entidad', 'procesador', 'source', 'store'];

/** `long`: ten minutes. */
export function benchFaulty(progress: Progress, long: boolean): Promise<BenchRow[]> {
  return withFolder(async (folder) => {
    const port = await freePort();
    const file = join(folder, 'followed.ndjson');
    writeFileSync(file, '');
    const bloques = writeFiles(folder);
    const config = writeBareConfig(folder, {
      http: { host: '127.0.0.1', port },
      bloques,
      fuentes: [
        {
          tipo: 'archivo',
          ruta: file,
          seguir: true,
          bloque: 'things',
          mapeo: { clave: 'clave', valor: 'valor', ts: 'ts' },
        },
      ],
      persistencia: { intervalo_s: 2 },
    });
    const corec = startCoreC(folder, config, port);
    await corec.ready(120_000);
    const stop = new AbortController();
    const load = sendAll(corec, file, stop.signal);
    const faults = new Faults(corec, folder, file);
    // claves are bound first: the epoch that holds a new million is another figure
    for (let second = SETTLE_S; second > 0; second--) {
      progress(`settling, ${second} s`);
      await delay(1000);
    }
    const seconds = long ? LONG_S : SHORT_S;
    const before = await corec.metrics();
    const readBefore = await readOf(corec);
    const beganMs = performance.now();
    // turns of a bloque whose circuit is open are kept, though nothing of it runs
    let openS = 0;
    for (let second = 0; second < seconds; second++) {
      progress(`${KINDS[second % KINDS.length]} fails, ${seconds - second} s left`);
      await faults.happen(KINDS[second % KINDS.length]!, second);
      openS += (await corec.metrics()).get('corec_circuits_open') ?? 0;
      await delay(Math.max(0, beganMs + (second + 1) * 1000 - performance.now()));
    }
    const after = await corec.metrics();
    const read = (await readOf(corec)) - readBefore;
    const elapsedS = (performance.now() - beganMs) / 1000;
    await faults.end();
    stop.abort();
    const sent = await load;
    await corec.stop();
    const grew = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    const count = after.get('corec_bloques') ?? 0;
    const due = count * Math.floor(elapsedS);
    const missed = grew('corec_cycles_missed_total');
    const fallos = grew('corec_fallos_total');
    const opened = grew('corec_circuits_opened_total');
    const epochs = grew('corec_epoca');
    const rounds = Math.floor(seconds / KINDS.length);
    const isSound =
      fallos > 0 &&
      opened >= rounds &&
      faults.brokenSeen > 0 &&
      faults.frozen >= rounds &&
      epochs > 0 &&
      sent > 0 &&
      read > 0;
    const note =
      `${missed} of ${due} cycles of ${count} bloques missed in ${elapsedS.toFixed(0)} s; a fault a second in turns: ${rounds} each of ` +
      `an entidad that throws, a procesador that throws for ${GROUP_BLOQUES} bloques (${fallos} fallos, circuits opened ${opened} times; bloques that were then left alone are ${openS} of the cycles), ` +
      `a followed file that is a folder for ${AWAY_MS} ms (seen as failed ${faults.brokenSeen} times), PostgreSQL standing still for ` +
      `${AWAY_MS} ms; ${epochs} epochs, ${sent} lecturas sent and ${read} read of the file`;
    return [
      makeRow('modules.faulty-run', '%', FAULTY_LIMIT, {
        value: 100 * (1 - missed / Math.max(1, due)),
        baseline: null,
        sound: isSound,
        note,
      }),
    ];
  });
}

function writeFiles(folder: string): readonly unknown[] {
  for (const [name, text] of [
    ['ill', ILL],
    ['control', CONTROL],
    ['fragile', FRAGILE_TS],
  ] as const)
    writeFileSync(join(folder, `${name}.ts`), text);
  const groups = Array.from({ length: GROUPS }, (_, group) => ({
    id: `group${group}`,
    canal: 1 + (group % 2),
    entidades: GROUP_BLOQUES * POR_BLOQUE,
    procesador: 'ill.ts',
    parametros: { group },
  }));
  return [
    { id: 'quiet', canal: 1, entidades: QUIET_BLOQUES * POR_BLOQUE, procesador: 'simulado' },
    { id: 'things', canal: 2, entidades: THINGS },
    { id: 'fragile', canal: 2, entidades: FRAGILE, procesador: 'fragile.ts' },
    { id: 'control', canal: 4, entidades: 1, procesador: 'control.ts' },
    ...groups,
  ];
}

class Faults {
  /** Looks that found the source failed. */
  brokenSeen = 0;
  frozen = 0;
  readonly #corec: Running;
  readonly #file: string;
  readonly #aside: string;
  readonly #under: Promise<unknown>[] = [];

  constructor(corec: Running, folder: string, file: string) {
    this.#corec = corec;
    this.#file = file;
    this.#aside = join(folder, 'aside.ndjson');
  }

  async happen(kind: Kind, second: number): Promise<void> {
    if (kind === 'entidad') await send(this.#corec, 'fragile', [[`f${second % 50}`, 666]]);
    else if (kind === 'procesador') await send(this.#corec, 'control', [['switch', (second >> 2) % GROUPS]]);
    else if (kind === 'source') await this.#breakSource();
    else await this.#freeze();
  }

  async end(): Promise<void> {
    await Promise.all(this.#under);
  }

  async #breakSource(): Promise<void> {
    renameSync(this.#file, this.#aside);
    mkdirSync(this.#file);
    await delay(AWAY_MS);
    const { sources } = await this.#corec.status();
    if (sources.some(({ state }) => state === 'failed')) this.brokenSeen++;
    rmdirSync(this.#file);
    renameSync(this.#aside, this.#file);
  }

  async #freeze(): Promise<void> {
    const pids = postgresPids(this.#corec.dataDir);
    const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
      for (const pid of pids) {
        try {
          process.kill(pid, name);
        } catch {
          // a helper that has ended meanwhile
        }
      }
    };
    signal('SIGSTOP');
    if (pids.length > 0) this.frozen++;
    await delay(AWAY_MS);
    signal('SIGCONT');
  }
}

/** Lecturas that are usual, over HTTP and in the file, until it is stopped. Returns how many were taken. */
async function sendAll(corec: Running, file: string, stop: AbortSignal): Promise<number> {
  let sent = 0;
  for (let round = 0; !stop.aborted; round++) {
    const rows = Array.from({ length: SENT_PER_S / 5 }, (_, k): [string, number] => [
      `t${(round * (SENT_PER_S / 5) + k) % (THINGS - 1000)}`,
      Math.sin(round + k),
    ]);
    // not waited for: while the store stands still answers may take longer than a round
    send(corec, 'things', rows).then(
      () => (sent += rows.length),
      () => {},
    );
    send(
      corec,
      'fragile',
      rows.slice(0, 20).map(([, valor], k) => [`f${(round + k) % 500}`, valor]),
    ).catch(() => {});
    try {
      appendFileSync(file, lines(rows.slice(0, WRITTEN_PER_S / 5)));
    } catch {
      // it is a folder just now
    }
    await delay(200);
  }
  return sent;
}

/** Lecturas of the file. */
const readOf = async (corec: Running): Promise<number> =>
  (await corec.status()).sources.reduce((sum, { lecturas }) => sum + lecturas, 0);

const lines = (rows: readonly (readonly [string, number])[]): string =>
  rows.map(([clave, valor]) => `${JSON.stringify({ clave, valor, ts: new Date().toISOString() })}\n`).join('');

async function send(corec: Running, bloque: string, rows: readonly (readonly [string, number])[]): Promise<void> {
  const answer = await fetch(
    `http://127.0.0.1:${corec.port}/api/lecturas?bloque=${bloque}&clave=clave&valor=valor&ts=ts`,
    { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: lines(rows) },
  );
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`lecturas were answered with ${answer.status}`);
}
