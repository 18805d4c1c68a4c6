/** ./corec itself: what it makes of its environment before Node starts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeHome, root } from './cli.ts';

const run = promisify(execFile);

describe('COREC_YOUNG_MB', () => {
  /** MB of one half of V8's space of young objects, as the process that ./corec becomes has it. */
  async function youngMb(value: string | undefined): Promise<string> {
    await using home = makeHome();
    // loaded before the command: what it prints is of the same process
    const probe = join(home.folder, 'probe.cjs');
    writeFileSync(
      probe,
      `console.log(process.execArgv.filter((flag) => flag.includes('semi-space')).join(' ')); process.exit(0);`,
    );
    const { COREC_YOUNG_MB: _young, ...env } = process.env;
    const { stdout } = await run(join(root, 'corec'), ['--version'], {
      cwd: home.folder,
      env: { ...env, NODE_OPTIONS: `--require ${probe}`, ...(value === undefined ? {} : { COREC_YOUNG_MB: value }) },
    });
    return stdout.trim().split('\n').at(-1)!;
  }

  test('is 2 unless it is given, and then no more and no less than that', async () => {
    assert.equal(await youngMb(undefined), '--max-semi-space-size=2');
    assert.equal(await youngMb('128'), '--max-semi-space-size=128 --min-semi-space-size=128');
  });

  for (const value of ['0', '129', 'much', '-1', '1.5', '08', ' 4']) {
    test(`${JSON.stringify(value)} is refused, with what is allowed`, async () => {
      await assert.rejects(
        run(join(root, 'corec'), ['--version'], { env: { ...process.env, COREC_YOUNG_MB: value } }),
        (error: { code: number; stdout: string; stderr: string }) => {
          assert.equal(error.code, 2);
          assert.equal(error.stdout, '');
          assert.match(error.stderr, /COREC_YOUNG_MB is .*; allowed: a whole number of MB from 1 to 128/);
          return true;
        },
      );
    });
  }
});
