/**
 * Somebody who gives commands: one at a time, each under an id of its own, again until it is answered; and old ones again.
 *
 * They go through a door of the instance, or over streams where these outlive it. Checks on the way that a command is answered by its
 * first answer for ever, and never refused for good.
 */
import { isTransient, messageOf, CoreCError } from '#domain/errors.ts';
import type { Dice } from '../sim/dice.ts';
import type { Answer } from '../sim/network.ts';
import type { World } from '../sim/world.ts';
import type { StreamAnswer, StreamDesk } from './stream-desk.ts';

const TIMEOUT_MS = 3_000;
/** Over streams a command is not lost once it is in: who sends it again has reason to be impatient. */
const STREAM_TIMEOUT_MS = 15_000;

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
  readonly #desk: StreamDesk | null;
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
    this.#desk = this.#dice.chance(0.6) ? world.desk : null;
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
    if (this.#desk !== null) {
      this.#desk.send(one.id, one.name, one.args, (answer) => this.#answeredByStream(one, answer));
      this.#world.after(STREAM_TIMEOUT_MS, () => this.#again(one, attempt));
      return;
    }
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
      this.#carriedOut(one, answer.value);
      return;
    }
    const { error, life } = answer;
    world.note(`command ${one.id} is refused: ${messageOf(error)}`);
    if (life !== null && error instanceof CoreCError && error.kind === 'input') {
      this.#refused(one, messageOf(error), world.storeDisk.findComando(one.id) !== null);
      one.refusedBy = world.lives;
      return;
    }
    if (life !== null && life.fatal === null && !isTransient(error))
      world.violate('a command is answered, or refused for now', `${one.id} ${one.name}: ${messageOf(error)}`);
    world.after(this.#dice.span(20, 400), () => this.#again(one, attempt));
  }

  #answeredByStream(one: GivenComando, answer: StreamAnswer): void {
    if (answer.ok) {
      this.#carriedOut(one, answer.value);
      return;
    }
    this.#world.note(`command ${one.id} is refused: ${answer.code}`);
    // by which life, and how long ago, an answer that is read now does not say
    if (answer.isFinal) this.#refused(one, answer.code, false);
    else
      this.#world.violate(
        'over streams a command is answered, or tried again',
        `${one.id} ${one.name}: ${answer.code}`,
      );
  }

  #carriedOut(one: GivenComando, value: unknown): void {
    const world = this.#world;
    const text = JSON.stringify(value);
    world.note(`command ${one.id} is answered: ${text.slice(0, 120)}`);
    if (one.answer !== null && one.answer !== text)
      world.violate('a command has one answer', `${one.id} ${one.name}: ${one.answer}, then ${text}`);
    if (one.refusedBy === world.lives)
      world.violate('a command has one answer', `${one.id} ${one.name} was refused, then ${text}`);
    one.answer ??= text;
    this.#finish(one, true);
  }

  /** For good: it asks for what is not there. */
  #refused(one: GivenComando, found: string, isStored: boolean): void {
    if (one.answer !== null || isStored)
      this.#world.violate('a command has one answer', `${one.id} ${one.name} is in, and was refused: ${found}`);
    this.#finish(one, false);
  }

  #finish(one: GivenComando, ok: boolean): void {
    if (this.#current !== one) return;
    this.#current = null;
    if (ok) this.#done.push(one);
    one.onAnswer(ok);
  }
}
