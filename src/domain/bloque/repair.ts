/**
 * Autorreparación, decided: which inactive entidades are replaced now, how, and which have failed too often.
 *
 * A1 At fallos >= 2 since the last repair, or when an entidad has been inactive for 5 intervals, all inactive ones are replaced.
 * A2 An entidad's first repair within the window brings back its state of the last epoch; a further one starts fresh.
 * A3 More than `maxReparaciones` within the window: quarantine, never a hot loop.
 * A5 Only repairs in a row count: an entidad that has run well since its last one fails by chance, or by what it was given, and the next
 *    repair is its first. One that fails every time is in quarantine after maxReparaciones + 1 failures.
 * A6 When most runs of a cycle fail, the procesador is to blame (supervision/circuit.ts): repairs of it bring back the state of the last
 *    epoch and count for nothing, so that no entidad loses what it learned, or goes into quarantine, for another's fault.
 * A4 Times are of the wall clock, which may be set: what seems to lie ahead is taken for long past, so that nobody waits for a clock
 *    that was set back to come there again.
 */

export const FALLOS_FOR_REPAIR = 2;
export const INTERVALS_INACTIVE = 5;

export interface InactiveEntidad {
  readonly slot: number;
  readonly sinceMs: number;
  /** It has run well since its last repair, or was never repaired. */
  readonly ranWell: boolean;
}

/** Repairs of one entidad, kept only for those that failed lately. */
export interface RepairRecord {
  windowStartMs: number;
  repairs: number;
  /** Of the last one: when it was, and the time of the entidad's last lectura then. */
  repairedMs: number;
  tsMs: number;
}

export interface RepairLimits {
  readonly maxReparaciones: number;
  readonly ventanaMs: number;
  readonly intervaloMs: number;
}

export interface RepairPlan {
  /** State as of the last epoch. */
  readonly restore: readonly number[];
  readonly fresh: readonly number[];
  readonly quarantine: readonly number[];
}

const NOTHING: RepairPlan = { restore: [], fresh: [], quarantine: [] };

/** Decides; changes nothing. `records` holds what `noteRepair` wrote; `counted` false: A6. */
export function planRepair(
  fallos: number,
  inactive: readonly InactiveEntidad[],
  records: ReadonlyMap<number, RepairRecord>,
  limits: RepairLimits,
  counted: boolean,
  nowMs: number,
): RepairPlan {
  if (inactive.length === 0) return NOTHING;
  const overdue = inactive.some(({ sinceMs }) => passedMs(sinceMs, nowMs) >= INTERVALS_INACTIVE * limits.intervaloMs);
  if (fallos < FALLOS_FOR_REPAIR && !overdue) return NOTHING;
  const restore: number[] = [];
  const fresh: number[] = [];
  const quarantine: number[] = [];
  for (const { slot, ranWell } of inactive) {
    const record = records.get(slot);
    const repairs =
      !counted || record === undefined || ranWell || passedMs(record.windowStartMs, nowMs) > limits.ventanaMs
        ? 0
        : record.repairs;
    if (repairs >= limits.maxReparaciones) quarantine.push(slot);
    else if (repairs === 0) restore.push(slot);
    else fresh.push(slot);
  }
  return { restore, fresh, quarantine };
}

/** Counts a repair of `slot`, whose last lectura (as it is from now on) was of `tsMs`. */
export function noteRepair(
  records: Map<number, RepairRecord>,
  slot: number,
  ranWell: boolean,
  tsMs: number,
  ventanaMs: number,
  nowMs: number,
): void {
  const record = records.get(slot);
  if (record === undefined || ranWell || passedMs(record.windowStartMs, nowMs) > ventanaMs) {
    records.set(slot, { windowStartMs: nowMs, repairs: 1, repairedMs: nowMs, tsMs });
    return;
  }
  record.repairs++;
  record.repairedMs = nowMs;
  record.tsMs = tsMs;
}

/** Whether an entidad that fails at `nowMs` has run well since its last repair (A5). */
export function ranWellSince(
  record: RepairRecord | undefined,
  isAutonomous: boolean,
  tsMs: number,
  intervaloMs: number,
  nowMs: number,
): boolean {
  if (record === undefined) return true;
  // one by itself runs each interval; one by lecturas has taken one since
  return isAutonomous ? passedMs(record.repairedMs, nowMs) >= 2 * intervaloMs : record.tsMs !== tsMs;
}

/** A4. */
function passedMs(sinceMs: number, nowMs: number): number {
  return nowMs < sinceMs ? Infinity : nowMs - sinceMs;
}
