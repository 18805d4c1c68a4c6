/** Logs into a file that the system will not let grow, then makes room; prints what it saw as JSON at the end. */
import { readFileSync, truncateSync } from 'node:fs';
import { makeLogging } from '#adapters/logging/logging.ts';
import { VirtualClock } from '#adapters/system/virtual-clock.ts';

const file = process.argv[2]!;
const clock = new VirtualClock(1_700_000_000_000);
const printed: string[] = [];
const stream = { write: (text: string) => printed.push(text), on: () => undefined };
const logging = makeLogging({ ruta: file, clock, terminal: stream, colour: false, nivelTerminal: 'warn' });
const long = 'x'.repeat(100);
for (let i = 0; i < 500; i++) {
  logging.logger.info('T', `${i} ${long}`);
  if (i % 10 === 9) await logging.flush();
}
const full = logging.stats();
await clock.advance(6000);
logging.logger.info('T', 'still full');
await logging.flush();
truncateSync(file, 20);
await clock.advance(6000);
logging.logger.info('T', 'room again');
await logging.flush();
await logging.close();
const lines = readFileSync(file, 'utf8').split('\n').slice(1, -1);
console.log(JSON.stringify({ full, stats: logging.stats(), printed, lines }));
