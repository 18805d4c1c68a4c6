import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assembleKernel, KERNELS } from '../../scripts/build-wasm.ts';

test('each committed kernel is what the assembler makes of its text', async () => {
  for (const kernel of KERNELS) {
    const committed = readFileSync(new URL(`../../${kernel}.wasm.ts`, import.meta.url), 'utf8');
    assert.ok(committed === (await assembleKernel(kernel)), `${kernel}: run node scripts/build-wasm.ts`);
  }
});
