/**
 * Autorreparación, decided: which inactive entidades are replaced now, how, and which have failed too often.
 *
 * A1 At fallos >= 2 since the last repair, or when an entidad has been inactive for 5 intervals, all inactive ones are replaced.
 * A2 An entidad's first repair within the window brings back its state of the last epoch; a further one starts fresh.
 * A3 More than `maxReparaciones` within the window: quarantine, never a hot loop.
 * A4 Times are of the wall clock, which may be set: what seems to lie ahead is taken for long past, so that nobody waits for a clock
 *    that was set back to come there again.
 */

export const FALLOS_FOR_REPAIR = 2;
export const INTERVALS_INACTIVE = 5;

export interface InactiveEntidad {
  readonly slot: number;
  readonly sinceMs: number;
}

/** Repairs of one entidad, kept only for those that failed lately. */
export interface RepairRecord {
  windowStartMs: number;
  repairs: number;
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

/** Decides; changes nothing. `records` holds what `noteRepair` wrote. */
export function planRepair(
  fallos: number,
  inactive: readonly InactiveEntidad[],
  records: ReadonlyMap<number, RepairRecord>,
  limits: RepairLimits,
  nowMs: number,
): RepairPlan {
  if (inactive.length === 0) return NOTHING;
  const overdue = inactive.some(({ sinceMs }) => passedMs(sinceMs, nowMs) >= INTERVALS_INACTIVE * limits.intervaloMs);
  if (fallos < FALLOS_FOR_REPAIR && !overdue) return NOTHING;
  const restore: number[] = [];
  const fresh: number[] = [];
  const quarantine: number[] = [];
  for (const { slot } of inactive) {
    const record = records.get(slot);
    const repairs =
      record === undefined || passedMs(record.windowStartMs, nowMs) > limits.ventanaMs ? 0 : record.repairs;
    if (repairs >= limits.maxReparaciones) quarantine.push(slot);
    else if (repairs === 0) restore.push(slot);
    else fresh.push(slot);
  }
  return { restore, fresh, quarantine };
}

/** Counts a repair of `slot`. */
export function noteRepair(records: Map<number, RepairRecord>, slot: number, ventanaMs: number, nowMs: number): void {
  const record = records.get(slot);
  if (record === undefined || passedMs(record.windowStartMs, nowMs) > ventanaMs)
    records.set(slot, { windowStartMs: nowMs, repairs: 1 });
  else record.repairs++;
}

/** A4. */
function passedMs(sinceMs: number, nowMs: number): number {
  return nowMs < sinceMs ? Infinity : nowMs - sinceMs;
}
