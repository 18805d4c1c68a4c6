/** What every ModelTrainer promises (src/ports/model-trainer.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededDice } from '#domain/anomaly/dice.ts';
import { growForest, type FitRequest } from '#domain/auditoria/audit.ts';
import type { ModelTrainer } from '#ports/model-trainer.ts';

export function modelTrainerSuite(name: string, make: () => ModelTrainer): void {
  const request = (seed: number): FitRequest => {
    const dice = seededDice(seed);
    return { rows: Float32Array.from({ length: 800 }, dice), features: 4, options: { trees: 20 }, seed };
  };

  test(`${name}: the same request gives the same forest, and others theirs, also when asked for at once (T1)`, async () => {
    const trainer = make();
    const forests = await Promise.all([1, 2, 1].map((seed) => trainer.growForest(request(seed))));
    assert.deepEqual(
      forests,
      [1, 2, 1].map((seed) => growForest(request(seed))),
    );
    await trainer.close();
  });

  test(`${name}: a request that cannot be met rejects and harms no other (T2)`, async () => {
    const trainer = make();
    const wrong = { ...request(1), features: 3 };
    const [bad, good] = await Promise.allSettled([trainer.growForest(wrong), trainer.growForest(request(5))]);
    assert.equal(bad.status, 'rejected');
    assert.match(String(bad.reason), /two rows or more of 3 features/);
    assert.equal(good.status, 'fulfilled');
    await trainer.close();
  });

  test(`${name}: after the close it grows nothing, and what was under way ends (T3)`, async () => {
    const trainer = make();
    const underWay = trainer.growForest(request(3)).then(
      () => 'grown',
      (error: { code: string }) => error.code,
    );
    await trainer.close();
    assert.ok(['grown', 'COREC_E_STOPPING'].includes(await underWay));
    await assert.rejects(trainer.growForest(request(4)), { code: 'COREC_E_STOPPING' });
    await trainer.close();
  });
}
