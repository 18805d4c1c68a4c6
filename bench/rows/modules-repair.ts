/**
 * Repair at full size: a million entidades of which 5 % fail at random in each cycle, and a few each time.
 *
 * The real bloques, their seven steps, on a clock of the row's own: a cycle a second.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import { defineProcesador } from '#domain/procesadores/define.ts';
import { makeBloque } from '../lib/bloque.ts';
import { atLeast, atMost, makeRow, type BenchRow } from '../lib/row.ts';

export const ACTIVE_LIMIT = atLeast(99.9, 99.99);
export const POISON_LIMIT = atMost(10, 7);

const BLOQUES = 1000;
const SLOTS = 1000;
const CYCLES = 120;
const FAILING = 0.05;
/** One in so many fails in every run. */
const POISON_EACH = 5000;

export function benchRepair(): BenchRow[] {
  let cycle = 0;
  const failing = Math.round(FAILING * 2 ** 32);
  const procesador = defineProcesador({
    nombre: 'fragil',
    version: 1,
    estado: {},
    autonomo: true,
    onCycle(e) {
      // a hash of number and cycle: at random, and the same in every run
      const h = Math.imul(Math.imul(e.numero ^ (cycle * 0x9e3779b9), 0x85ebca6b) ^ (e.numero >>> 13), 0xc2b2ae35) >>> 0;
      if (isPoison(e.numero)) throw new Error('always');
      return (h ^ (h >>> 16)) >>> 0 < failing ? NaN : 1;
    },
  });
  const compiled = compileProcesador(procesador);
  const bloques = Array.from({ length: BLOQUES }, (_, k) => makeBloque('fragil', k, SLOTS, compiled));
  let lowest = Infinity;
  let poisonGone = Infinity;
  let repairs = 0;
  const startMs = performance.now();
  for (cycle = 1; cycle <= CYCLES; cycle++) {
    let active = 0;
    for (const bloque of bloques) {
      repairs += bloque.procesar(1, cycle * 1000).repaired;
      active += bloque.activos;
    }
    lowest = Math.min(lowest, active);
    if (poisonGone === Infinity && bloques.every(isPoisonGone)) poisonGone = cycle;
  }
  const cycleMs = (performance.now() - startMs) / CYCLES;
  const quarantined = bloques.reduce((sum, { quarantined: count }) => sum + count, 0);
  const note =
    `${CYCLES} cycles of ${BLOQUES * SLOTS} entidades, 5 % failing at random in each and one in ${POISON_EACH} always; ` +
    `${repairs} repairs, ${quarantined} in quarantine; ${cycleMs.toFixed(0)} ms a cycle`;
  return [
    makeRow('modules.active', '%', ACTIVE_LIMIT, { value: (100 * lowest) / (BLOQUES * SLOTS), baseline: null, note }),
    makeRow('modules.poison', 'cycles', POISON_LIMIT, {
      value: poisonGone,
      baseline: null,
      note: `until the last of ${(BLOQUES * SLOTS) / POISON_EACH} that always fail is in quarantine`,
    }),
  ];
}

const isPoison = (numero: number): boolean => numero % POISON_EACH === 7;

function isPoisonGone(bloque: BloqueSimbiotico): boolean {
  for (let slot = 0; slot < SLOTS; slot++)
    if (isPoison(bloque.options.numeroBase + slot) && !bloque.isQuarantined(slot)) return false;
  return true;
}
