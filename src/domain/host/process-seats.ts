/**
 * Which of the many processes are reported: a bounded number of seats.
 *
 * Owns what is known of one process between looks, the measure by which it deserves a seat, and the choice. Leaves listing
 * and reading processes, and in which order, to the source.
 *
 * S1 At most `max` processes are seated, each at least `edad_min_s` old and of some weight when it sat down.
 * S2 Seats are sticky, so that claves do not come and go with every scan: a seated process stays while it lives, unless it
 *    sat for `SEAT_MS_MIN` and another clearly outweighs it (`OUTWEIGH_FACTOR`, `OUTWEIGH_STEP`).
 */

/** Time constant of the smoothed processor use: what counts is the last half minute, not one second's burst. */
const SMOOTH_MS = 30_000;
const SEAT_MS_MIN = 20_000;
const OUTWEIGH_FACTOR = 1.5;
/** Half a percent of the machine. */
const OUTWEIGH_STEP = 0.005;
/** A seat is not given for less: a hundred idle shells are nothing to report, even where seats are free. */
const WEIGHT_MIN = 0.0005;

/** One process, as looked at from time to time. */
export class ProcessEntry {
  readonly pid: number;
  /** NaN before the first look. */
  startTicks: number = Number.NaN;
  readMs: number = Number.NaN;
  /** Percent of one processor between the last two looks; NaN before there were two. */
  cpu: number = Number.NaN;
  cpuSmooth: number = Number.NaN;
  rssBytes = 0;
  firstSeenMs: number;
  /** NaN: not seated. */
  seatedMs: number = Number.NaN;
  /** Ended, or not wanted: never seated. */
  isOut = false;
  #ticks: number = Number.NaN;

  constructor(pid: number, firstSeenMs: number) {
    this.pid = pid;
    this.firstSeenMs = firstSeenMs;
  }

  get isSeated(): boolean {
    return !Number.isNaN(this.seatedMs);
  }

  /** One more look. `ticks` of processor time so far, `ticksPerSecond` of the kernel. */
  look(ticks: number, rssBytes: number, nowMs: number, ticksPerSecond: number): void {
    const passedMs = nowMs - this.readMs;
    const cpu = (100_000 * (ticks - this.#ticks)) / ticksPerSecond / passedMs;
    this.cpu = cpu >= 0 && cpu < Number.POSITIVE_INFINITY ? cpu : Number.NaN;
    if (!Number.isNaN(this.cpu)) {
      this.cpuSmooth = Number.isNaN(this.cpuSmooth)
        ? this.cpu
        : this.cpuSmooth + (this.cpu - this.cpuSmooth) * (1 - Math.exp(-passedMs / SMOOTH_MS));
    }
    this.#ticks = ticks;
    this.readMs = nowMs;
    this.rssBytes = rssBytes;
  }
}

/** The machine that shares are of. */
export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Share of the processors plus share of the memory, 0..2; NaN until a process was looked at twice. */
export function weigh(entry: ProcessEntry, machine: Machine): number {
  return entry.cpuSmooth / (100 * machine.cpus) + entry.rssBytes / machine.memoryBytes;
}

export class ProcessSeats<T extends ProcessEntry> {
  readonly #max: number;
  readonly #ageMsMin: number;
  #seated: T[] = [];

  constructor(max: number, ageMsMin: number) {
    this.#max = max;
    this.#ageMsMin = ageMsMin;
  }

  get seated(): readonly T[] {
    return this.#seated;
  }

  /** Gives seats by what is known of `entries` (the seated ones among them); returns who sat down now. */
  update(entries: readonly T[], machine: Machine, nowMs: number): T[] {
    this.#dropOut();
    const arrived: T[] = [];
    for (;;) {
      const best = this.#findBest(entries, machine, nowMs);
      if (best === undefined) break;
      if (this.#seated.length >= this.#max) {
        const weakest = this.#findWeakest(machine, nowMs);
        if (weakest === undefined) break;
        if (!(weigh(best, machine) > weigh(weakest, machine) * OUTWEIGH_FACTOR + OUTWEIGH_STEP)) break;
        weakest.seatedMs = Number.NaN;
        this.#seated.splice(this.#seated.indexOf(weakest), 1);
      }
      best.seatedMs = nowMs;
      this.#seated.push(best);
      arrived.push(best);
    }
    return arrived;
  }

  #dropOut(): void {
    if (!this.#seated.some((entry) => entry.isOut)) return;
    for (const entry of this.#seated) if (entry.isOut) entry.seatedMs = Number.NaN;
    this.#seated = this.#seated.filter((entry) => !entry.isOut);
  }

  #findBest(entries: readonly T[], machine: Machine, nowMs: number): T | undefined {
    let best: T | undefined;
    let bestWeight = WEIGHT_MIN;
    for (const entry of entries) {
      if (entry.isOut || entry.isSeated || nowMs - entry.firstSeenMs < this.#ageMsMin) continue;
      const weight = weigh(entry, machine);
      if (!(weight > bestWeight)) continue;
      best = entry;
      bestWeight = weight;
    }
    return best;
  }

  #findWeakest(machine: Machine, nowMs: number): T | undefined {
    let weakest: T | undefined;
    let weakestWeight = Number.POSITIVE_INFINITY;
    for (const entry of this.#seated) {
      if (nowMs - entry.seatedMs < SEAT_MS_MIN) continue;
      const weight = weigh(entry, machine);
      if (weight >= weakestWeight) continue;
      weakest = entry;
      weakestWeight = weight;
    }
    return weakest;
  }
}
