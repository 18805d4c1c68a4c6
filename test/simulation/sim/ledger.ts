/**
 * What was sent, what was acknowledged, what is durable: the truth that the instance is held against.
 *
 * E1 Every lectura of a simulation has a time of its own, by which it is known wherever it turns up.
 * E2 Of each clave: a lectura acts at most once, and one that was acknowledged acts exactly once, except for a forget between.
 */
import { hashClave } from '#domain/lectura/batch.ts';
import type { JournalRecord } from '#ports/journal.ts';
import type { LoteResult } from '#ports/nucleus-api.ts';
import type { EntryKind } from './plan.ts';

const encoder = new TextEncoder();
const FIRST_MS = Date.UTC(2023, 10, 14);
const STEP_MS = 250;

export interface LedgerRow {
  readonly entry: EntryKind;
  readonly clave: string;
  readonly valor: number;
  readonly tsMs: number;
  /** Which of its clave's, in the order in which they were first sent. */
  index: number;
}

export interface SentLote {
  readonly id: string;
  readonly entry: EntryKind;
  readonly rows: readonly LedgerRow[];
  answer: LoteResult | null;
  attempts: number;
}

/** The sums of one clave. */
export class Account {
  readonly entry: EntryKind;
  readonly clave: string;
  /** The clave as directories look it up. */
  readonly bytes: Uint8Array;
  readonly hash: number;
  sent = 0;
  acknowledged = 0;
  /** In the durable state by journal or position. */
  durable = 0;
  /** Of the acknowledged ones, those sent after the last forget was answered. */
  sinceForget = 0;
  /** First index after the last forget. */
  horizon = 0;
  /** Acknowledged before the last forget that was answered was sent: gone for sure. */
  wiped = 0;
  /** Forgets sent and not answered. */
  forgetting = 0;
  wasForgotten = false;
  /** Some of its lecturas make its procesador fail. */
  isSick = false;

  constructor(entry: EntryKind, clave: string) {
    this.entry = entry;
    this.clave = clave;
    this.bytes = encoder.encode(clave);
    this.hash = hashClave(this.bytes, 0, this.bytes.length);
  }

  /** Lecturas that must have acted on the state that there is now. */
  get least(): number {
    return this.forgetting > 0 ? 0 : this.sinceForget;
  }

  /** Lecturas that may have acted on it. */
  get most(): number {
    return this.sent - this.wiped;
  }

  acknowledge(index: number): void {
    this.acknowledged++;
    if (index >= this.horizon) this.sinceForget++;
  }

  /** Returns what `forgotten` needs to know. */
  forgetSent(): number {
    this.forgetting++;
    this.wasForgotten = true;
    return this.acknowledged;
  }

  forgotten(acknowledgedBefore: number): void {
    this.forgetting--;
    this.wiped = Math.max(this.wiped, acknowledgedBefore);
    this.horizon = this.sent;
    this.sinceForget = 0;
  }
}

export class Ledger {
  readonly accounts = new Map<string, Account>();
  readonly rows = new Map<number, LedgerRow>();
  readonly lotes = new Map<string, SentLote>();
  /** Ids of lotes in the order in which they acted, each once. */
  readonly acted: string[] = [];
  /** Rows of files and streams, in their order. */
  readonly filas = new Map<EntryKind, LedgerRow[]>();
  /** Of each entry of the stream, by id and in their order, how many rows lie up to its end. */
  readonly streamRows = new Map<string, number>();
  readonly #loteOfSeq = new Map<number, string>();
  readonly #actedIds = new Set<string>();
  readonly #deferred = new Set<string>();
  #durableSeq = 0;
  readonly #durableFilas = new Map<EntryKind, number>();
  #count = 0;

  /** A lectura that is not sent yet. `afterMs`: how much later than the one before, beside the usual step. */
  makeRow(entry: EntryKind, clave: string, valor: number, afterMs: number = 0): LedgerRow {
    this.#count += 1 + Math.ceil(afterMs / STEP_MS);
    const row: LedgerRow = { entry, clave, valor, tsMs: FIRST_MS + this.#count * STEP_MS, index: 0 };
    this.rows.set(row.tsMs, row);
    return row;
  }

  account(entry: EntryKind, clave: string): Account {
    const key = `${entry}:${clave}`;
    let account = this.accounts.get(key);
    if (account === undefined) {
      account = new Account(entry, clave);
      this.accounts.set(key, account);
    }
    return account;
  }

  send(lote: SentLote): void {
    this.lotes.set(lote.id, lote);
    for (const row of lote.rows) row.index = this.account(row.entry, row.clave).sent++;
  }

  /** One that waits in the journal is safe and has not acted; it must have once an epoch holds it. */
  acknowledge(lote: SentLote, answer: LoteResult): void {
    lote.answer = answer;
    if (answer.aplazado === true && !this.#actedIds.has(lote.id)) this.#deferred.add(lote.id);
    else this.#mustHaveActed(lote);
  }

  #mustHaveActed(lote: SentLote): void {
    for (const row of lote.rows) this.account(row.entry, row.clave).acknowledge(row.index);
  }

  appendFila(row: LedgerRow): void {
    const list = this.filas.get(row.entry) ?? [];
    this.filas.set(row.entry, list);
    row.index = this.account(row.entry, row.clave).sent++;
    list.push(row);
  }

  /** A record of the journal is durable. */
  journaled(record: JournalRecord): void {
    this.#loteOfSeq.set(record.seq, String(record.header['lote']));
  }

  /** What is known of a lote that has the seq. */
  loteOfSeq(seq: number): string | undefined {
    return this.#loteOfSeq.get(seq);
  }

  /** An epoch holds everything up to seq. */
  durableUpTo(seq: number): void {
    for (; this.#durableSeq < seq; this.#durableSeq++) {
      const id = this.#loteOfSeq.get(this.#durableSeq + 1);
      if (id === undefined || this.#actedIds.has(id)) continue;
      this.#actedIds.add(id);
      this.acted.push(id);
      const lote = this.lotes.get(id);
      for (const row of lote?.rows ?? []) this.account(row.entry, row.clave).durable++;
      if (lote !== undefined && this.#deferred.delete(id)) this.#mustHaveActed(lote);
    }
  }

  /** An epoch holds the first `count` rows of the entry's file. */
  filasDurable(entry: EntryKind, count: number): void {
    const list = this.filas.get(entry) ?? [];
    let at = this.#durableFilas.get(entry) ?? 0;
    for (; at < count; at++) {
      const row = list[at]!;
      const account = this.account(entry, row.clave);
      account.durable++;
      account.acknowledge(row.index);
    }
    this.#durableFilas.set(entry, at);
  }

  durableFilasOf(entry: EntryKind): number {
    return this.#durableFilas.get(entry) ?? 0;
  }

  get durableSeq(): number {
    return this.#durableSeq;
  }
}
