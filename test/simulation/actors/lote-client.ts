/**
 * A client of the push door: makes lotes for one entry, and sends each until it is acknowledged, as a client that must not lose
 * anything does. Now and then it sends one again long after.
 *
 * Checks on the way that a lote is never refused for good, and that every answer tells the same count.
 */
import { isTransient, messageOf } from '#domain/errors.ts';
import type { LoteResult } from '#ports/nucleus-api.ts';
import type { Dice } from '../sim/dice.ts';
import type { LedgerRow, SentLote } from '../sim/ledger.ts';
import type { Answer } from '../sim/network.ts';
import type { EntryPlan } from '../sim/plan.ts';
import { LATE, NOT_FINITE, THROWS } from '../sim/procesadores.ts';
import type { World } from '../sim/world.ts';

const TIMEOUT_MS = 2_000;
const encoder = new TextEncoder();

export class LoteClient {
  readonly #world: World;
  readonly #entry: EntryPlan;
  readonly #dice: Dice;
  readonly #open = new Set<SentLote>();
  readonly #done: SentLote[] = [];
  /** Lecturas that each clave of `limitado` stays astray. */
  readonly #astray = new Map<string, number>();
  #count = 0;
  #lastWords = 0;

  constructor(world: World, entry: EntryPlan) {
    this.#world = world;
    this.#entry = entry;
    this.#dice = world.dice.fork();
    this.#next();
  }

  /** What it still waits for. */
  get pending(): readonly string[] {
    return [...this.#open].map(({ id, attempts }) => `lote ${id} after ${attempts} attempts`);
  }

  get isDone(): boolean {
    return this.#world.mishaps.isCalm && this.#lastWords === 2 && this.#open.size === 0;
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    if (mishaps.isCalm && this.#lastWords === 2) return;
    this.#world.after(this.#dice.span(plan.loteMs / 3, plan.loteMs * 3), () => {
      if (mishaps.isCalm) this.#sayLastWords();
      else if (mishaps.roll('resent_long_after') && this.#done.length > 0) this.#send(this.#dice.pick(this.#done));
      else if (this.#open.size < plan.window) this.#begin(this.#makeRows());
      this.#next();
    });
  }

  #makeRows(): LedgerRow[] {
    const { plan, ledger } = this.#world;
    const { id, claves } = this.#entry;
    const afterMs = this.#dice.chance(0.05) ? this.#dice.span(1_000, 40_000) : 0;
    return Array.from({ length: this.#dice.between(1, plan.loteRowsMax) }, (_, k) => {
      const clave = this.#dice.pick(claves);
      return ledger.makeRow(id, clave, this.#valor(clave), k === 0 ? afterMs : 0);
    });
  }

  #valor(clave: string): number {
    const { ledger, mishaps } = this.#world;
    const account = ledger.account(this.#entry.id, clave);
    switch (this.#entry.id) {
      case 'limitado': {
        const left = this.#astray.get(clave) ?? (this.#dice.chance(0.08) ? this.#dice.between(1, 8) : 0);
        if (left > 0) this.#astray.set(clave, left - 1);
        else this.#astray.delete(clave);
        return (left > 0 ? 95 : 50) + this.#dice.below(4);
      }
      case 'fragil':
        if (!mishaps.roll('fallo')) break;
        account.isSick = true;
        return this.#dice.pick([THROWS, NOT_FINITE]);
      case 'lento':
        if (mishaps.roll('closure_late')) {
          account.isSick = true;
          return LATE;
        }
        if (!mishaps.roll('closure_failed')) break;
        account.isSick = true;
        return this.#dice.pick([THROWS, NOT_FINITE]);
      default:
        break;
    }
    return 1 + this.#dice.below(100);
  }

  /** Twice each clave once more, long after and as usual: what is open comes to its end. */
  #sayLastWords(): void {
    if (this.#open.size > 0) return;
    this.#lastWords++;
    const { ledger } = this.#world;
    const { id, claves } = this.#entry;
    this.#begin(claves.map((clave, k) => ledger.makeRow(id, clave, 50, k === 0 ? 30_000 : 0)));
  }

  #begin(rows: readonly LedgerRow[]): void {
    const lote: SentLote = {
      id: `${this.#entry.id}-${++this.#count}`,
      entry: this.#entry.id,
      rows,
      answer: null,
      attempts: 0,
    };
    this.#world.ledger.send(lote);
    this.#open.add(lote);
    this.#send(lote);
  }

  #send(lote: SentLote): void {
    const attempt = ++lote.attempts;
    const { network } = this.#world;
    const text = lote.rows.map(({ clave, valor, tsMs }) => JSON.stringify({ clave, valor, ts: tsMs })).join('\n');
    const input = {
      body: encoder.encode(text),
      bloque: lote.entry,
      procesador: lote.entry === 'nuevo' ? 'contador' : null,
      mapeo: '',
      loteId: lote.id,
      puerta: 'sim',
    };
    network.call(
      `lote ${lote.id} (${lote.rows.length} rows)`,
      (life) => life.takeLote(input),
      (answer) => this.#answered(lote, attempt, answer),
    );
    this.#world.after(TIMEOUT_MS, () => {
      if (lote.answer === null && lote.attempts === attempt) this.#send(lote);
    });
  }

  #answered(lote: SentLote, attempt: number, answer: Answer<LoteResult>): void {
    const world = this.#world;
    if (!answer.ok) {
      const { error, life } = answer;
      world.note(`lote ${lote.id} is refused: ${messageOf(error)}`);
      // a nucleus that cannot go on says so in its own words
      if (life !== null && life.fatal === null && !isTransient(error))
        world.violate('a lote that is well formed is never refused for good', `${lote.id}: ${messageOf(error)}`);
      if (lote.answer !== null || lote.attempts !== attempt) return;
      world.after(this.#dice.span(30, 1_500), () => {
        if (lote.answer === null && lote.attempts === attempt) this.#send(lote);
      });
      return;
    }
    const { value } = answer;
    world.note(`lote ${lote.id} is acknowledged: ${value.lecturas} lecturas, seq ${value.seq}`);
    const placed = value.lecturas + Object.values(value.refused).reduce((sum, n) => sum + n, 0);
    const isDeferred = value.aplazado === true || lote.answer?.aplazado === true;
    if (!value.repetido && !isDeferred && placed !== lote.rows.length)
      world.violate(
        'an answer accounts for every row',
        `${lote.id}: ${lote.rows.length} sent, ${JSON.stringify(value)}`,
      );
    if (world.ledger.loteOfSeq(value.seq) !== lote.id)
      world.violate('what is acknowledged is in the journal', `${lote.id}: seq ${value.seq}`);
    if (lote.answer === null) {
      world.ledger.acknowledge(lote, value);
      this.#open.delete(lote);
      this.#done.push(lote);
    } else if (!isDeferred && lote.answer.lecturas !== value.lecturas) {
      world.violate(
        'every answer to a lote is its first',
        `${lote.id}: ${lote.answer.lecturas} lecturas, then ${value.lecturas}`,
      );
    }
  }
}
