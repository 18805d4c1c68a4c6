import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FUENTE_BLOQUE_DEFAULT } from '#domain/config/fuentes.ts';
import { CATALOGUE, COMMAND_NAMES } from '#nucleus/commands/catalogue.ts';
import type { CommandContext } from '#nucleus/commands/command.ts';
import { RecentCommands } from '#nucleus/commands/recent.ts';
import { runCommand } from '#nucleus/commands/run.ts';
import { COMMANDS, describeCommands } from '#nucleus/commands/table.ts';
import { CoreCError } from '#domain/errors.ts';
import type { BloqueSummary, IngestProgress, NucleusApi } from '#ports/nucleus-api.ts';
import type { AlertaQuery } from '#ports/bloque-store.ts';
import { FakeNucleus } from '../../fixtures/fake-nucleus.ts';

function contextOf(api: NucleusApi | null, changes: Partial<CommandContext> = {}): CommandContext {
  return {
    api,
    idioma: 'en',
    role: 'operar',
    archivos: true,
    stdin: false,
    puerta: 'test',
    por: 'tester',
    comandoId: null,
    nowMs: () => 1_000_000,
    signal: new AbortController().signal,
    recent: new RecentCommands(),
    config: null,
    onProgress: null,
    checkOutput: true,
    ...changes,
  };
}

function livingNucleus(): FakeNucleus {
  const nucleus = new FakeNucleus();
  nucleus.feed('cpu/total', 40, 900_000);
  nucleus.feed('cpu/total', 150, 901_000);
  nucleus.feed('disk/sda', 12, 902_000);
  return nucleus;
}

async function refusal(run: Promise<unknown>): Promise<CoreCError> {
  try {
    await run;
  } catch (error) {
    assert.ok(error instanceof CoreCError, String(error));
    return error;
  }
  return assert.fail('it was not refused');
}

describe('the command table', () => {
  test('every command answers what its output schema says', async () => {
    const nucleus = livingNucleus();
    const inputs: Record<string, Record<string, unknown>> = {
      bloque: { id: 'sensor/0' },
      entidad: { ref: 'cpu/total' },
      ack: { id: nucleus.stored[0]!.id },
      silence: { glob: 'cpu/*' },
      forget: { clave: 'disk/sda' },
      'evolucion-volver': { entrada: 'sensor' },
      'evolucion-fijar': { entrada: 'sensor' },
    };
    for (const name of COMMAND_NAMES) {
      if (name === 'ingest' || name === 'config-check') continue;
      const answer = await runCommand(COMMANDS, name, inputs[name] ?? {}, contextOf(nucleus));
      assert.ok(answer !== null && typeof answer === 'object' && !Array.isArray(answer), `${name} answers one object`);
    }
  });

  test('an answer that does not fit its schema is caught', async () => {
    const nucleus = livingNucleus();
    nucleus.bloque = () => ({ id: 'sensor/0', fitness: 'high' }) as unknown as BloqueSummary;
    const error = await refusal(runCommand(COMMANDS, 'bloque', { id: 'sensor/0' }, contextOf(nucleus)));
    assert.equal(error.code, 'COREC_E_INTERNAL');
    assert.match(error.message, /bloque answered bloque/);
  });

  test('every example is accepted by its own command', () => {
    for (const { entry, input } of COMMANDS.values()) {
      assert.ok(entry.examples.length > 0, `${entry.name} has an example`);
      for (const example of entry.examples) assert.ok(input.safeParse(example.input).success, entry.name);
    }
  });

  test('both languages say everything, and places are counted without gaps', () => {
    for (const { entry } of COMMANDS.values()) {
      const said = [
        entry.summary,
        ...Object.values(entry.args).map((arg) => arg.says),
        ...entry.examples.map((one) => one.says),
      ];
      for (const { en, es } of said) assert.ok(en !== '' && es !== '' && en !== es, `${entry.name}: ${en} / ${es}`);
      const places = Object.values(entry.args)
        .flatMap((arg) => arg.place ?? [])
        .sort((a, b) => a - b);
      assert.deepEqual(places, [...places.keys()], entry.name);
    }
  });

  test('an ingest that names no bloque feeds the one that sources do', () => {
    assert.equal(CATALOGUE.ingest.args.bloque.default, FUENTE_BLOQUE_DEFAULT);
  });

  test('what changes something needs the role that may', async () => {
    for (const { entry } of COMMANDS.values()) assert.equal(entry.changing, entry.role === 'operar', entry.name);
    const nucleus = livingNucleus();
    const error = await refusal(runCommand(COMMANDS, 'pause', {}, contextOf(nucleus, { role: 'leer' })));
    assert.equal(error.code, 'COREC_E_UNAUTHORIZED');
    assert.equal(nucleus.paused.size, 0);
  });

  test('only a trusted door may name files', async () => {
    const nucleus = livingNucleus();
    const error = await refusal(
      runCommand(COMMANDS, 'ingest', { file: '/etc/hosts' }, contextOf(nucleus, { archivos: false })),
    );
    assert.equal(error.code, 'COREC_E_UNAUTHORIZED');
    assert.match(error.text('es'), /socket unix/);
    assert.equal(nucleus.ingests, 0);
  });

  test('the table describes itself as JSON Schema in the language asked for', () => {
    const [en, es] = [describeCommands('en'), describeCommands('es')];
    assert.deepEqual(
      en.map((one) => one.name),
      COMMAND_NAMES,
    );
    const limitOf = (list: typeof en): unknown =>
      (list.find((one) => one.name === 'top')!.input['properties'] as Record<string, unknown>)['limit'];
    assert.deepEqual(limitOf(en), {
      default: 20,
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      description: CATALOGUE.top.args.limit.says.en,
    });
    assert.equal((limitOf(es) as { description: string }).description, CATALOGUE.top.args.limit.says.es);
    assert.ok(JSON.stringify(en).length < 200_000);
  });
});

