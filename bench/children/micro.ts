/** A micro row in a process of its own. */
import { childInput, say } from '../lib/child.ts';
import { benchFrames } from '../rows/frames.ts';
import { benchSweep } from '../rows/sweep.ts';

const ROWS = { sweep: benchSweep, frames: benchFrames } as const;
say(ROWS[childInput<keyof typeof ROWS>()]());
