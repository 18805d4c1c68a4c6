/**
 * What must be true once everything that was sent has been acknowledged and nothing is under way.
 *
 * F1 Every lectura has acted once: count and sum of each clave are those of what was sent. Lost 0, doubled 0.
 * F2 Every lectura that has acted is stored once, where mensajes are stored.
 * F3 What was acknowledged by an answered command is acknowledged in the store.
 */
import type { Account } from '../sim/ledger.ts';
import type { EntryKind } from '../sim/plan.ts';
import type { World } from '../sim/world.ts';
import { LiveChecks } from './live.ts';

export function checkFinal(world: World, when: string): void {
  if (world.violation !== null) return;
  const swarm = world.life!.nucleus!.swarm;
  for (const account of world.ledger.accounts.values()) {
    const { entry, clave } = account;
    const entrada = swarm.entradas.get(entry);
    if (entrada === undefined) {
      world.violate('every entry that was fed is there', `${entry} ${when}`);
      return;
    }
    if (!world.checks.isExact(entry) || account.isSick) continue;
    const counted = LiveChecks.counted(entrada, account);
    const isRight = account.wasForgotten
      ? counted >= account.least && counted <= account.most
      : counted === account.sent;
    if (!isRight)
      world.violate('every lectura has acted once', `${entry}:${clave} ${when}: ${counted} of ${account.sent}`);
  }
  if (swarm.entradas.has('estrecho')) checkNarrow(world, when);
  checkRows(world, when);
  const { acknowledged } = world.promises;
  for (const { id, reconocidaMs } of world.storeDisk.alertas) {
    if (acknowledged.has(id) && reconocidaMs === null) world.violate('what was acknowledged stays so', `${id} ${when}`);
  }
}

/** More claves than entidades: what was refused for want of room is what the answers said. */
function checkNarrow(world: World, when: string): void {
  const accounts = [...world.ledger.accounts.values()].filter(({ entry }) => entry === 'estrecho');
  const answers = [...world.ledger.lotes.values()].flatMap(({ entry, answer }) =>
    entry === 'estrecho' ? [answer!] : [],
  );
  // of one that waited in the journal nobody was told how many found room
  if (accounts.some(({ wasForgotten }) => wasForgotten) || answers.some(({ aplazado }) => aplazado === true)) return;
  const told = answers.reduce((sum, { lecturas }) => sum + lecturas, 0);
  const entrada = world.life!.nucleus!.swarm.entradas.get('estrecho')!;
  const counted = accounts.reduce((sum, account) => sum + LiveChecks.counted(entrada, account), 0);
  // Entidades may have been lent to it shortly before a death: a lectura that was refused for want of room, and told to be, can find some
  // when the journal is replayed. What was told to be in is in all the same.
  const mayBeMore = world.lives > 1 && world.mishaps.counts.has('redirigir');
  if (counted < told || (counted > told && !mayBeMore))
    world.violate('what answers told to be in has acted', `estrecho ${when}: ${counted} of ${told}`);
}

function checkRows(world: World, when: string): void {
  if (world.plan.config.persistencia.mensajes !== 'todos' || when.startsWith('before')) return;
  const { storedLecturas } = world.checks.durable;
  const isWhole = (entry: EntryKind, account: Account): boolean =>
    !account.wasForgotten &&
    !account.isSick &&
    (world.checks.isExact(entry) || entry === 'lento' || entry === 'limitado');
  for (const row of world.ledger.rows.values()) {
    if (row.entry === 'estrecho') continue;
    const account = world.ledger.account(row.entry, row.clave);
    if (isWhole(row.entry, account) && !storedLecturas.has(row.tsMs))
      world.violate('every lectura is stored', `${row.entry}:${row.clave} at ${row.tsMs}`);
  }
}
