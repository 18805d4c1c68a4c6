/**
 * Somebody who gives commands: one at a time, each under an id of its own, again until it is answered; and old ones again.
 *
 * Checks on the way that a command is answered by its first answer for ever, and never refused for good.
 */
import { isTransient, messageOf, CoreCError } from '#domain/errors.ts';
import type { Dice } from '../sim/dice.ts';
import type { Answer } from '../sim/network.ts';
import type { World } from '../sim/world.ts';

const TIMEOUT_MS = 3_000;

export interface GivenComando {
  readonly id: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly onSent: () => void;
  /** `ok` false: it asked for what is not there. */
  readonly onAnswer: (ok: boolean) => void;
  attempts: number;
  /** The first answer as JSON; null before it. */
  answer: string | null;
  /** The life that refused it for good; 0 none. Another one need not know of it. */
  refusedBy: number;
}

export type ComandoChoice = Pick<GivenComando, 'name' | 'args'> & Partial<Pick<GivenComando, 'onSent' | 'onAnswer'>>;

export class ComandoClient {
  readonly #world: World;
  readonly #prefix: string;
  readonly #dice: Dice;
  readonly #choose: (isCalm: boolean) => ComandoChoice | null;
  readonly #done: GivenComando[] = [];
  #current: GivenComando | null = null;
  #count = 0;
  isDone = false;

  /** `choose` gives the next command, or null for none now; in the calm null means that it wants nothing more. */
  constructor(world: World, prefix: string, choose: (isCalm: boolean) => ComandoChoice | null) {
    this.#world = world;
    this.#prefix = prefix;
    this.#dice = world.dice.fork();
    this.#choose = choose;
    this.#next();
  }

  get pending(): readonly string[] {
    const one = this.#current;
    return one === null
      ? []
      : [`command ${one.id} ${one.name} ${JSON.stringify(one.args)} after ${one.attempts} attempts`];
  }

  #next(): void {
    const { plan, mishaps } = this.#world;
    this.#world.after(this.#dice.span(plan.comandoMs / 3, plan.comandoMs * 3), () => {
      if (this.#current === null) this.#act();
      if (!this.isDone || !mishaps.isCalm) this.#next();
    });
  }

  #act(): void {
    const { mishaps } = this.#world;
    if (this.#done.length > 0 && mishaps.roll('resent_long_after')) {
      this.#send(this.#dice.pick(this.#done));
      return;
    }
    const choice = this.#choose(mishaps.isCalm);
    if (choice === null) {
      this.isDone = mishaps.isCalm;
      return;
    }
    const nothing = (): void => {};
    const id = `${this.#prefix}${++this.#count}`;
    this.#current = { onSent: nothing, onAnswer: nothing, ...choice, id, attempts: 0, answer: null, refusedBy: 0 };
    this.#current.onSent();
    this.#send(this.#current);
  }

  #send(one: GivenComando): void {
    const attempt = ++one.attempts;
    const { network } = this.#world;
    network.call(
      `command ${one.id} ${one.name} ${JSON.stringify(one.args)}`,
      (life) => life.command(one.name, one.args, one.id),
      (answer) => this.#answered(one, attempt, answer),
    );
    this.#world.after(TIMEOUT_MS, () => this.#again(one, attempt));
  }

  #again(one: GivenComando, attempt: number): void {
    if (one === this.#current && one.attempts === attempt) this.#send(one);
  }

  #answered(one: GivenComando, attempt: number, answer: Answer<unknown>): void {
    const world = this.#world;
    if (answer.ok) {
      const text = JSON.stringify(answer.value);
      world.note(`command ${one.id} is answered: ${text.slice(0, 120)}`);
      if (one.answer !== null && one.answer !== text)
        world.violate('a command has one answer', `${one.id} ${one.name}: ${one.answer}, then ${text}`);
      if (one.refusedBy === world.lives)
        world.violate('a command has one answer', `${one.id} ${one.name} was refused, then ${text}`);
      one.answer ??= text;
      this.#finish(one, true);
      return;
    }
    const { error, life } = answer;
    world.note(`command ${one.id} is refused: ${messageOf(error)}`);
    const isFinal = life !== null && error instanceof CoreCError && error.kind === 'input';
    if (isFinal) {
      if (one.answer !== null || world.storeDisk.findComando(one.id) !== null)
        world.violate(
          'a command has one answer',
          `${one.id} ${one.name} is in the store, and was refused: ${messageOf(error)}`,
        );
      one.refusedBy = world.lives;
      this.#finish(one, false);
      return;
    }
    if (life !== null && life.fatal === null && !isTransient(error))
      world.violate('a command is answered, or refused for now', `${one.id} ${one.name}: ${messageOf(error)}`);
    world.after(this.#dice.span(20, 400), () => this.#again(one, attempt));
  }

  #finish(one: GivenComando, ok: boolean): void {
    if (this.#current !== one) return;
    this.#current = null;
    if (ok) this.#done.push(one);
    one.onAnswer(ok);
  }
}
