/**
 * One sweep of 1,000,000 entidades through BloqueSimbiotico, against the same kernel as a bare loop.
 *
 * The kernel is fixed: EWMA of mean and variance, and z. It is a plugin's procesador, so that it has no advantage over what a user
 * writes. Between its 1,000 bloques stand bloques of every bundled procesador, bound and fed, since loops that see one kind of
 * callback only are faster than any real CoreC; their time counts, their entidades come on top of the million.
 */
import { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { BufferPool } from '#domain/bloque/buffer-pool.ts';
import { BUNDLED } from '#domain/procesadores/bundled.ts';
import { compileProcesador, type CompiledProcesador } from '#domain/procesadores/compile.ts';
import { defineProcesador, parseParametros } from '#domain/procesadores/define.ts';
import { makeRow, ratioAtMost, type BenchRow } from '../lib/row.ts';
import { interleave } from '../lib/stats.ts';

export const SWEEP_LIMIT = ratioAtMost(2.5, 1.3);

const N = 1_000_000;
const SLOTS = 1000;
/** After so many bloques of the kernel comes one of a bundled procesador: 40 beside the 1,000. */
const BUNDLED_EACH = 25;
/** Lecturas that each bound bundled bloque finds in its inbox at each sweep. */
const LECTURAS = 32;
/** Entidades whose run is made to fail before each sweep: repaired fresh by settle. */
const FAULTS = 10;
const ROUNDS = 41;
const WARM_UP = 8;
/** EWMA weight of the kernel, and what keeps its division finite. */
const ALPHA = 0.05;
const EPSILON = 1e-6;

const kernel = defineProcesador({
  nombre: 'bench_kernel',
  version: 1,
  autonomo: true,
  checkpoint: false,
  estado: { media: 'f32', varianza: 'f32' },
  onBind: (e) => {
    e.lectura = seeded(e.numero);
  },
  onCycle: (e) => {
    const d = e.lectura - e.media;
    e.media += ALPHA * d;
    const varianza = (1 - ALPHA) * (e.varianza + ALPHA * d * d);
    e.varianza = varianza;
    return d / Math.sqrt(varianza + EPSILON);
  },
  alerta: {
    regla: 'z',
    // the kernel's z stays below 1 / sqrt(ALPHA (1 - ALPHA)) = 4.6: the limit is looked at and never reached
    abre: 6,
    cierra: 5,
    explica: () => ({ codigo: 'out_of_range', esperadoMin: null, esperadoMax: null }),
  },
});

function seeded(k: number): number {
  const mixed = Math.imul(k ^ (k >>> 15), 0x2c1b3c6d);
  return 20 + ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}

function bareSweep(x: Float32Array, media: Float32Array, varianza: Float32Array, z: Float32Array): void {
  for (let i = 0; i < N; i++) {
    const d = x[i]! - media[i]!;
    media[i] = media[i]! + ALPHA * d;
    const v = (1 - ALPHA) * (varianza[i]! + ALPHA * d * d);
    varianza[i] = v;
    z[i] = d / Math.sqrt(v + EPSILON);
  }
}

function makeBloques(): BloqueSimbiotico[] {
  const pool = new BufferPool();
  const deps = {
    pool,
    encodeMensajes: () => new Uint8Array(0),
    claveText: (_: BloqueSimbiotico, slot: number) => `bench/${slot}`,
  };
  let nextNumero = 1;
  const counts = new Map<string, number>();
  const make = (compiled: CompiledProcesador): BloqueSimbiotico => {
    const { nombre } = compiled.procesador;
    const indice = counts.get(nombre) ?? 0;
    counts.set(nombre, indice + 1);
    const bloque = new BloqueSimbiotico(
      {
        id: `${nombre}/${indice}`,
        entrada: nombre,
        indice,
        canal: 1,
        slots: SLOTS,
        procesador: compiled,
        parametros: parseParametros(compiled.procesador, exampleParametros(nombre), 'parametros'),
        numeroBase: nextNumero,
        umbral: null,
        maxErrores: 0.05,
        minFitness: 0.01,
        maxReparaciones: 1_000_000,
        ventanaMs: 300_000,
        intervaloMs: 1000,
        inboxMax: 16_384,
        mensajes: 'ninguno',
        enfriamientoMs: 300_000,
      },
      deps,
    );
    nextNumero += SLOTS;
    if (!bloque.autonomo) while (bloque.bind() >= 0);
    return bloque;
  };
  const bundled = BUNDLED.map(compileProcesador);
  const own = compileProcesador(kernel);
  const bloques: BloqueSimbiotico[] = [];
  for (let k = 0; k < N / SLOTS; k++) {
    if (k % BUNDLED_EACH === 0) bloques.push(make(bundled[(k / BUNDLED_EACH) % bundled.length]!));
    bloques.push(make(own));
  }
  return bloques;
}

/** What a procesador without a usable default is given. */
function exampleParametros(nombre: string): Readonly<Record<string, unknown>> {
  return nombre === 'limites' ? { max: 1000, min: -1000 } : {};
}

function feed(bloques: readonly BloqueSimbiotico[], round: number, nowMs: number): void {
  for (const bloque of bloques) {
    if (bloque.autonomo) continue;
    bloque.watermarkMs = nowMs;
    for (let k = 0; k < LECTURAS; k++) {
      const slot = (k * 31 + round * 7 + SLOTS * 100) % SLOTS;
      bloque.inbox.pushOne(slot, 20 + ((k * 13) % 7) * 0.1, nowMs, nowMs);
    }
  }
}

/** A NaN mean makes the next run of that entidad no finite number: a failed run like any other. */
function breakSome(kernels: readonly BloqueSimbiotico[], round: number): void {
  for (let k = 0; k < FAULTS; k++) {
    const bloque = kernels[(k * 97 + (round + 100) * 13) % kernels.length]!;
    bloque.memory.estado[0]!.data[(k * 41) % SLOTS] = NaN;
  }
}

export function benchSweep(): BenchRow[] {
  const bloques = makeBloques();
  const kernels = bloques.filter((bloque) => bloque.entrada === kernel.nombre);
  const x = Float32Array.from({ length: N }, (_, k) => seeded(k));
  const media = new Float32Array(N);
  const varianza = new Float32Array(N);
  const z = new Float32Array(N);
  const startMs = 1_767_225_600_000;
  let sweeps = 0;
  let faults = 0;
  let repairs = 0;
  const sweep = (): void => {
    const nowMs = startMs + sweeps * 1000;
    for (const bloque of bloques) {
      if (bloque.hasLecturas) bloque.drain(1, nowMs);
      bloque.cycle(1, nowMs);
      const settled = bloque.settle(nowMs);
      faults += settled.errors;
      repairs += settled.repaired;
      bloque.takeChanges();
    }
    sweeps++;
  };
  const ms = interleave(
    {
      bare: {
        prepare: (round) => shift(x, round),
        run: () => bareSweep(x, media, varianza, z),
      },
      sweep: {
        prepare: (round) => {
          for (const bloque of kernels) shift(bloque.memory.core.lectura, round);
          feed(bloques, round, startMs + sweeps * 1000);
          breakSome(kernels, round);
        },
        run: sweep,
      },
    },
    ROUNDS,
    WARM_UP,
  );
  const ran = kernels.reduce((sum, bloque) => sum + bloque.runsTotal, 0);
  const expected = sweeps * N - (faults - repairs);
  return [
    makeRow('sweep', 'ms', SWEEP_LIMIT, {
      value: ms.sweep,
      baseline: ms.bare,
      sound: Math.abs(ran - expected) <= FAULTS * sweeps * 6 && repairs > 0,
      note:
        `1,000,000 entidades of a plugin's kernel in ${kernels.length} bloques, ${bloques.length - kernels.length} bloques of ` +
        `${BUNDLED.length} bundled procesadores between; ${faults} failed runs, ${repairs} repairs in ${sweeps} sweeps`,
    }),
  ];
}

/** New lecturas for all, outside of the time: a constant one would let the variance sink into denormal numbers. */
function shift(lecturas: Float32Array, round: number): void {
  const by = (round & 1) === 0 ? 0.25 : -0.25;
  for (let i = 0; i < lecturas.length; i++) lecturas[i] = lecturas[i]! + by;
}

/** The bare loop alone, for rows that need its price. */
export function bareSweepMs(): number {
  const x = Float32Array.from({ length: N }, (_, k) => seeded(k));
  const media = new Float32Array(N);
  const varianza = new Float32Array(N);
  const z = new Float32Array(N);
  return interleave(
    { bare: { prepare: (round) => shift(x, round), run: () => bareSweep(x, media, varianza, z) } },
    ROUNDS,
    WARM_UP,
  ).bare;
}