describe('arguments', () => {
  const ask = (name: string, input: unknown): Promise<CoreCError> =>
    refusal(runCommand(COMMANDS, name, input, contextOf(livingNucleus())));

  test('a fault names the argument, what was found and what is allowed', async () => {
    const error = await ask('top', { limit: 'many' });
    assert.equal(error.code, 'COREC_E_ARGUMENT');
    assert.equal(error.text('en'), 'top: limit is "many". Allowed: limit: a whole number from 1 to 10000.');
    assert.equal(error.text('es'), 'top: limit es "many". Permitido: limit: un entero de 1 a 10000.');
    assert.match((await ask('top', { limit: 0 })).message, /limit is 0/);
    assert.match((await ask('top', { limit: 2.5 })).message, /limit is 2.5/);
    assert.match((await ask('entidad', {})).message, /ref is missing/);
    assert.match((await ask('alerts', { order: 'worst' })).message, /order is "worst".*time or valor/);
    assert.match((await ask('alerts', { since: 'yesterday' })).message, /since is "yesterday".*2026-01-31/);
    assert.match((await ask('silence', { glob: 'x', for: 'long' })).message, /for is "long".*30m/);
    assert.match((await ask('top', ['limit'])).message, /arguments are/);
  });

  test('every fault is told at once', async () => {
    const error = await ask('alerts', { order: 'worst', limit: -1 });
    assert.match(error.message, /order is "worst"; limit is -1/);
  });

  test('an unknown argument gets the nearest known one', async () => {
    assert.match((await ask('top', { limt: 3 })).message, /no argument "limt".*limit \(did you mean that\?\)/);
    assert.match((await ask('status', { x: 3 })).message, /no arguments/);
  });

  test('what was given is never repeated at length', async () => {
    assert.ok((await ask('top', { limit: 'x'.repeat(100_000) })).message.length < 400);
  });

  test('an unknown command gets the nearest known one', async () => {
    const error = await ask('statsu', {});
    assert.equal(error.code, 'COREC_E_COMMAND_UNKNOWN');
    assert.match(error.text('en'), /Did you mean status\?/);
    assert.match(error.text('es'), /¿Quiso decir status\?/);
    assert.match((await ask('zzzzzzzz', {})).message, /Known: status, top/);
  });

  test('moments and spans reach the nucleus as UTC ms', async () => {
    const nucleus = livingNucleus();
    let asked: AlertaQuery | undefined;
    nucleus.alertas = async (query) => {
      asked = query;
      return [];
    };
    await runCommand(COMMANDS, 'alerts', { since: '10s', until: '1970-01-01T00:20Z', limit: 5 }, contextOf(nucleus));
    assert.deepEqual(asked, { desdeMs: 990_000, hastaMs: 1_200_000, orden: 'tiempo', limit: 6 });
    const silence = await runCommand(COMMANDS, 'silence', { glob: '*', for: '30m' }, contextOf(nucleus));
    assert.deepEqual(silence, { hastaMs: 1_000_000 + 1_800_000, claves: 2 });
  });
});

