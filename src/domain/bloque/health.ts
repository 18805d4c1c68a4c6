/**
 * Which entidades of a bloque are ill: inactive since a failed run, in quarantine, or left with columns that a failed run wrote half.
 *
 * Owns who is ill and how often each was repaired. Leaves deciding to repair.ts, and the columns to the bloque.
 *
 * H1 An entidad is inactive or in quarantine, never both.
 */
import {
  noteRepair,
  planRepair,
  ranWellSince,
  type InactiveEntidad,
  type RepairLimits,
  type RepairPlan,
  type RepairRecord,
} from './repair.ts';

export class Health {
  readonly #inactive = new Map<number, InactiveEntidad>();
  readonly #repairs = new Map<number, RepairRecord>();
  readonly #quarantine = new Set<number>();
  /** Their columns are as a failed run left them, half-written maybe. */
  readonly #tainted = new Set<number>();

  get inactive(): number {
    return this.#inactive.size;
  }
  get quarantine(): ReadonlySet<number> {
    return this.#quarantine;
  }
  get tainted(): ReadonlySet<number> {
    return this.#tainted;
  }
  /** Those that do not run. */
  get ill(): number {
    return this.#inactive.size + this.#quarantine.size;
  }

  isInactive(slot: number): boolean {
    return this.#inactive.has(slot);
  }

  /** Its run failed; `tsMs` is the time of its last lectura. */
  fail(slot: number, tsMs: number, isAutonomous: boolean, intervaloMs: number, nowMs: number): void {
    const ranWell = ranWellSince(this.#repairs.get(slot), isAutonomous, tsMs, intervaloMs, nowMs);
    this.#inactive.set(slot, { slot, sinceMs: nowMs, ranWell });
    this.#tainted.add(slot);
  }

  /** What is done now about at most `max` that are inactive; those that go into quarantine are in it. */
  plan(fallos: number, max: number, limits: RepairLimits, counted: boolean, nowMs: number): RepairPlan {
    const all = [...this.#inactive.values()];
    const oldest = max < all.length ? all.slice(0, max) : all;
    const plan = planRepair(fallos, oldest, this.#repairs, limits, counted, nowMs);
    if (!counted) for (const slot of plan.restore) this.#repairs.delete(slot);
    for (const slot of plan.quarantine) {
      this.#inactive.delete(slot);
      this.#quarantine.add(slot);
    }
    return plan;
  }

  /** Into quarantine, whatever it was before. */
  isolate(slot: number): void {
    this.#inactive.delete(slot);
    this.#quarantine.add(slot);
  }

  /** It is a new one; `tsMs` as it is from now on. */
  renewed(slot: number, tsMs: number, ventanaMs: number, nowMs: number): void {
    const ranWell = this.#inactive.get(slot)?.ranWell ?? true;
    this.#inactive.delete(slot);
    this.#tainted.delete(slot);
    noteRepair(this.#repairs, slot, ranWell, tsMs, ventanaMs, nowMs);
  }

  /** False: its columns were sound. */
  healed(slot: number): boolean {
    return this.#tainted.delete(slot);
  }

  /** Ends the quarantine of all; returns who was in it. */
  release(): readonly number[] {
    const slots = [...this.#quarantine];
    this.#quarantine.clear();
    for (const slot of slots) this.#repairs.delete(slot);
    return slots;
  }

  /** Another entidad has the slot, or none. */
  forget(slot: number): void {
    this.#inactive.delete(slot);
    this.#quarantine.delete(slot);
    this.#tainted.delete(slot);
    this.#repairs.delete(slot);
  }

  /** The record of a sound one that leaves; null: it was never repaired. */
  takeRecord(slot: number): RepairRecord | null {
    const record = this.#repairs.get(slot) ?? null;
    this.#repairs.delete(slot);
    return record;
  }

  putRecord(slot: number, record: RepairRecord | null): void {
    if (record !== null) this.#repairs.set(slot, record);
  }

  /** From a checkpoint. */
  restoreQuarantine(slots: Iterable<number>): void {
    for (const slot of slots) this.#quarantine.add(slot);
  }

  /** It was inactive in the checkpoint. */
  restoreInactive(slot: number): void {
    if (!this.#quarantine.has(slot)) this.#inactive.set(slot, { slot, sinceMs: 0, ranWell: true });
  }
}
