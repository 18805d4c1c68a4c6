/**
 * The same lecturas in the order in which they acted, given to an instance to which nothing happens, in other lotes: its alerts must be
 * the same, and those of the disturbed one must each stand once.
 */
import type { StoredAlerta } from '#ports/bloque-store.ts';
import type { LedgerRow } from '../sim/ledger.ts';
import type { EntryKind } from '../sim/plan.ts';
import { World } from '../sim/world.ts';

const JUDGED = ['limitado', 'callado'] as const satisfies readonly EntryKind[];
const LOTE_ROWS = 150;
const encoder = new TextEncoder();

export async function compareWithUndisturbed(world: World): Promise<void> {
  const entries = JUDGED.filter((id) => world.plan.entries.some((entry) => entry.id === id)).filter(
    // who is silent is a matter of the newest time seen: lotes that overtook one another make silences of their own
    (id) => id !== 'callado' || isInOrder(rowsOf(world, id)),
  );
  if (entries.length === 0) return;
  const quiet = await playUndisturbed(world, entries);
  for (const entry of entries) {
    const expected = told(world, quiet, entry);
    const found = told(world, world, entry);
    const missing = expected.filter((one) => !found.includes(one));
    const extra = found.filter((one) => !expected.includes(one));
    if (missing.length > 0) world.violate('every alert of an undisturbed run is stored', missing.join('\n'));
    if (extra.length > 0) world.violate('no alert is stored that an undisturbed run has not', extra.join('\n'));
    if (new Set(found).size !== found.length) world.violate('every alert is stored once', found.join('\n'));
  }
}

/** The lecturas of an entry in the order in which they acted. */
function rowsOf(world: World, entry: EntryKind): LedgerRow[] {
  return world.ledger.acted.flatMap((id) => {
    const lote = world.ledger.lotes.get(id)!;
    return lote.entry === entry ? lote.rows : [];
  });
}

function isInOrder(rows: readonly LedgerRow[]): boolean {
  return rows.every((row, k) => k === 0 || row.tsMs > rows[k - 1]!.tsMs);
}

/** What is compared of an entry's alerts, one line each. */
function told(world: World, of: World, entry: EntryKind): string[] {
  const accounts = [...world.ledger.accounts.values()].filter((account) => account.entry === entry);
  const forgotten = new Set(accounts.filter(({ wasForgotten }) => wasForgotten).map(({ clave }) => clave));
  const line = (row: StoredAlerta): string => {
    const { id, clave, regla, abiertaMs, cerradaMs, actualizadaMs, valor, lectura, lecturas } = row;
    // a forgotten clave frees its entidad for another: who lives where is then another matter
    const place = forgotten.size > 0 ? '' : `${id} `;
    // how long a silence was seen hangs on when cycles looked; an open one grows without being stored
    const more =
      entry === 'callado' || cerradaMs === null ? '' : ` ${cerradaMs} ${actualizadaMs} ${valor} ${lectura} ${lecturas}`;
    return `${place}${clave} ${regla} ${abiertaMs}${more}`;
  };
  return of.storeDisk.alertas
    .filter((row) => row.bloque.startsWith(`${entry}/`) && row.clave !== '' && !forgotten.has(row.clave))
    .map(line)
    .toSorted();
}

async function playUndisturbed(world: World, entries: readonly EntryKind[]): Promise<World> {
  const quiet = new World(world.seed, { isUndisturbed: true });
  quiet.mishaps.calm();
  quiet.bringUp(0);
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo() && quiet.violation === null && quiet.steps++ < 100_000) await quiet.clock.step();
  };
  await until(() => quiet.life?.fase === 'running');
  for (const entry of entries) {
    const rows = rowsOf(world, entry);
    for (let from = 0; from < rows.length; from += LOTE_ROWS) {
      const some = rows.slice(from, from + LOTE_ROWS);
      const text = some.map(({ clave, valor, tsMs }) => JSON.stringify({ clave, valor, ts: tsMs })).join('\n');
      for (const row of some) quiet.ledger.rows.set(row.tsMs, row);
      let isIn = false;
      void quiet
        .life!.takeLote({ body: encoder.encode(text), bloque: entry, mapeo: '', loteId: null, puerta: 'sim' })
        .then(
          () => (isIn = true),
          (error: unknown) => quiet.violate('an undisturbed run takes everything', String(error)),
        );
      await until(() => isIn);
    }
  }
  // two intervals more, so that cycles have looked
  const lookedMs = quiet.clock.monotonicMs() + 3_000;
  await until(() => quiet.clock.monotonicMs() > lookedMs);
  quiet.isEnding = true;
  void quiet.stop(quiet.life!);
  await until(() => quiet.life === null);
  if (quiet.violation !== null) world.violate(`undisturbed: ${quiet.violation.invariant}`, quiet.violation.found);
  return quiet;
}