describe('single commands', () => {
  test('alerts come in the language of whoever asks', async () => {
    const nucleus = livingNucleus();
    const texto = async (idioma: 'en' | 'es'): Promise<string> => {
      const answer = (await runCommand(COMMANDS, 'alerts', {}, contextOf(nucleus, { idioma }))) as {
        alertas: { texto: string }[];
      };
      return answer.alertas[0]!.texto;
    };
    assert.equal(await texto('en'), '150 is above the usual 0 to 100');
    assert.notEqual(await texto('es'), await texto('en'));
  });

  test('a list says whether there is more', async () => {
    const nucleus = livingNucleus();
    const list = async (limit: number): Promise<{ entidades: unknown[]; more: boolean }> =>
      (await runCommand(COMMANDS, 'entidades', { limit }, contextOf(nucleus))) as {
        entidades: unknown[];
        more: boolean;
      };
    assert.equal((await list(1)).more, true);
    assert.equal((await list(1)).entidades.length, 1);
    assert.equal((await list(2)).more, false);
  });

  test('a bloque may be named by its entry when it is the only one', async () => {
    const nucleus = livingNucleus();
    const answer = (await runCommand(COMMANDS, 'bloque', { id: 'host' }, contextOf(nucleus))) as {
      bloque: { id: string };
    };
    assert.equal(answer.bloque.id, 'host/0');
    const several = await refusal(runCommand(COMMANDS, 'bloque', { id: 'sensor' }, contextOf(nucleus)));
    assert.match(several.text('en'), /several bloques: name one, like sensor\/0/);
    const typo = await refusal(runCommand(COMMANDS, 'bloque', { id: 'sensro/0' }, contextOf(nucleus)));
    assert.match(typo.text('es'), /no existe el bloque|No existe el bloque/i);
    assert.match(typo.text('es'), /¿Quiso decir sensor\/0\?/);
  });

  test('an alert is acknowledged by the first characters of its id, when they tell it apart', async () => {
    const nucleus = livingNucleus();
    nucleus.feed('disk/sda', 180, 903_000);
    const answer = (await runCommand(COMMANDS, 'ack', { id: '00000001' }, contextOf(nucleus))) as {
      reconocidaPor: string;
    };
    assert.equal(answer.reconocidaPor, 'tester');
    const error = await refusal(runCommand(COMMANDS, 'ack', { id: '0' }, contextOf(nucleus)));
    assert.match(error.message, /2 alerts begin with "0"/);
    assert.equal(
      (await refusal(runCommand(COMMANDS, 'ack', { id: 'ffff' }, contextOf(nucleus)))).code,
      'COREC_E_NOT_FOUND',
    );
  });

  test('ingest reports as it goes and answers the sum', async () => {
    const nucleus = livingNucleus();
    const told: string[] = [];
    const step = (state: IngestProgress['state']): IngestProgress => ({
      id: 'x',
      state,
      found: '',
      bytesDone: 0,
      bytesTotal: null,
      rows: 0,
      lecturas: 0,
      refused: {},
      claves: 0,
      alertas: 0,
      elapsedMs: 0,
      refusedFile: null,
      resumedFrom: null,
    });
    nucleus.ingest = async function* () {
      yield step('reading');
      yield step('saving');
      return step('done');
    };
    const ctx = contextOf(nucleus, { onProgress: (progress) => told.push(progress.state) });
    const answer = (await runCommand(COMMANDS, 'ingest', { file: '/tmp/x.ndjson' }, ctx)) as IngestProgress;
    assert.equal(answer.state, 'done');
    assert.deepEqual(told, ['reading', 'saving']);
    assert.match(
      (await refusal(runCommand(COMMANDS, 'ingest', { file: 'x.ndjson' }, ctx))).message,
      /an absolute path/,
    );
    assert.match((await refusal(runCommand(COMMANDS, 'ingest', { file: '-' }, ctx))).message, /POST \/api\/lecturas/);
  });

  test('without a nucleus only offline commands answer', async () => {
    assert.equal((await refusal(runCommand(COMMANDS, 'status', {}, contextOf(null)))).code, 'COREC_E_NOT_RUNNING');
    const schema = (await runCommand(COMMANDS, 'config-schema', {}, contextOf(null))) as Record<string, unknown>;
    assert.equal(schema['title'], 'corec_config.json');
    assert.equal((await refusal(runCommand(COMMANDS, 'config-check', {}, contextOf(null)))).code, 'COREC_E_NOT_FOUND');
  });
});

