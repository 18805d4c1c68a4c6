/** The example on all its data, as a user runs it: interrupted once, gone on with, and looked at again in Spanish. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import type { Hallazgo, Resumen } from './summary.ts';

const RUN = join(import.meta.dirname, 'run.sh');
/** As many rows as the summary shows when nothing else is asked for. */
const TOP = 40;

const folder = mkdtempSync(join(tmpdir(), 'corec-flights-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `interruptAt`: a word of the progress that is answered with an interrupt. */
async function run(args: readonly string[], locale: string, interruptAt: string | null = null): Promise<Ended> {
  // from a folder that has nothing to do with it
  const child = spawn(RUN, args, {
    cwd: folder,
    env: { ...process.env, LC_ALL: locale },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let asked = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (interruptAt === null || asked || !stderr.includes(interruptAt)) return;
    asked = true;
    child.kill('SIGINT');
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

let interrupted: Ended;
let whole: Ended;
let resumen: Resumen;

before(async () => {
  interrupted = await run(['--json', '--data', 'kept'], 'C', 'taken in');
  whole = await run(['--json', '--data', 'kept'], 'C');
  assert.equal(whole.code, 0, whole.stderr);
  resumen = JSON.parse(whole.stdout) as Resumen;
});

function placeOf(vista: Hallazgo['vista'], clave: string, day: string): { place: number; found: Hallazgo } {
  const own = resumen.hallazgos.filter((one) => one.vista === vista);
  const at = own.findIndex((one) => one.clave === clave && one.desde.startsWith(day));
  assert.notEqual(at, -1, `${clave} ${day} is not among the ${own.length} of ${vista}`);
  return { place: at + 1, found: own[at]! };
}

test('an interrupted run keeps what it took in, and the same command goes on there', () => {
  assert.equal(interrupted.code, 130, interrupted.stderr);
  assert.equal(interrupted.stdout, '');
  assert.match(interrupted.stderr, /flights read: 3,000,000, [\d,]+\/s\n/);
  assert.match(interrupted.stderr, /what was taken in is kept/);
  assert.doesNotMatch(whole.stderr, /flights read/);
  assert.match(whole.stderr, /goes on where an earlier run stopped|was taken in by an earlier run/);
});

test('the flights a day are the departures of the data: Houston before, in and after the storm', async () => {
  const days = ['2001-06-06', '2001-06-08', '2001-06-09', '2001-06-10'];
  const counts = new Map(days.map((day) => [day, 0]));
  const csv = join(folder, 'kept', 'flights.csv');
  // June is the last sixth of it
  const input = createReadStream(csv, { start: Math.floor(statSync(csv).size * 0.75) });
  for await (const line of createInterface({ input })) {
    if (!line.startsWith('2001-06-') || !line.includes(',IAH,')) continue;
    const [date, , origin] = line.split(',');
    const day = date!.slice(0, 10);
    if (origin === 'IAH' && counts.has(day)) counts.set(day, counts.get(day)! + 1);
  }
  assert.deepEqual([...counts.values()], [367, 335, 27, 327]);
});

test('the storm of June 2001 at Houston is among the strongest episodios', () => {
  const { place, found } = placeOf('airports', 'IAH', '2001-06-09');
  assert.ok(place <= 5, `place ${place}`);
  assert.equal(found.contado, 27);
  assert.ok(found.esperadoMin! > 250 && found.esperadoMax! < 400);
  assert.match(found.razon, /^27 events in the window, fewer than the usual .* \(window of 2001-06-09T00:00:00Z\)$/);
  assert.ok(resumen.hallazgos.filter(({ desde }) => desde.startsWith('2001-06-09')).length > 50, 'routes have it too');
});

for (const [airport, day] of [
  ['DFW', '2001-02-15'],
  ['STL', '2001-06-04'],
  ['MCI', '2001-02-09'],
  ['ORD', '2001-04-06'],
] as const) {
  test(`the delay at ${airport} on ${day} is in the summary`, () => {
    const { place, found } = placeOf('airport_delays', airport, day);
    assert.ok(place <= TOP, `place ${place}`);
    assert.ok(found.contado > found.esperadoMax!);
    assert.match(found.razon, /on average in the window, more than the usual/);
  });
}

test('half a year of 3,000,000 flights and 7,256 claves is a few episodios a day, and nothing was lost on the way', () => {
  assert.equal(resumen.vuelos, 3_000_000);
  assert.equal(resumen.claves, 2 * (229 + 3399));
  assert.deepEqual(resumen.avisos, []);
  assert.ok(resumen.dias >= 181 && resumen.dias <= 182);
  assert.ok(resumen.hallazgos.length < 8 * resumen.dias, `${resumen.hallazgos.length} in all`);
});

test('a later run takes nothing in again and tells the same, in Spanish to who reads Spanish', async () => {
  const { code, stdout, stderr } = await run(['--data', 'kept', '--top', '3'], 'es_ES.UTF-8');
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/ya lo leyó una ejecución anterior/g)?.length, 4, stderr);
  assert.match(stdout, new RegExp(`vuelos, ${resumen.hallazgos.length} episodios en ${resumen.dias} días`));
  assert.match(stdout, /27 eventos en la ventana, menos de lo habitual/);
  assert.match(stdout, /--new empieza de nuevo/);
});

test('what may not be said, and flights other than those kept, are refused with what may', async () => {
  const unknown = await run(['--top', '0'], 'C');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /expected one of --new, --top N \(1 to 10000\).*found: --top 0/);
  const others = await run(['--data', 'kept', '--only', 'IAH'], 'C');
  assert.equal(others.code, 2);
  assert.match(others.stderr, /--new to begin anew/);
});
