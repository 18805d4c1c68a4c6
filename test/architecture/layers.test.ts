/** The layer table, held against every import line: imports go down only, and the import line shows every crossing. */
import assert from 'node:assert/strict';
import { dirname, posix } from 'node:path';
import { describe, test } from 'node:test';
import { blankOut, lineAt, listImports, listSources, readSource } from './source-text.ts';
import type { ImportLine } from './source-text.ts';

interface Layer {
  readonly rank: number;
  /** Packages it may load; type-only imports are free everywhere. */
  readonly packages: RegExp;
  readonly nodeModules: RegExp;
}

const none = /^$/;
const any = /./;
const pureNode = /^node:(assert|util|path|url|timers\/promises|events|perf_hooks|buffer)/;
const layers: Record<string, Layer> = {
  domain: { rank: 0, packages: /^zod/, nodeModules: none },
  ports: { rank: 1, packages: none, nodeModules: none },
  modules: { rank: 2, packages: /^zod/, nodeModules: pureNode },
  adapters: { rank: 2, packages: any, nodeModules: any },
  nucleus: { rank: 3, packages: /^zod/, nodeModules: any },
  app: { rank: 4, packages: /^zod/, nodeModules: any },
  http: { rank: 5, packages: /^(zod|fastify|@fastify\/)/, nodeModules: any },
  mcp: { rank: 5, packages: /^(zod|@modelcontextprotocol\/)/, nodeModules: any },
  dashboard: { rank: 5, packages: /^(preact|@preact\/|uplot)/, nodeModules: none },
  cli: { rank: 6, packages: /^(zod|commander|cli-progress|@clack\/)/, nodeModules: any },
  'index.ts': { rank: 7, packages: /^zod$/, nodeModules: none },
};
const table = 'domain < ports < modules, adapters < nucleus < app < http, mcp, dashboard < cli';

const layerOf = (path: string): string => path.split('/')[1]!;

/** `adapters/postgres/sql/x.ts` belongs to postgres; sources and sinks hold one technology a subfolder, and what stands beside these is shared. */
function technologyOf(path: string): string {
  const folders = dirname(path).split('/').slice(2);
  return folders.slice(0, folders[0] === 'sources' || folders[0] === 'sinks' ? 2 : 1).join('/');
}

/** What is wrong with one import of a file in src/, with the way out; undefined when nothing is. */
function judgeImport(file: string, { specifier, isTypeOnly }: ImportLine): string | undefined {
  const from = layerOf(file);
  const layer = layers[from];
  if (!layer) return `src/${from} is no layer; the layers are ${table}`;
  if (specifier === 'corec' || specifier.startsWith('corec/'))
    return `only plugins and examples import 'corec'; import the part itself by '#layer/...'`;
  if (specifier.startsWith('node:')) {
    if (isTypeOnly || layer.nodeModules.test(specifier)) return undefined;
    return `${from} may not load ${specifier}; declare a port in src/ports, implement it in src/adapters and let app hand it in`;
  }
  if (!specifier.startsWith('.') && !specifier.startsWith('#')) {
    if (isTypeOnly || layer.packages.test(specifier)) return undefined;
    return `${from} may not load the package ${specifier}; a technology belongs to one folder of src/adapters, behind a port`;
  }
  const target = specifier.startsWith('#') ? `src/${specifier.slice(1)}` : posix.join(dirname(file), specifier);
  if (from === 'cli' && target.startsWith('bench/')) return undefined;
  const to = layerOf(target);
  const targetLayer = layers[to];
  if (!target.startsWith('src/') || !targetLayer)
    return `${specifier} leaves src/; what src needs lives in a layer of it`;
  if (to !== from && !specifier.startsWith('#'))
    return `a crossing shows itself: write '#${target.slice('src/'.length)}'`;
  if (to === 'adapters' && from === 'adapters') {
    const [own, other] = [technologyOf(file), technologyOf(target)];
    if (own === other || own.startsWith(`${other}/`)) return undefined;
    return `adapters are blind to each other (${own} imports ${other}); let app hand the one to the other behind a port`;
  }
  if (to === 'adapters' && from !== 'app')
    return `only app imports adapters; take the port as an argument and let app compose`;
  if (to === from) return undefined;
  if (targetLayer.rank < layer.rank) return undefined;
  return `${from} may not import ${to}: imports go down only (${table}); move the shared part down, or take it as an argument behind a port`;
}

