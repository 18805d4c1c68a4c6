/** Fills a disk that is really too small: appends until it is full, makes room, goes on, and tells what it saw as JSON. */
import { rmSync } from 'node:fs';
import { FileJournal } from '#adapters/file-journal/journal.ts';
import { CoreCError } from '#domain/errors.ts';

const [folder, filler] = process.argv.slice(2);
const journal = new FileJournal(folder!, { segmentBytes: 1 << 20 });
await journal.open();
const acknowledged: number[] = [];
let code = '';
for (let n = 1; code === '' && n < 5000; n++) {
  try {
    acknowledged.push(await journal.append({ n }, new Uint8Array(3000).fill(n), n));
  } catch (error) {
    code = error instanceof CoreCError ? error.code : String(error);
  }
}
// Full stays full, and each try leaves the file as it was.
let refusedAgain = 0;
for (let n = 0; n < 3; n++) {
  await journal.append({ n: 0 }, new Uint8Array(5000), 0).catch(() => (refusedAgain += 1));
}
if (filler === undefined) await journal.release(acknowledged.length);
else rmSync(filler);
const after = await journal.append({ n: -1 }, new Uint8Array(3000), 0);
await journal.close();

const again = new FileJournal(folder!, { segmentBytes: 1 << 20 });
const opened = await again.open();
const replayed: number[] = [];
for await (const { seq } of again.replay(0)) replayed.push(seq);
await again.close();
console.log(JSON.stringify({ acknowledged: acknowledged.length, code, refusedAgain, after, opened, replayed }));
