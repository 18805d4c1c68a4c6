/** All that is checked, by the moment at which it is: after a step, an epoch, a notice, a stop. */
import type { BloqueRow } from '#ports/bloque-store.ts';
import type { AlertaNotice } from '#ports/sink.ts';
import { isTransient, messageOf } from '#domain/errors.ts';
import { STREAMS } from '#domain/streams.ts';
import type { Life } from '../sim/life.ts';
import { LECTURAS_STREAM, type EntryKind } from '../sim/plan.ts';
import type { World } from '../sim/world.ts';
import type { WholeEpoch } from '../twins/store-disk.ts';
import { DurableChecks } from './durable.ts';
import { LiveChecks } from './live.ts';

/** A first start looks back so far (nucleus/streams/command-door.ts). */
const FIRST_START_MS = 600_000;

export class Checks {
  readonly #world: World;
  readonly durable: DurableChecks;
  readonly live: LiveChecks;
  readonly #exact: ReadonlySet<EntryKind>;

  constructor(world: World) {
    this.#world = world;
    this.durable = new DurableChecks(world);
    this.live = new LiveChecks(world);
    this.#exact = new Set(world.plan.entries.flatMap(({ id, exact }) => (exact || id === 'fragil' ? [id] : [])));
  }

  /** A lectura of a sound clave of this entry that is in has acted, and is counted in `cuenta`. */
  isExact(entry: EntryKind): boolean {
    return this.#exact.has(entry);
  }

  afterStep(): void {
    if (this.#world.life !== null) this.live.check(this.#world.life);
  }

  epochStored(epoch: WholeEpoch, rows: readonly BloqueRow[]): void {
    this.durable.epochStored(epoch, rows);
  }

  /** A source is told that rows are kept only when they are. */
  sourceTold(entry: string, rows: number): void {
    const durable = this.#world.ledger.durableFilasOf(entry as EntryKind);
    if (rows > durable)
      this.#world.violate('a source is told what is in an epoch', `${entry}: ${rows} rows, ${durable} are`);
  }

  /**
   * What is acknowledged is never delivered again: of lecturas those that an epoch holds, of commands those whose answer (to this entry
   * or to an earlier one of the same id) stands in the stream of answers, unless they were sent long before it was here at all.
   */
  acknowledged(life: Life, stream: string, ids: readonly string[]): void {
    const { desk, ledger } = this.#world;
    for (const id of ids) {
      if (stream === LECTURAS_STREAM) {
        const rows = this.#world.rowsBefore('de_redis', { id });
        const durable = ledger.durableFilasOf('de_redis');
        if (rows > durable)
          this.#world.violate('an entry is acknowledged when an epoch holds it', `${id}, row ${rows} of ${durable}`);
      } else if (stream === STREAMS.commands && desk?.isAnswered(id) === false) {
        const isOld = life.isFirst && life.clock.nowMs() - Number.parseInt(id, 10) > FIRST_START_MS;
        if (!isOld) this.#world.violate('a command is acknowledged when it is answered', id);
      }
    }
  }

  told(_life: Life, { evento, alerta }: AlertaNotice): void {
    if (
      evento === 'abierta' &&
      alerta.bloque.startsWith('limitado/') &&
      this.#world.promises.silenced.has(alerta.clave)
    )
      this.#world.violate('nothing is told of a silenced clave', `${alerta.clave} ${alerta.id}`);
  }

  /** After a stop everything is durable, everybody has his answer, and nothing is left behind. */
  stopped(life: Life, wasRunning: boolean, failure: unknown): void {
    const world = this.#world;
    if (life.lotesUnderway > 0) world.violate('a stop answers every lote', `${life.lotesUnderway} lotes`);
    // whoever was asked something just before goes on waiting for the store; and a server that is slow to hear what of its source is
    // kept is waited for a second, not for ever
    const timers = life.clock.timersCount - life.waiting;
    if (life.underway === 0 && timers > 0) world.violate('a stop leaves no timer behind', `${timers} timers`);
    if (failure !== null) {
      const failures = failure instanceof AggregateError ? (failure.errors as unknown[]) : [failure];
      const odd = failures.filter((one) => !isTransient(one) && one !== life.fatal);
      if (odd.length > 0 || world.mishaps.isCalm)
        world.violate('a stop fails only for what may pass', failures.map(messageOf).join('; '));
      return;
    }
    if (!wasRunning || life.fatal !== null) return;
    const { durableSeq } = world.ledger;
    // those that wait in the journal for the store are left to the next start
    const waiting = life.nucleus!.lotes.waiting;
    if (durableSeq + waiting !== world.journalDisk.lastSeq)
      world.violate('a stop persists everything', `seq ${durableSeq} of ${world.journalDisk.lastSeq} is stored`);
    for (const { source, position, entrada } of life.nucleus!.pumps) {
      const entry = entrada.id as EntryKind;
      const read = world.rowsBefore(entry, position);
      if (read !== world.ledger.durableFilasOf(entry))
        world.violate(
          'a stop persists everything',
          `${source.id}: ${read} rows read, ${world.ledger.durableFilasOf(entry)} stored`,
        );
    }
  }
}