describe('command ids', () => {
  test('a changing command sent again acts once and gets the first answer', async () => {
    const nucleus = livingNucleus();
    const ctx = contextOf(nucleus, { comandoId: 'c1' });
    const [first, second] = await Promise.all([
      runCommand(COMMANDS, 'pause', { bloque: 'host' }, ctx),
      runCommand(COMMANDS, 'pause', { bloque: 'host' }, ctx),
    ]);
    assert.deepEqual(first, { bloques: 1 });
    assert.deepEqual(second, first);
    assert.deepEqual(await runCommand(COMMANDS, 'pause', { bloque: 'host' }, ctx), first);
    assert.deepEqual(nucleus.comandos, ['c1']);
  });

  test('an id belongs to the command it came with first', async () => {
    const nucleus = livingNucleus();
    const ctx = contextOf(nucleus, { comandoId: 'c1' });
    await runCommand(COMMANDS, 'pause', { bloque: 'host' }, ctx);
    const error = await refusal(runCommand(COMMANDS, 'pause', { bloque: 'sensor' }, ctx));
    assert.match(error.message, /was used for another command/);
    assert.deepEqual([...nucleus.paused], ['host/0']);
  });

  test('one that was refused for what it asks stays refused, whatever has become of that since', async () => {
    const nucleus = livingNucleus();
    const ctx = contextOf(nucleus, { comandoId: 'c1' });
    const { id } = nucleus.stored[0]!;
    nucleus.failWith = new CoreCError('COREC_E_NOT_FOUND', { what: 'alert', found: id, hint: '' });
    const first = await refusal(runCommand(COMMANDS, 'ack', { id }, ctx));
    nucleus.failWith = null;
    assert.equal(await refusal(runCommand(COMMANDS, 'ack', { id }, ctx)), first);
    assert.deepEqual(nucleus.comandos, []);
  });

  test('a failed one can be sent again', async () => {
    const nucleus = livingNucleus();
    const ctx = contextOf(nucleus, { comandoId: 'c1' });
    const { id } = nucleus.stored[0]!;
    nucleus.failWith = new CoreCError('COREC_E_POSTGRES_UNREACHABLE', { server: 'x', found: 'y' });
    await refusal(runCommand(COMMANDS, 'ack', { id }, ctx));
    nucleus.failWith = null;
    await runCommand(COMMANDS, 'ack', { id }, ctx);
    assert.deepEqual(nucleus.comandos, ['c1']);
  });

  test('memory of them is bounded, and one under way is kept', async () => {
    const recent = new RecentCommands(3);
    const { promise, resolve } = Promise.withResolvers<string>();
    const slow = recent.once('slow', 'a', {}, () => promise);
    for (let k = 0; k < 10; k++) await recent.once(`c${k}`, 'a', {}, async () => k);
    assert.equal(recent.size, 3);
    const again = recent.once('slow', 'a', {}, () => assert.fail('it ran twice'));
    resolve('first');
    assert.equal(await slow, 'first');
    assert.equal(await again, 'first');
  });

  test('an id of no length, or of too much, is refused', async () => {
    for (const comandoId of ['', 'x'.repeat(201)]) {
      const error = await refusal(runCommand(COMMANDS, 'pause', {}, contextOf(livingNucleus(), { comandoId })));
      assert.match(error.message, /command id/);
    }
  });
});
