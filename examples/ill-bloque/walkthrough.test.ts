/** The walk-through of docs/OPERATIONS.md, followed word for word: its commands are run as they stand, and print what it says. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const HEADING = '### A bloque falls ill, step by step';
const STEP_MS_MAX = 120_000;

interface Step {
  readonly commands: string;
  /** Lines of the output, `…` for what differs from time to time. */
  readonly promised: readonly string[];
}

/** The section's blocks of commands, each with the block of output below it. */
function readSteps(): Step[] {
  const document = readFileSync(join(ROOT, 'docs', 'OPERATIONS.md'), 'utf8');
  const from = document.indexOf(`\n${HEADING}\n`);
  assert.ok(from > 0, `docs/OPERATIONS.md has no "${HEADING}"`);
  const section = document.slice(from + 1, document.indexOf('\n## ', from + 1));
  const steps: { commands: string; promised: string[] }[] = [];
  for (const [, kind, body = ''] of section.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
    if (kind === 'bash') steps.push({ commands: body, promised: [] });
    else steps.at(-1)!.promised.push(...body.trimEnd().split('\n'));
  }
  return steps;
}

/** Whether the line has the promised words in their order. */
function keeps(line: string, promise: string): boolean {
  const plain = (text: string): string => text.trim().replace(/\s+/g, ' ');
  let at = 0;
  for (const part of promise.split('…').map(plain)) {
    const found = plain(line).indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

/** Each promised line is one of the output, in the order of the document. */
function assertPromised({ commands, promised }: Step, output: string): void {
  const lines = output.split('\n');
  let at = 0;
  for (const promise of promised) {
    const found = lines.findIndex((line, k) => k >= at && keeps(line, promise));
    assert.ok(found >= 0, `after\n${commands}\nthe document promises\n  ${promise}\nbut there was\n${output}`);
    at = found + 1;
  }
}

const steps = readSteps();
const [start, ...others] = steps;
// a CoreC's folder of its own: whoever runs the tests may have one of this example running
const folder = mkdtempSync(join(tmpdir(), 'corec-walk-'));
const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', LC_ALL: 'C' };
let corec: ChildProcess;
let ended: Promise<number | null>;
let told = '';

before(async () => {
  for (const name of ['src', 'scripts', 'package.json', 'package-lock.json', 'corec', 'node_modules']) {
    if (name === 'src' || name === 'corec') cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    else symlinkSync(join(ROOT, name), join(folder, name));
  }
  cpSync(join(ROOT, 'examples', 'ill-bloque'), join(folder, 'examples', 'ill-bloque'), {
    recursive: true,
    filter: (path) => !path.endsWith('/data'),
  });
  corec = spawn('sh', ['-c', `exec ${start!.commands.trim()}`], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ended = new Promise((done) => corec.once('exit', (code) => done(code)));
  const isUp = Promise.withResolvers<void>();
  const hear = (text: string): void => {
    told += text;
    if (told.includes('Reading fuente=')) isUp.resolve();
  };
  corec.stdout!.setEncoding('utf8').on('data', hear);
  corec.stderr!.setEncoding('utf8').on('data', hear);
  void ended.then((code) => isUp.reject(new Error(`CoreC ended with ${code}:\n${told}`)));
  await isUp.promise;
});

after(async () => {
  corec.kill('SIGKILL');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** In one shell after another, as in one terminal: what is exported stays. */
async function follow(commands: string): Promise<string> {
  const child = spawn('sh', ['-e', '-c', commands], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const [, name, value] of commands.matchAll(/^export (\w+)=(\S+)$/gm)) env[name!] = value;
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  assert.equal(code, 0, `${commands}\n${output}`);
  return output;
}

test('who follows the walk-through sees what it says', { timeout: STEP_MS_MAX }, async () => {
  assert.ok(others.length >= 6, `${others.length} steps were found`);
  assertPromised(start!, told);
  const isLast = (step: Step): boolean => step === others.at(-1);
  for (const step of others) {
    if (isLast(step)) {
      // Ctrl-C
      corec.kill('SIGINT');
      assert.equal(await ended, 0, told);
    }
    assertPromised(step, await follow(step.commands));
  }
  assert.equal(existsSync(join(folder, 'examples', 'ill-bloque', 'data')), false);
});
