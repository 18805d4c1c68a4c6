/**
 * `npm run test:simulation -- ...`: seeds by hand; `--help` says how.
 */
import { parseArgs } from 'node:util';
import { PLANTED, type PlantedName } from './planted.ts';
import { playRange } from './pool.ts';
import { describeSums, describeViolation } from './report.ts';
import { simulate } from './simulate.ts';

const USAGE = 'npm run test:simulation -- [--seed N | --seeds A..B] [--long] [--planted NAME]';
const HELP = `${USAGE}

  --seed N         one seed, with every line of its trace
  --seeds A..B     a range (1..1000); what fails is told as it comes
  --long           minutes of virtual time instead of seconds
  --planted NAME   with a fault put in on purpose: ${Object.keys(PLANTED).join(', ')}

What a failing seed says, and how to read it: CONTRIBUTING.md, "A seed that fails".`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..1000' },
    long: { type: 'boolean', default: false },
    planted: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const isLong = values.long;
const planted = (values.planted ?? null) as PlantedName | null;
if (planted !== null && !Object.hasOwn(PLANTED, planted))
  throw new Error(`nothing is called ${planted}; there is ${Object.keys(PLANTED).join(', ')}`);
const flags = `${isLong ? ' --long' : ''}${planted === null ? '' : ` --planted ${planted}`}`;
const wholeNumber = (text: string | undefined): number => {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`${text} is no seed; ${USAGE}`);
  return Number(text);
};

if (values.seed !== undefined) {
  const options = planted === null ? {} : { planted: PLANTED[planted] };
  const outcome = await simulate(wholeNumber(values.seed), {
    ...options,
    isLong,
    listen: (line) => console.log(line),
  });
  if (outcome.violation !== null) console.log(`\n${describeViolation({ ...outcome, last: [] }, flags)}`);
  console.log(
    `hash ${outcome.hash}, ${outcome.steps} steps, ${outcome.lives} lives, ${JSON.stringify(outcome.mishaps)}`,
  );
  process.exitCode = outcome.violation === null ? 0 : 1;
} else {
  const [from, to] = values.seeds.split('..').map(wholeNumber);
  const startMs = performance.now();
  const sums = await playRange({
    from: from!,
    to: to ?? from!,
    isLong,
    planted,
    onOutcome: (outcome) => {
      if (outcome.violation !== null) console.log(`${describeViolation(outcome, flags)}\n`);
    },
  });
  console.log(describeSums(sums, (performance.now() - startMs) / 1000));
  const kinds = Map.groupBy(sums.violated, ({ violation }) => violation!.invariant);
  for (const [invariant, list] of kinds) console.log(`  ${invariant}: ${list.map(({ seed }) => seed).join(' ')}`);
  process.exitCode = sums.violated.length === 0 ? 0 : 1;
}
