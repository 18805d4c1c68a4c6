/** A process that reads its standard input as a Source and says what came: a line of JSON a batch, `{"end":...}` at the last. */
import { makeStdinSource } from '#adapters/sources/stdin/stdin-source.ts';
import { makeSystemClock } from '#adapters/system/clock.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { parseMapeo } from '#domain/mapeo/mapeo.ts';
import { lecturasOfBatch } from '../../unit/mapeo/parse.ts';

const [mapeo = '', closeAfter = 'never'] = process.argv.slice(2);
const refused: string[] = [];
const source = makeStdinSource(
  { mapeo: mapeo === '' ? undefined : parseMapeo(mapeo) },
  {
    stdin: process.stdin,
    clock: makeSystemClock(),
    refused: { refuse: (_source, reason, _row, where) => refused.push(`${reason} ${where}`) },
  },
);
const say = (object: unknown): void => void process.stdout.write(`${JSON.stringify(object)}\n`);

try {
  await source.open(null);
  const batch = new LecturaBatch(1000);
  for (;;) {
    batch.clear();
    const state = await source.read(batch);
    if (batch.length > 0) say(lecturasOfBatch(batch).map(({ clave, valor }) => [clave, valor]));
    if (state.kind === 'end' || (closeAfter !== 'never' && source.progress().rows >= Number(closeAfter))) break;
  }
  say({ end: source.progress(), refused });
} catch (error) {
  say({ error: (error as Error).message });
}
await source.close();
