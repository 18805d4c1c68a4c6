/**
 * Assembles src/domain/codec/planes.wat into planes.wasm.ts beside it, which is committed: nobody who runs CoreC needs an assembler.
 *
 *   node scripts/build-wasm.ts     after a change of the .wat; a test says when it was forgotten
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import makeWabt from 'wabt';

const folder = join(import.meta.dirname, '..', 'src', 'domain', 'codec');
const LINE_CHARS = 120;

export async function assemblePlanes(): Promise<string> {
  const wabt = await makeWabt();
  const module = wabt.parseWat('planes.wat', readFileSync(join(folder, 'planes.wat'), 'utf8'), { simd: true });
  try {
    module.validate();
    return Buffer.from(module.toBinary({}).buffer).toString('base64');
  } finally {
    module.destroy();
  }
}

export function planesFile(base64: string): string {
  const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
  return [
    '/** planes.wat, assembled by scripts/build-wasm.ts. */',
    'export const PLANES_WASM: string = `',
    ...lines,
    '`;',
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(join(folder, 'planes.wasm.ts'), planesFile(await assemblePlanes()));
