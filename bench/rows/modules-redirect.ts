/**
 * Redirection on the swarm itself (claves, bloques, plans, moves, forecast), time by hand, no store: what it gains and what it costs.
 *
 * drain     a backlog of jobs, each of which needs an entidad for ten minutes: until all have had theirs, with against without.
 * forecast  two entries whose days are opposite: the time that claves wait for an entidad, with the forecast against thresholds alone.
 * cost      a pass over a million entidades in a thousand bloques that moves a tenth of them, against its interval.
 * memory    the highest resident memory during that pass, against what the process had before it; in a process of its own.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { bloqueEntryDefaults } from '#domain/config/normalize.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { contador } from '#domain/procesadores/contador.ts';
import { compileProcesador } from '#domain/procesadores/compile.ts';
import type { Movimiento } from '#domain/sincronizacion/numeros.ts';
import { planSincronizacion } from '#domain/sincronizacion/plan.ts';
import { Aprendido } from '#domain/sincronizacion/aprendido.ts';
import { makeRandom } from '#adapters/system/random.ts';
import { admitAll, carryOut, nextIndiceOf, numerosOf } from '#nucleus/mudanza.ts';
import { Swarm, type Entrada } from '#nucleus/swarm.ts';
import { collectGarbage } from '../lib/collect.ts';
import { peakRssMb, rssMb } from '../lib/proc.ts';
import { atMost, makeRow, ratioAtMost, type BenchRow } from '../lib/row.ts';

export const DRAIN_LIMIT = ratioAtMost(0.5, 0.25);
export const FORECAST_LIMIT = ratioAtMost(0.9, 0.5);
export const COST_LIMIT = atMost(2, 0.2);
export const MEMORY_LIMIT = ratioAtMost(1.2, 1.05);

const MINUTE_MS = 60_000;
const DAY_MIN = 1440;
/** `sincronizacion.intervalo_s` as it ships. */
const PASS_MIN = 5;
/** Midnight, UTC. */
const START_MS = Date.UTC(2026, 0, 5);
const encoder = new TextEncoder();

interface EntryOptions {
  readonly id: string;
  readonly entidades: number;
  readonly porBloque: number;
  readonly ttlS: number | null;
}

/** A swarm in which time passes by the minute. */
class Bench {
  readonly swarm: Swarm;
  nowMs = START_MS;
  moved = 0;
  readonly #learned = new Aprendido();
  readonly #batch = new LecturaBatch(8192);

  constructor(entries: readonly EntryOptions[]) {
    const compiled = compileProcesador(contador);
    this.swarm = new Swarm({
      encodeMensajes: () => new Uint8Array(0),
      procesador: () => compiled,
      mensajes: 'ninguno',
      enfriamientoMs: 60_000,
      onRefused: () => {},
      onLecturas: () => {},
    });
    for (const { id, entidades, porBloque, ttlS } of entries) {
      const entry = bloqueEntryDefaults(id, {
        entidades,
        entidades_por_bloque: porBloque,
        clave_ttl_s: ttlS,
        dinamico: false,
        procesador: 'contador',
      });
      this.swarm.registrar(entry, null);
    }
  }

  entrada(id: string): Entrada {
    return this.swarm.entradas.get(id)!;
  }

