/**
 * Loaded into a CoreC before all else (`--import`): the wall clock goes wrong by as many ms as stand in the file that
 * COREC_TEST_CLOCK names. The monotonic clock goes on, as when somebody sets the time.
 */
import { readFileSync } from 'node:fs';

const path = process.env['COREC_TEST_CLOCK']!;
const trueMs = Date.now;
let offsetMs = 0;
setInterval(() => {
  const found = Number(readFileSync(path, 'utf8'));
  if (Number.isFinite(found)) offsetMs = found;
}, 10).unref();
Date.now = () => trueMs() + offsetMs;
