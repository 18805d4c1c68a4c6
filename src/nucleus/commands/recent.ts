/**
 * Changing commands under way and lately done, by the id the caller gave: a resend waits for, or gets, the first answer.
 *
 * Owns what memory can tell. Leaves what was done before a restart to the store, which the nucleus asks under the same id.
 *
 * R1 One id acts once. One that was refused for what it asks stays refused, or a copy of it that comes late would act after all; one
 *    that failed for now is forgotten, so that it can be sent again.
 * R2 An id belongs to the command and arguments it came with first.
 * R3 At most `max` answers are kept, the oldest go first; one under way is never dropped.
 */
import { CoreCError } from '#domain/errors.ts';
import { CommandError } from './command.ts';

interface Recent {
  readonly said: string;
  readonly answer: Promise<unknown>;
  done: boolean;
}

export class RecentCommands {
  readonly #byId = new Map<string, Recent>();
  readonly #max: number;

  constructor(max: number = 10_000) {
    this.#max = max;
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Runs `act` unless `id` is known, and gives the first answer otherwise.
   *
   * @throws CommandError COREC_E_ARGUMENT when the id was used for something else (R2).
   */
  async once(id: string, name: string, input: unknown, act: () => Promise<unknown>): Promise<unknown> {
    const said = JSON.stringify([name, input]);
    const known = this.#byId.get(id);
    if (known !== undefined) {
      if (known.said !== said) {
        throw new CommandError('COREC_E_ARGUMENT', {
          en: {
            command: name,
            found: `the command id "${id}" was used for another command`,
            allowed: 'a new id for each command',
          },
          es: {
            command: name,
            found: `el id de comando "${id}" ya se usó para otro comando`,
            allowed: 'un id nuevo para cada comando',
          },
        });
      }
      return known.answer;
    }
    const recent: Recent = { said, answer: act(), done: false };
    this.#byId.set(id, recent);
    try {
      return await recent.answer;
    } catch (error) {
      if (!(error instanceof CoreCError) || error.kind !== 'input') this.#byId.delete(id);
      throw error;
    } finally {
      recent.done = true;
      this.#trim();
    }
  }

  #trim(): void {
    if (this.#byId.size <= this.#max) return;
    for (const [id, recent] of this.#byId) {
      if (!recent.done) continue;
      this.#byId.delete(id);
      if (this.#byId.size <= this.#max) return;
    }
  }
}
