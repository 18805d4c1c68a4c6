/**
 * `npm run check`: every stage of the project's one check, in order, each whatever became of those before it.
 *
 * Owns the stages, their deadlines and the final line `N passed, N failed`: each of format, lint and types counts as
 * one, each test as one, and a test run that ends badly without naming a failed test (crash, deadline) as one failure.
 * Leaves finding and running tests to `node --test`, and what is printed of them to test-reporter.ts.
 *
 *   node scripts/check.ts                     all stages
 *   node scripts/check.ts --only unit,types   some stages (tests = all stages of tests)
 *   node scripts/check.ts --only tests codec  the test files whose path holds `codec`
 *   node scripts/check.ts --only faults --long   ten times as many faults as the check asks for
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Stage {
  name: string;
  isTests: boolean;
  run: () => Promise<Counts>;
}

const root = dirname(import.meta.dirname);
const { values, positionals } = parseArgs({
  options: { only: { type: 'string' }, long: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const MINUTE_MS = 60_000;
const stageMsMax = (values.long ? 180 : 25) * MINUTE_MS;
/** What the faults of test/faults take on a machine that does nothing else. */
const faultsBudget = values.long ? 'about 40 minutes' : 'about 4 minutes';
const scratch = mkdtempSync(join(tmpdir(), 'corec-check-'));

// Children find the same Node and the project's own tools, whoever started this.
const bin = join(root, 'node_modules', '.bin');
const env: NodeJS.ProcessEnv = {
  ...process.env,
  ...(values.long ? { COREC_FAULTS_LONG: '1' } : {}),
  PATH: [dirname(process.execPath), bin, process.env['PATH'] ?? ''].join(delimiter),
};
// Set inside a `node --test` child; inherited, it would make the inner runs report to the outer one.
delete env['NODE_TEST_CONTEXT'];

function runChild(command: string, args: string[], extraEnv: NodeJS.ProcessEnv = {}): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(command, args, {
    cwd: root,
    env: { ...env, ...extraEnv },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const deadline = setTimeout(() => {
    console.log(`  ${command} ${args[0] ?? ''} ran longer than ${stageMsMax / MINUTE_MS} minutes and is ended`);
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  }, stageMsMax);
  child.once('error', (error) => {
    clearTimeout(deadline);
    console.log(`  ${command}: ${error.message}`);
    resolve(false);
  });
  child.once('exit', (code) => {
    clearTimeout(deadline);
    resolve(code === 0);
  });
  return promise;
}

function toolStage(name: string, command: string, args: string[]): Stage {
  return {
    name,
    isTests: false,
    async run(): Promise<Counts> {
      const ok = await runChild(command, args);
      return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
    },
  };
}

/** `shards`: so many processes, each with its part of the files. */
function testStage(name: string, files: string[], args: string[], shards = 1): Stage {
  const reporter = join(import.meta.dirname, 'test-reporter.ts');
  const runShard = async (part: string[], countsFile: string): Promise<Counts> => {
    const nodeArgs = ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', ...args, ...part];
    const ok = await runChild(process.execPath, nodeArgs, { COREC_TEST_COUNTS: countsFile });
    let counts: Counts;
    try {
      counts = JSON.parse(readFileSync(countsFile, 'utf8')) as Counts;
    } catch {
      console.log('  the test run ended before it could say its counts');
      return { passed: 0, failed: 1, skipped: 0 };
    }
    if (!ok && counts.failed === 0) {
      console.log('  the test run ended badly though every test passed');
      counts.failed = 1;
    }
    return counts;
  };
  return {
    name,
    isTests: true,
    async run(): Promise<Counts> {
      const parts = Array.from({ length: Math.min(shards, files.length) }, (_, k) =>
        files.filter((_file, at) => at % shards === k),
      );
      const counts = await Promise.all(parts.map((part, k) => runShard(part, join(scratch, `${name}-${k}.json`))));
      const sum = (key: keyof Counts): number => counts.reduce((total, one) => total + one[key], 0);
      return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
    },
  };
}

/**
 * Architecture and unit tests are pure: many share one process (four times faster). Everything else gets a process a file.
 * A folder of test/ is a stage; tests that live beside plugins and examples are the last one.
 */
function planStages(filters: string[]): Stage[] {
  const files = globSync(['test/**/*.test.ts', 'plugins/**/*.test.ts', 'examples/**/*.test.ts'], { cwd: root })
    .filter((file) => !file.includes('node_modules') && filters.every((part) => file.includes(part)))
    .sort();
  const byStage = new Map<string, string[]>([
    ['architecture', []],
    ['unit', []],
    ['contract', []],
    ['simulation', []],
    ['integration', []],
    ['faults', []],
  ]);
  for (const file of files) {
    const [top, folder, ...rest] = file.split('/');
    const name = top !== 'test' ? 'samples' : rest.length === 0 ? 'whole' : folder!;
    byStage.set(name, [...(byStage.get(name) ?? []), file]);
  }
  const stages = [
    toolStage('format', 'oxfmt', ['--check']),
    toolStage('lint', 'oxlint', ['--type-aware', '--quiet']),
    toolStage('types', 'tsc', ['-p', '.']),
  ];
  for (const [name, stageFiles] of byStage) {
    if (stageFiles.length === 0) continue;
    const isPure = name === 'architecture' || name === 'unit';
    const args = isPure ? ['--test-isolation=none', '--test-timeout=120000'] : ['--test-timeout=300000'];
    // Most of these wait for servers and clocks more than they work: by itself Node would run one file at a time on two cores.
    if (name === 'contract' || name === 'integration') args.push(`--test-concurrency=${availableParallelism() + 2}`);
    // Two at a time: each waits for servers to come back half of its time, and what happens at a moment must stand some load.
    if (name === 'faults') args.splice(0, 1, `--test-timeout=${stageMsMax}`, '--test-concurrency=2');
    stages.push(testStage(name, stageFiles, args, name === 'unit' ? availableParallelism() : 1));
  }
  return stages;
}

const only = values.only?.split(',');
const stages = planStages(positionals).filter(
  (stage) => !only || only.includes(stage.name) || (stage.isTests && only.includes('tests')),
);

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const badStages: string[] = [];
try {
  for (const stage of stages) {
    console.log(`\n${stage.name}${stage.name === 'faults' ? ` (budget: ${faultsBudget})` : ''}`);
    const startMs = performance.now();
    const counts = await stage.run();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    console.log(`  ${counts.passed} passed, ${counts.failed} failed${skipped} (${seconds} s)`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    if (counts.failed > 0) badStages.push(stage.name);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (total.passed + total.failed === 0) {
  console.log(
    `\nnothing was run: no stage or test is named so (stages: ${planStages([])
      .map((stage) => stage.name)
      .join(', ')})`,
  );
  total.failed = 1;
}
if (badStages.length > 0) console.log(`\nfailed: ${badStages.join(', ')}`);
if (total.skipped > 0) console.log(`\n${total.skipped} skipped`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
