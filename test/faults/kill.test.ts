/**
 * CoreC, and in some rounds its PostgreSQL, is killed at random moments: while it starts, while it takes in, while it commits.
 *
 * COREC_FAULTS_LONG=1 gives ten times as many rounds; the seed is printed and COREC_FAULTS_SEED repeats it.
 */
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { killAll, postgresPids } from '../support/corec-process.ts';
import { rounds } from './budget.ts';
import { Workload } from './workload.ts';

const ROUNDS = rounds(50);
const FILE_ROWS = 10_000;

test(`killed ${ROUNDS} times, every acknowledged lectura acted once and is stored once`, async (t) => {
  const load = new Workload(t);
  const { random } = load;
  const recoveryMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    load.growFile(FILE_ROWS);
    load.forgetSomeAnswers();
    // some rounds die while starting
    const early = random.next() < 0.2;
    const startMs = performance.now();
    await load.start(!early);
    if (!early) recoveryMs.push(performance.now() - startMs);
    load.begin();
    await delay(early ? random.below(700) : 50 + random.below(900));
    if (random.next() < 0.4) {
      killAll(postgresPids(load.dataDir));
      await delay(random.below(300));
    }
    await load.kill();
    if (random.next() < 0.3) killAll(postgresPids(load.dataDir));
  }
  await load.start();
  load.tell('kill -9', ROUNDS, await load.account(), recoveryMs);
});
