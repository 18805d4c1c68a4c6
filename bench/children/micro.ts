/** A micro row in a process of its own. */
import { childInput, say } from '../lib/child.ts';
import { benchApart } from '../rows/modules-apart.ts';
import { benchFrames } from '../rows/frames.ts';
import { benchAlertLatency, benchClosures, benchPython } from '../rows/modules-ejecucion.ts';
import { benchEvolucion } from '../rows/modules-evolucion.ts';
import { benchForest } from '../rows/modules-forest.ts';
import { benchRedirect, benchRedirectMemory } from '../rows/modules-redirect.ts';
import { benchRepair } from '../rows/modules-repair.ts';
import { benchRedis } from '../rows/redis.ts';
import { benchDetector, benchQuietRoads } from '../rows/modules-detector.ts';
import { benchSweep } from '../rows/sweep.ts';

const ROWS = {
  sweep: benchSweep,
  frames: benchFrames,
  redis: benchRedis,
  evolucion: benchEvolucion,
  forest: benchForest,
  redirect: benchRedirect,
  'redirect-memory': benchRedirectMemory,
  repair: benchRepair,
  'alert-latency': benchAlertLatency,
  closures: benchClosures,
  apart: benchApart,
  detector: benchDetector,
  'quiet-roads': benchQuietRoads,
  python: benchPython,
} as const;
say(await ROWS[childInput<keyof typeof ROWS>()]());