const world = /\bprocess\.(env|argv)\b/g;
const impure =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.|\bconsole\.|\bprocess\.|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(|\bcrypto\./g;

describe('layers', () => {
  const sources = listSources('src/**/*.ts').filter((file) => !file.endsWith('.d.ts'));

  test('imports go down only, by #layer, and only app knows the adapters', () => {
    const wrong = sources.flatMap((file) =>
      listImports(readSource(file)).flatMap((line) => {
        const fault = judgeImport(file, line);
        return fault === undefined ? [] : [`${file}:${line.line}  '${line.specifier}': ${fault}`];
      }),
    );
    assert.ok(wrong.length === 0, `\n${wrong.join('\n')}`);
  });

  test('the domain has no clock, dice, log or process; only app and the entry of the CLI read environment and argv', () => {
    const wrong = sources.flatMap((file) => {
      const isDomain = file.startsWith('src/domain/');
      if (file.startsWith('src/app/') || file === 'src/cli/main.ts') return [];
      const text = blankOut(readSource(file), 'comments and literals');
      const wayOut = isDomain
        ? 'take time, dice and settings as arguments'
        : 'let app or src/cli/main.ts read it and hand it in';
      return [...text.matchAll(isDomain ? impure : world)].map(
        (m) => `${file}:${lineAt(text, m.index)}  ${m[0]}: ${wayOut}`,
      );
    });
    assert.ok(wrong.length === 0, `\n${wrong.join('\n')}`);
  });

  test("plugins and examples import only 'corec', node:, their own files and the packages of their own package.json", () => {
    const wrong = listSources('plugins/**/*.ts', 'examples/**/*.ts').flatMap((file) => {
      const home = file.split('/').slice(0, 2).join('/');
      const manifest = posix.join(dirname(file), 'package.json');
      const packages = listSources(manifest).flatMap((own) =>
        Object.keys((JSON.parse(readSource(own)) as { dependencies?: object }).dependencies ?? {}),
      );
      return listImports(readSource(file))
        .filter(({ specifier }) => !/^(corec$|corec\/|node:)/.test(specifier) && !packages.includes(specifier))
        .filter(
          ({ specifier }) => !specifier.startsWith('.') || !posix.join(dirname(file), specifier).startsWith(`${home}/`),
        )
        .map(
          ({ line, specifier }) =>
            `${file}:${line}  '${specifier}': export what is missing from src/index.ts and import it from 'corec'`,
        );
    });
    assert.ok(wrong.length === 0, `\n${wrong.join('\n')}`);
  });

  test('the rules catch what they are for', () => {
    const judge = (file: string, text: string): string => judgeImport(file, listImports(text)[0]!) ?? 'fine';
    assert.match(judge('src/domain/a.ts', `import { readFile } from 'node:fs';`), /may not load node:fs/);
    assert.match(judge('src/domain/a.ts', `import { B } from '#ports/b.ts';`), /imports go down only/);
    assert.match(judge('src/modules/a.ts', `import {\n  B,\n} from '../domain/b.ts';`), /write '#domain\/b.ts'/);
    assert.match(judge('src/adapters/redis/a.ts', `import { B } from '../postgres/b.ts';`), /blind to each other/);
    assert.match(judge('src/adapters/sources/file/a.ts', `export { B } from '../http/b.ts';`), /blind to each other/);
    assert.match(
      judge('src/http/a.ts', `const b = await import('#adapters/postgres/b.ts');`),
      /only app imports adapters/,
    );
    assert.match(judge('src/nucleus/a.ts', `import pg from 'pg';`), /may not load the package pg/);
    assert.match(judge('src/modules/a.ts', `import 'corec';`), /only plugins and examples/);
    assert.equal(judge('src/adapters/sources/file/a.ts', `import { B } from '../batch.ts';`), 'fine');
    assert.equal(judge('src/app/a.ts', `import { B } from '#adapters/postgres/b.ts';`), 'fine');
    assert.match(
      judge('src/adapters/threads/a.ts', `new Worker(new URL('../../nucleus/b.ts', import.meta.url));`),
      /write '#nucleus/,
    );
    assert.equal(judge('src/ports/a.ts', `import type { Readable } from 'node:stream';`), 'fine');
    assert.deepEqual(listImports(`// import 'a';\n/* import 'b' */ const c = "import 'd'";`), []);
  });
});
