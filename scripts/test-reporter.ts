/**
 * What is printed of a run of `node --test`: failed tests with their place and reason, what they wrote, and the slowest.
 * The counts of the whole run go as JSON to the file named by COREC_TEST_COUNTS, for check.ts to add up.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

const slowMs = 3000;

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const slow: { name: string; ms: number }[] = [];
  const at = (file: string | undefined, line: number | undefined): string =>
    file === undefined ? '' : `${relative(process.cwd(), file)}:${line ?? 1}`;

  for await (const event of events) {
    switch (event.type) {
      case 'test:pass':
        if (event.data.details.type !== 'suite' && event.data.details.duration_ms > slowMs) {
          slow.push({ name: event.data.name, ms: event.data.details.duration_ms });
        }
        break;
      case 'test:fail': {
        const { error } = event.data.details;
        // A suite, or a file, that fails only because something inside did has nothing of its own to say.
        if ('failureType' in error && error.failureType === 'subtestsFailed') break;
        const cause = error.cause ?? error;
        const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
        yield `\n  FAILED ${event.data.name}\n  ${at(event.data.file, event.data.line)}\n${text.replace(/^/gm, '    ')}\n`;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield event.data.message;
        break;
      case 'test:summary':
        if (event.data.file === undefined) {
          counts.passed = event.data.counts.passed;
          counts.failed =
            event.data.counts.tests - event.data.counts.passed - event.data.counts.skipped - event.data.counts.todo;
          counts.skipped = event.data.counts.skipped + event.data.counts.todo;
        }
        break;
      default:
        break;
    }
  }
  for (const { name, ms } of slow.sort((a, b) => b.ms - a.ms).slice(0, 5))
    yield `  ${(ms / 1000).toFixed(1)} s  ${name}\n`;
  const file = process.env['COREC_TEST_COUNTS'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
}
