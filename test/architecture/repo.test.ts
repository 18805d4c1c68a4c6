/** What no tracked file may hold: leftovers of work, paths of somebody's machine, hosts in the lock file, floating versions. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { listSources, root } from './source-text.ts';

const textFile =
  /\.(ts|js|mjs|json|jsonc|md|sql|sh|yml|yaml|css|html|service|toml)$|(^|\/)(corec|Dockerfile|LICENSE|run|\.npmrc|\.gitignore)$/;

function listTracked(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-z'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (listed !== '') return listed.split('\0').filter((file) => file !== '');
  } catch {
    // Not a git checkout (an unpacked archive): the folders that hold what is tracked.
  }
  return listSources('*.*', '{src,test,bench,plugins,examples,scripts,docs}/**/*.*');
}

describe('repository', () => {
  const files = listTracked()
    .filter((file) => textFile.test(file) && existsSync(join(root, file)) && statSync(join(root, file)).isFile())
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  function findLines(pattern: RegExp, only: RegExp = /./): string[] {
    return files
      .filter(({ file }) => only.test(file))
      .flatMap(({ file, text }) =>
        text
          .split('\n')
          .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}  ${line.trim().slice(0, 120)}`] : [])),
      );
  }

  test('no leftover markers', () => {
    // Spelled in halves so that this file passes itself.
    assert.deepEqual(
      findLines(new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)),
      [],
    );
  });

  test('no test is focused or left for later', () => {
    assert.deepEqual(
      findLines(
        new RegExp(`\\b(test|it|describe|suite)\\.(${['on' + 'ly', 'to' + 'do', 'sk' + 'ip'].join('|')})\\(`),
        /\.test\.ts$/,
      ),
      [],
    );
  });

  test("no path of anybody's machine", () => {
    // Home folders, and the folders that build machines commonly check out into.
    const pattern = /(?<![\w.$}/])\/(?:ro{2}t|home\/\w+|Users\/\w+|work(?:space)?)\//;
    assert.deepEqual(findLines(pattern), []);
  });

  // the project's, and those of examples that have packages of their own
  const manifests = files.map(({ file }) => file).filter((file) => /^(examples\/.*)?package\.json$/.test(file));
  for (const path of manifests) {
    test(`the lock file beside ${path} names no host, and every dependency is one exact version`, () => {
      const read = (name: string): unknown => JSON.parse(readFileSync(join(root, dirname(path), name), 'utf8'));
      const lock = read('package-lock.json') as { packages: Record<string, { resolved?: string; link?: boolean }> };
      const hosts = Object.entries(lock.packages).filter(
        ([, { resolved, link = false }]) => resolved !== undefined && !(link && existsSync(join(root, resolved))),
      );
      assert.deepEqual(hosts, [], 'keep omit-lockfile-registry-resolved=true in .npmrc and write the lock file anew');
      const manifest = read('package.json') as Record<string, Record<string, string>>;
      const ranges = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
        Object.entries(manifest[kind] ?? {}).filter(
          ([, version]) => !/^(\d+\.\d+\.\d+(-[\w.]+)?|file:test\/[\w/]+)$/.test(version),
        ),
      );
      assert.deepEqual(ranges, []);
    });
  }
});
