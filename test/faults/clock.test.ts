/** The machine's clock is set, back and forth, by seconds and by months, while everything goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '../support/temp-folder.ts';
import { rounds } from './budget.ts';
import { Workload } from './workload.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const STEPS_MS: readonly number[] = [-2 * SECOND, 3600 * SECOND, -DAY, 45 * DAY, -40 * DAY, 0];
const FILE_ROWS = 3000;

test('the wall clock steps back and forward under load: nothing is lost, nothing stands twice', async (t) => {
  const folder = tempFolder(t);
  const clockFile = join(folder, 'clock-offset');
  writeFileSync(clockFile, '0');
  process.env['COREC_TEST_CLOCK'] = clockFile;
  const preload = fileURLToPath(new URL('clock-offset.ts', import.meta.url));
  // a clock that is 45 days ahead makes what was stored just now older than the month that is kept by default
  const config = { persistencia: { intervalo_s: 1, retencion_dias: 365 } };
  const load = new Workload(t, { folder, config, nodeArgs: ['--import', preload] });
  await load.start();
  load.begin();
  const recoveryMs: number[] = [];
  let steps = 0;
  for (let round = 0; round < rounds(1); round++) {
    for (const offsetMs of STEPS_MS) {
      load.growFile(FILE_ROWS);
      load.forgetSomeAnswers();
      await delay(200 + load.random.below(600));
      writeFileSync(clockFile, String(offsetMs));
      steps++;
      recoveryMs.push(await load.recovered());
    }
    // what was written under one clock is read under another
    await load.kill();
    await load.start();
    load.begin();
  }
  load.tell('clock steps', steps, await load.account(), recoveryMs);
});
