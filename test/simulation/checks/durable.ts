/**
 * What must be true of the store after every epoch, whatever happens next.
 *
 * D1 Epochs come in order, each once.
 * D2 State, inboxes and rows hold exactly the lecturas up to the journal's seq and the sources' positions that the same epoch holds.
 * D3 No lectura is in two rows.
 * D4 An alert is open in `alertas` exactly when the state holds its episodio open.
 * D5 Numbers are unique, and every entidad has one.
 * D6 What a failed run left behind is not stored.
 * D7 What the catalogue says stands in bloques is every entidad that was born, once.
 */
import { decodeMensajes } from '#domain/codec/columnas.ts';
import type { BloqueRow } from '#ports/bloque-store.ts';
import type { EntryKind } from '../sim/plan.ts';
import type { World } from '../sim/world.ts';
import { simCompressor } from '../twins/sim-compressor.ts';
import type { WholeEpoch } from '../twins/store-disk.ts';
import { columnOf, storedBloques, storedCatalog, storedFuentes, storedNucleus, type StoredBloque } from './stored.ts';

export class DurableChecks {
  readonly #world: World;
  /** Lecturas in rows, by time. */
  readonly #stored = new Set<number>();
  /** How many of a clave's are in rows, by `entry:clave`. */
  readonly #storedOf = new Map<string, number>();
  #epoca = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get storedLecturas(): ReadonlySet<number> {
    return this.#stored;
  }

  epochStored(epoch: WholeEpoch, rows: readonly BloqueRow[]): void {
    const { storeDisk, ledger } = this.#world;
    if (epoch.epoca !== this.#epoca + 1) this.#violate('epochs come in order', `${epoch.epoca} after ${this.#epoca}`);
    this.#epoca = epoch.epoca;
    const nucleus = storedNucleus(storeDisk);
    if (nucleus === null || nucleus.epoca !== epoch.epoca) {
      this.#violate('an epoch holds its own number', `${nucleus?.epoca} in ${epoch.epoca}`);
      return;
    }
    ledger.durableUpTo(nucleus.seq);
    for (const fuente of storedFuentes(storeDisk)) {
      const entry = fuente.bloque as EntryKind;
      ledger.filasDurable(entry, this.#world.rowsBefore(entry, fuente.position));
    }
    for (const row of rows) this.#rowStored(row);
    const bloques = storedBloques(storeDisk);
    this.#checkCounts(bloques);
    this.#checkAlertas(bloques);
    this.#checkNumbers(bloques, nucleus.nextNumero);
    this.#checkClean(bloques);
    this.#checkCatalog(nucleus.nextNumero);
  }

  /** Of every clave that counts exactly: what it has counted, and what of it waits in its inbox. */
  #checkCounts(bloques: readonly StoredBloque[]): void {
    const { ledger, plan } = this.#world;
    const found = new Map<string, { acted: number; waiting: number }>();
    for (const bloque of bloques) {
      const cuenta = columnOf(bloque, 'cuenta');
      for (const [slot, clave] of bloque.claves) {
        const key = `${bloque.entrada}:${clave}`;
        if (found.has(key)) this.#violate('a clave has one entidad', `${key} in ${bloque.id} and another`);
        found.set(key, { acted: cuenta?.[slot] ?? 0, waiting: countOf(bloque.inbox?.slot ?? [], slot) });
      }
    }
    const isWhole = plan.config.persistencia.mensajes === 'todos';
    for (const [key, account] of ledger.accounts) {
      if (account.wasForgotten || account.isSick || !this.#world.checks.isExact(account.entry)) continue;
      const { acted, waiting } = found.get(key) ?? { acted: 0, waiting: 0 };
      if (acted + waiting !== account.durable) {
        this.#violate(
          'state, journal seq and positions of an epoch are of one moment',
          `${key}: ${acted} counted, ${waiting} waiting, ${account.durable} by seq ${ledger.durableSeq} and positions`,
        );
      }
      const stored = this.#storedOf.get(key) ?? 0;
      if (isWhole && stored !== acted) {
        this.#violate('rows hold what state has counted', `${key}: ${acted} counted, ${stored} in rows`);
      }
    }
  }

  #rowStored(row: BloqueRow): void {
    if (row.mensajes === null) return;
    const { ledger } = this.#world;
    const entrada = row.id.slice(0, row.id.lastIndexOf('/'));
    for (const { ts, lectura } of decodeMensajes(row.codec!, row.mensajes, simCompressor)) {
      const sent = ledger.rows.get(ts);
      if (sent === undefined || sent.entry !== entrada || sent.valor !== lectura) {
        this.#violate('a row holds what was sent', `${row.id}: ${lectura} at ${ts}`);
        return;
      }
      if (this.#stored.has(ts)) this.#violate('no lectura is stored twice', `${sent.entry}:${sent.clave} at ${ts}`);
      this.#stored.add(ts);
      const key = `${sent.entry}:${sent.clave}`;
      this.#storedOf.set(key, (this.#storedOf.get(key) ?? 0) + 1);
    }
  }

  #checkAlertas(bloques: readonly StoredBloque[]): void {
    const open = new Set<string>();
    for (const { episodios } of bloques) for (const { id } of episodios?.abiertos ?? []) open.add(id);
    for (const row of this.#world.storeDisk.alertas) {
      // a bloque's own alerts, and those of the instance (of a stream, by its name), are of the process that tells them
      if (row.clave === '' || row.bloque === '' || row.cerradaMs !== null) continue;
      if (!open.delete(row.id)) this.#violate('an open alert has its episodio', `${row.id} of ${row.clave}`);
    }
    if (open.size > 0) this.#violate('an open episodio has its alert', [...open].join(' '));
  }

  #checkNumbers(bloques: readonly StoredBloque[], nextNumero: number): void {
    const seen = new Map<number, string>();
    for (const bloque of bloques) {
      const numeros = columnOf(bloque, 'core.numero');
      for (const slot of bloque.claves.keys()) {
        const numero = numeros?.[slot] ?? 0;
        const other = seen.get(numero);
        if (numero === 0 || numero >= nextNumero || other !== undefined)
          this.#violate(
            'numbers are unique',
            `${numero} in ${bloque.id}/${slot}${other === undefined ? '' : ` and ${other}`}`,
          );
        seen.set(numero, `${bloque.id}/${slot}`);
      }
    }
  }

  #checkCatalog(nextNumero: number): void {
    const seen = new Set<number>();
    let born = 0;
    for (const { bloques } of storedCatalog(this.#world.storeDisk)) {
      for (const { numeroBase, slots, numeros = [numeroBase, slots] } of bloques) {
        born += slots;
        for (let k = 0; k < numeros.length; k += 2) {
          for (let n = 0; numeros[k] !== 0 && n < numeros[k + 1]!; n++) {
            const numero = numeros[k]! + n;
            if (seen.has(numero) || numero >= nextNumero) this.#violate('an entidad stands in one bloque', `${numero}`);
            seen.add(numero);
          }
        }
      }
    }
    if (seen.size !== born) this.#violate('the catalogue holds every entidad', `${seen.size} of ${born}`);
  }

  #checkClean(bloques: readonly StoredBloque[]): void {
    for (const bloque of bloques) {
      if (bloque.entrada !== 'fragil') continue;
      const sucio = columnOf(bloque, 'sucio');
      for (const [slot, clave] of bloque.claves) {
        if (sucio?.[slot] === 1) this.#violate('what a failed run left is not stored', `${bloque.id} ${clave}`);
      }
    }
  }

  #violate(invariant: string, found: string): void {
    this.#world.violate(invariant, found);
  }
}

export function countOf(slots: ArrayLike<number>, slot: number, size: number = slots.length): number {
  let count = 0;
  for (let k = 0; k < size; k++) if (slots[k] === slot) count++;
  return count;
}