  /** A lectura of each of these claves; returns how many found no entidad. */
  deliver(id: string, claves: Iterable<Uint8Array>): number {
    const entrada = this.entrada(id);
    let sent = 0;
    let placed = 0;
    const flush = (): void => {
      placed += this.swarm.deliver(entrada, this.#batch, this.nowMs);
      this.#batch.clear();
    };
    for (const clave of claves) {
      this.#batch.append(clave, 0, clave.length, 1, this.nowMs);
      sent++;
      if (this.#batch.full) flush();
    }
    flush();
    return sent - placed;
  }

  /** What has arrived runs, claves that fell silent are forgotten, cycles settle. */
  run(): void {
    for (const bloque of this.swarm.bloques) {
      bloque.drain(1, this.nowMs);
      bloque.settle(this.nowMs);
    }
    for (const entrada of this.swarm.entradas.values()) this.swarm.expire(entrada);
  }

  /** A pass of ModuloSincronizacion. */
  pass(isAdaptive: boolean): readonly Movimiento[] {
    const { swarm, nowMs } = this;
    const spanMs = 2 * PASS_MIN * MINUTE_MS;
    const numeros = numerosOf({
      swarm,
      isBusy: () => false,
      espera: (id) => (isAdaptive ? this.#learned.expect(id, nowMs, spanMs) : null),
    });
    if (isAdaptive) this.#learned.observe(numeros, nowMs);
    const moves = planSincronizacion(numeros, nextIndiceOf(swarm));
    for (const move of moves) {
      admitAll(swarm, carryOut(swarm, move));
      this.moved += move.entidades;
    }
    for (const entrada of swarm.entradas.values()) entrada.backlog.clear();
    return moves;
  }
}

const names = (prefix: string, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, k) => encoder.encode(`${prefix}${k}`));

export function benchRedirect(): BenchRow[] {
  return [drainRow(), forecastRow(), costRow()];
}

const JOBS = 5000;
const JOB_MIN = 10;
/** The entry has been at work when the backlog comes, a minute after a pass. */
const WARM_MIN = 16;

/** Minutes until every job has had its ten minutes of an entidad. */
function drainMinutes(isRedirecting: boolean): { readonly minutes: number; readonly moved: number } {
  const bench = new Bench([
    { id: 'jobs', entidades: 1000, porBloque: 1000, ttlS: 60 },
    { id: 'idle', entidades: 10_000, porBloque: 1000, ttlS: null },
  ]);
  const earlier = names('earlier-', 1000);
  for (let minute = 0; minute < WARM_MIN; minute++) {
    bench.nowMs += MINUTE_MS;
    bench.deliver('jobs', earlier);
    bench.run();
    if (isRedirecting && minute % PASS_MIN === 0) bench.pass(false);
  }
  const jobs = names('job-', JOBS);
  const done = new Uint8Array(JOBS);
  const jobOf = new Map(jobs.map((clave, k) => [clave, k]));
  let left = jobs;
  let minute = 0;
  for (; left.length > 0; minute++) {
    bench.nowMs += MINUTE_MS;
    bench.deliver('jobs', left);
    const { claves } = bench.entrada('jobs');
    for (const clave of left) if (claves.lookupText(decoder.decode(clave)) !== UNKNOWN) done[jobOf.get(clave)!]!++;
    bench.run();
    left = left.filter((clave) => done[jobOf.get(clave)!]! < JOB_MIN);
    if (isRedirecting && (WARM_MIN + minute) % PASS_MIN === 0) bench.pass(false);
  }
  return { minutes: minute, moved: bench.moved };
}

const decoder = new TextDecoder();
const UNKNOWN = 0xffffffff;

function drainRow(): BenchRow {
  const without = drainMinutes(false);
  const by = drainMinutes(true);
  return makeRow('modules.redirect-drain', 'min', DRAIN_LIMIT, {
    value: by.minutes,
    baseline: without.minutes,
    sound: by.moved > 0,
    note: `${JOBS} jobs of ${JOB_MIN} minutes each for 1,000 entidades, 10,000 idle beside them; ${by.moved} moved`,
  });
}

/** Half the height of the rhythm, and the mean, in claves. */
const SWING = 550;
const MEAN = 850;
const SEED = 20_261_126;
const LEARN_DAYS = 3;
const MEASURED_DAYS = 2;

/** Clave-minutes that were spent without an entidad on the last days. */
function waitingMinutes(isAdaptive: boolean): { readonly waiting: number; readonly moved: number } {
  const bench = new Bench([
    { id: 'dia', entidades: 1000, porBloque: 100, ttlS: 180 },
    { id: 'noche', entidades: 1000, porBloque: 100, ttlS: 180 },
  ]);
  const most = Math.ceil(1.2 * (MEAN + SWING));
  const claves = { dia: names('d', most), noche: names('n', most) };
  const dice = makeRandom(SEED);
  let waiting = 0;
  let [late, more] = [0, 1];
  for (let minute = 0; minute < (LEARN_DAYS + MEASURED_DAYS) * DAY_MIN; minute++) {
    bench.nowMs = START_MS + minute * MINUTE_MS;
    // no day is like another: up to half an hour early or late, a tenth more or less
    if (minute % DAY_MIN === 0) [late, more] = [dice.below(61) - 30, 0.9 + 0.2 * dice.next()];
    const sun = -Math.cos((2 * Math.PI * ((minute - late) % DAY_MIN)) / DAY_MIN);
    for (const [id, sign] of [
      ['dia', 1],
      ['noche', -1],
    ] as const) {
      const wanted = more * (MEAN + sign * SWING * sun) * (0.98 + 0.04 * dice.next());
      const refused = bench.deliver(id, claves[id].slice(0, Math.round(wanted)));
      if (minute >= LEARN_DAYS * DAY_MIN) waiting += refused;
    }
    bench.run();
    if (minute % PASS_MIN === 0) bench.pass(isAdaptive);
  }
  return { waiting, moved: bench.moved };
}

function forecastRow(): BenchRow {
  const plain = waitingMinutes(false);
  const foreseen = waitingMinutes(true);
  return makeRow('modules.redirect-forecast', 'clave-min', FORECAST_LIMIT, {
    value: foreseen.waiting,
    baseline: plain.waiting,
    sound: foreseen.moved > 0 && plain.waiting > 0,
    note:
      `waited in ${MEASURED_DAYS} uneven days of ${MEAN} ± ${SWING} claves, opposite in two entries of 1,000 entidades, ` +
      `after ${LEARN_DAYS} days; moved ${foreseen.moved}, by thresholds ${plain.moved}`,
  });
}

const BLOQUES = 1000;

/** A million entidades: half of them bound, whose entry needs 65,000 more, half idle. */
function makeMillion(): Bench {
  const bench = new Bench([
    { id: 'busy', entidades: 500_000, porBloque: 1000, ttlS: null },
    { id: 'idle', entidades: 500_000, porBloque: 1000, ttlS: null },
  ]);
  const count = 500_000;
  for (let from = 0; from < count; from += 8192)
    bench.deliver('busy', names(`b${from}-`, Math.min(8192, count - from)));
  bench.deliver('busy', names('more-', 65_000));
  bench.run();
  for (const bloque of bench.entrada('busy').bloques) bloque.inherit({ ...bloque.vitals(), fitness: 0.95, carga: 1 });
  return bench;
}

/** In a process that has done nothing else: what others leave behind would hide what the pass needs. */
export async function benchRedirectMemory(): Promise<BenchRow[]> {
  const bench = makeMillion();
  // what is collected is given back to the system a little later; a baseline that still had it would hide the peak
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await delay(300);
  }
  // from here on the kernel counts the peak anew
  writeFileSync('/proc/self/clear_refs', '5');
  const before = rssMb(process.pid)!;
  const moves = bench.pass(true);
  const peak = peakRssMb(process.pid)!;
  return [
    makeRow('modules.redirect-memory', 'MB', MEMORY_LIMIT, {
      value: peak,
      baseline: before,
      sound: bench.moved >= 50_000,
      note: `peak while ${bench.moved} of 1,000,000 entidades in ${BLOQUES} bloques moved by ${moves.length} moves, against right before`,
    }),
  ];
}

function costRow(): BenchRow {
  const bench = makeMillion();
  const { swarm } = bench;
  const bytes = (): number => swarm.bloques.reduce((sum, { memory }) => sum + memory.bytes, 0);
  const before = bytes();
  const from = process.cpuUsage();
  const moves = bench.pass(true);
  const { user, system } = process.cpuUsage(from);
  const peak = bytes();
  const passMs = (user + system) / 1000;
  const memory = peak / before;
  return makeRow('modules.redirect-cost', '% of a core', COST_LIMIT, {
    value: (passMs / (PASS_MIN * MINUTE_MS)) * 100,
    baseline: null,
    sound: memory <= 1.2 && bench.moved >= 50_000,
    note:
      `a pass of ${passMs.toFixed(0)} ms of processor every ${PASS_MIN} minutes: ${bench.moved} of 1,000,000 entidades in ` +
      `${BLOQUES} bloques moved by ${moves.length} moves; memory of bloques ${memory.toFixed(3)} of what it was`,
  });
}
