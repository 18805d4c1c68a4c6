/**
 * What must be true of a running instance after every step.
 *
 * L1 Every acknowledged lectura has acted or waits in its inbox, none has acted twice; a clave that has lecturas keeps its entidad.
 * L2 There are as many entidades as entries were given, each with a number of its own, wherever they stand.
 * L3 Queues are within their bounds.
 * L4 What was paused by an answered command is paused, and counts nothing; what goes on, goes on.
 * L5 An entidad that runs holds nothing that a failed run left.
 */
import { slotOfLoc, bloqueOfLoc, UNKNOWN_LOC } from '#domain/claves/directory.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { BATCH_LECTURAS } from '#domain/limits.ts';
import type { Entrada } from '#nucleus/swarm.ts';
import type { Account } from '../sim/ledger.ts';
import type { Life } from '../sim/life.ts';
import type { World } from '../sim/world.ts';
import { ROWS_AT_ONCE } from '../twins/sim-source.ts';
import { countOf } from './durable.ts';

/** Lotes between journal and swarm (nucleus/lotes.ts). */
const IN_FLIGHT_MAX = 64;

export class LiveChecks {
  readonly #world: World;
  /** Sum of what a paused entry had counted when it was first seen paused, by life and entry. */
  readonly #pausedSums = new Map<string, number>();
  /** At which look a number was last seen. */
  #seenAt = new Uint32Array(256);
  #looks = 0;

  constructor(world: World) {
    this.#world = world;
  }

  check(life: Life): void {
    const { nucleus } = life;
    if (nucleus === null || life.fase !== 'running') return;
    this.#checkCounts(life);
    this.#checkEntidades(life);
    this.#checkBounds(life);
    this.#checkPausas(life);
  }

  /** Lecturas of a clave that have acted or wait, by what its entidad has counted. */
  static counted(entrada: Entrada, { bytes, hash }: Account): number {
    const loc = entrada.claves.lookup(bytes, 0, bytes.length, hash);
    if (loc === UNKNOWN_LOC) return 0;
    const bloque = entrada.bloques[bloqueOfLoc(loc)]!;
    const slot = slotOfLoc(loc);
    return cuentaOf(bloque, slot) + countOf(bloque.inbox.columns.slot, slot, bloque.inbox.size);
  }

  #checkCounts(life: Life): void {
    const { swarm } = life.nucleus!;
    for (const account of this.#world.ledger.accounts.values()) {
      if (account.isSick || !this.#world.checks.isExact(account.entry)) continue;
      const entrada = swarm.entradas.get(account.entry);
      const counted = entrada === undefined ? 0 : LiveChecks.counted(entrada, account);
      this.#judge(account, counted);
    }
  }

  #judge(account: Account, counted: number): void {
    const { least, most, entry, clave, sent, acknowledged } = account;
    if (counted >= least && counted <= most) return;
    const sums = `${entry}:${clave} has ${counted}; ${sent} sent, ${acknowledged} acknowledged, ${least} to ${most} must have acted`;
    this.#world.violate(counted < least ? 'every acknowledged lectura acts' : 'no lectura acts twice', sums);
  }

  #checkEntidades(life: Life): void {
    const { swarm } = life.nucleus!;
    // lent ones are elsewhere: what each entry was given is counted together
    let given = 0;
    let found = 0;
    for (const { entidades } of this.#world.plan.config.bloques) given += entidades;
    for (const { entidades, entrada, options } of swarm.bloques) {
      if (entrada === 'nuevo') given += options.slots;
      found += entidades;
    }
    if (found !== given) this.#world.violate('the total of entidades never changes', `${found}, not ${given}`);
    if (this.#seenAt.length < swarm.nextNumero) this.#seenAt = new Uint32Array(2 * swarm.nextNumero);
    const seenAt = this.#seenAt;
    const look = ++this.#looks;
    for (const bloque of swarm.bloques) {
      const { numero } = bloque.memory.core;
      let gone = bloque.slots - bloque.entidades;
      for (let slot = 0; slot < bloque.slots; slot++) {
        const one = numero[slot]!;
        if (one === 0 && gone-- > 0) continue;
        if (one === 0 || one >= swarm.nextNumero || seenAt[one] === look)
          this.#world.violate('numbers are unique', `${one} in ${bloque.id}/${slot}`);
        seenAt[one] = look;
      }
      if (bloque.entrada === 'fragil') this.#checkClean(bloque);
    }
  }

  #checkClean(bloque: BloqueSimbiotico): void {
    const sucio = bloque.memory.estado.find(({ name }) => name === 'sucio')!.data;
    for (let slot = 0; slot < bloque.slots; slot++) {
      if (sucio[slot] === 1 && bloque.memory.core.corre[slot] === 1)
        this.#world.violate('an entidad that runs holds nothing of a failed run', `${bloque.id}/${slot}`);
    }
  }

  #checkBounds(life: Life): void {
    const { plan } = this.#world;
    const { swarm } = life.nucleus!;
    for (const { inbox, id, entrada } of swarm.bloques) {
      // closures run at their own pace: what a journal brings back before the doors open may wait for them all (nucleus/runs.ts)
      if (entrada === 'lento') continue;
      // what was let in while there was room, in this life or the one whose inbox was restored
      const most =
        inbox.limit +
        (entrada === 'de_redis' ? BATCH_LECTURAS : ROWS_AT_ONCE) +
        this.#world.lotesUnderwayMax * plan.loteRowsMax;
      if (inbox.size > most)
        this.#world.violate('an inbox keeps its bound', `${id}: ${inbox.size} wait, of ${inbox.limit}`);
    }
    if (life.journal.pending > IN_FLIGHT_MAX)
      this.#world.violate('lotes in flight keep their bound', `${life.journal.pending}`);
    if (life.recent.size > 50 + 2) this.#world.violate('remembered commands keep their bound', `${life.recent.size}`);
  }

  #checkPausas(life: Life): void {
    const nucleus = life.nucleus!;
    for (const [target, isPaused] of this.#world.promises.pausas) {
      const found = target === null ? nucleus.pausado : nucleus.swarm.entradas.get(target)?.pausado;
      if (found !== isPaused) {
        this.#world.violate(
          'what was paused or resumed stays so',
          `${target ?? 'everything'}: ${found}, not ${isPaused}`,
        );
      }
      const key = `${life.number} ${target}`;
      if (!isPaused) {
        this.#pausedSums.delete(key);
        continue;
      }
      const bloques = target === null ? nucleus.swarm.bloques : nucleus.swarm.entradas.get(target)!.bloques;
      let sum = 0;
      // closures that were under way come to their end
      for (const bloque of bloques)
        if (bloque.entrada !== 'lento' && bloque.entrada !== 'pulso') sum += bloque.runsTotal;
      const before = this.#pausedSums.get(key) ?? sum;
      this.#pausedSums.set(key, sum);
      if (sum !== before)
        this.#world.violate('what is paused does not run', `${target ?? 'everything'}: ${sum - before} runs`);
    }
  }
}

function cuentaOf(bloque: BloqueSimbiotico, slot: number): number {
  return bloque.memory.estado.find(({ name }) => name === 'cuenta')?.data[slot] ?? 0;
}
