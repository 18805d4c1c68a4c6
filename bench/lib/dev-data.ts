/** Real readings for rows that need them: beside the checkout, or where COREC_DEV_DATA says. They are no part of the project. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './workspace.ts';

export const NO_DATA = 'no data here: say where it is with COREC_DEV_DATA (bench/BENCHMARKS.md)';

/** The folder; null: there is none. */
export function dataFolder(): string | null {
  const folder = process.env['COREC_DEV_DATA'] ?? resolve(ROOT, '../shared/data');
  return existsSync(join(folder, 'streams')) ? folder : null;
}
