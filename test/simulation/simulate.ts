/**
 * One seed from its start to its verdict.
 *
 *   storm (things go wrong) -> calm (what was sent comes to its end) -> stop -> start -> stop -> compare with an undisturbed run
 */
import { messageOf } from '#domain/errors.ts';
import { compareWithUndisturbed } from './checks/undisturbed.ts';
import { checkFinal } from './checks/final.ts';
import type { EntryKind } from './sim/plan.ts';
import { World, type Violation, type WorldOptions } from './sim/world.ts';

/** Virtual time in which everything that was sent must come to its end. */
const CALM_MS = 180_000;
const STEPS_MAX = 400_000;

export interface Outcome {
  readonly seed: number;
  readonly hash: string;
  readonly steps: number;
  readonly lives: number;
  readonly lecturas: number;
  readonly mishaps: Readonly<Record<string, number>>;
  readonly violation: Violation | null;
  /** The last lines of the trace. */
  readonly last: readonly string[];
}

export async function simulate(seed: number, options: WorldOptions = {}): Promise<Outcome> {
  const world = new World(seed, options);
  try {
    world.begin();
    await run(world, () => world.clock.monotonicMs() >= world.plan.stormMs);
    world.calm();
    await settle(
      world,
      'everything that was sent comes to its end',
      () => isQuiet(world),
      () => underway(world).join('; '),
    );
    checkFinal(world, 'before the stop');
    await restart(world);
    checkFinal(world, 'after a stop and a start');
    world.isEnding = true;
    await stopIt(world);
    if (world.violation === null) await compareWithUndisturbed(world);
  } catch (error) {
    world.violate(
      'the simulation itself does not fail',
      error instanceof Error ? (error.stack ?? error.message) : messageOf(error),
    );
  }
  return {
    seed,
    hash: world.trace.hash,
    steps: world.steps,
    lives: world.lives,
    lecturas: world.ledger.rows.size,
    mishaps: Object.fromEntries([...world.mishaps.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    violation: world.violation,
    last: world.trace.last,
  };
}

/** Goes on until it is so, or something is violated. */
async function run(world: World, until: () => boolean): Promise<void> {
  while (world.violation === null && !until()) {
    if (!(await world.clock.step())) {
      world.violate('something is always left to happen', 'no timer is set');
      return;
    }
    world.steps++;
    world.checks.afterStep();
    if (world.steps > STEPS_MAX) world.violate('a run comes to its end', `${world.steps} steps`);
  }
}

async function settle(world: World, invariant: string, isSo: () => boolean, missing: () => string): Promise<void> {
  const untilMs = world.clock.monotonicMs() + CALM_MS;
  await run(world, () => isSo() || world.clock.monotonicMs() > untilMs);
  if (world.violation === null && !isSo()) world.violate(invariant, missing());
}

/** What is still to come before nothing is under way. */
function underway(world: World): string[] {
  const { life } = world;
  if (life?.fase !== 'running') return [`the instance is ${life?.fase ?? 'gone'}`, ...world.pending];
  const { swarm, pumps, lotes } = life.nucleus!;
  const behind = lotes.waiting === 0 ? [] : [`${lotes.waiting} lotes wait in the journal`];
  const inboxes = swarm.bloques
    .filter((bloque) => bloque.inbox.size > 0)
    .map(({ id, inbox }) => `${inbox.size} lecturas wait in ${id}`);
  const files = pumps.flatMap(({ source, position, entrada, state }) => {
    const entry = entrada.id as EntryKind;
    const [read, there] = [world.rowsBefore(entry, position), world.rowsThere(entry)];
    return read === there ? [] : [`${source.id}, ${state}, has read ${read} of ${there} rows`];
  });
  return [...world.pending, ...behind, ...inboxes, ...files];
}

const isQuiet = (world: World): boolean =>
  world.life?.fase === 'running' && !world.hasPending && underway(world).length === 0;

async function stopIt(world: World): Promise<void> {
  const { life } = world;
  if (life === null || world.violation !== null) return;
  void world.stop(life);
  await settle(
    world,
    'a stop comes to its end',
    () => world.life === null,
    () => `life ${life.number} is ${life.fase}`,
  );
}

async function restart(world: World): Promise<void> {
  await stopIt(world);
  await settle(
    world,
    'a start comes to its end',
    () => isQuiet(world),
    () => `life is ${world.life?.fase ?? 'gone'}`,
  );
}
