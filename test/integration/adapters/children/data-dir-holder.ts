/** Tries for a data folder, says as JSON how it went, and holds what it got until its standard input ends. */
import { openDataDir } from '#adapters/data-dir/data-dir.ts';
import type { CoreCError } from '#domain/errors.ts';

const [folder, startAtMs] = process.argv.slice(2);
// All contenders at the same moment, as far as a machine can.
while (Date.now() < Number(startAtMs ?? 0));
try {
  await openDataDir(folder!, { instanceId: `of-${process.pid}`, nowMs: Date.now() });
  console.log(JSON.stringify({ got: true, pid: process.pid }));
  process.stdin.resume();
} catch (error) {
  const { code, details } = error as CoreCError;
  console.log(JSON.stringify({ got: false, code, pid: details?.['pid'] }));
}
