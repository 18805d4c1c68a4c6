/** Appends numbered records, many at once, and prints each number when its append is acknowledged; until it is killed. */
import { writeSync } from 'node:fs';
import { FileJournal } from '#adapters/file-journal/journal.ts';

const [folder, first] = process.argv.slice(2);
const journal = new FileJournal(folder!, { segmentBytes: 65_536 });
await journal.open();
let n = Number(first);

async function appendOn(): Promise<never> {
  for (;;) {
    const mine = n++;
    const seq = await journal.append({ n: mine }, new Uint8Array((mine * 397) % 9000).fill(mine), mine);
    // To the pipe before anything else happens: what was printed was acknowledged, whenever the kill comes.
    writeSync(1, `${mine} ${seq}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, appendOn));
