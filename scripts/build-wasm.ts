/**
 * Assembles the kernels in WebAssembly's text form into the `.wasm.ts` beside each, which is committed: nobody who runs CoreC needs an
 * assembler.
 *
 *   node scripts/build-wasm.ts     after a change of a .wat; a test says when it was forgotten
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import makeWabt from 'wabt';

const ROOT = join(import.meta.dirname, '..');
/** Without their endings. */
export const KERNELS: readonly string[] = ['src/domain/codec/planes', 'src/domain/anomaly/forest'];
const LINE_CHARS = 120;

/** The text of `<kernel>.wasm.ts`. */
export async function assembleKernel(kernel: string): Promise<string> {
  const wabt = await makeWabt();
  const name = `${basename(kernel)}.wat`;
  const module = wabt.parseWat(name, readFileSync(join(ROOT, `${kernel}.wat`), 'utf8'), { simd: true });
  try {
    module.validate();
    const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
    const lines = base64.match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
    const constant = `${basename(kernel).toUpperCase()}_WASM`;
    return [
      `/** ${name}, assembled by scripts/build-wasm.ts. */`,
      `export const ${constant}: string = \``,
      ...lines,
      '`;',
      '',
    ].join('\n');
  } finally {
    module.destroy();
  }
}

if (import.meta.main)
  for (const kernel of KERNELS) writeFileSync(join(ROOT, `${kernel}.wasm.ts`), await assembleKernel(kernel));
