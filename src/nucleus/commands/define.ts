/** Puts a command together from its catalogue entry, so that its handler is typed by its own arguments. */
import type { z } from 'zod';
import type { NucleusApi } from '#ports/nucleus-api.ts';
import { inputSchemaOf } from './arguments.ts';
import type { Args, CommandEntry } from './catalogue.ts';
import type { ArgValues, Command, HandlerContext } from './command.ts';

/**
 * A handler: arguments judged and filled in, a context whose nucleus is there. Offline commands leave `ctx.api` alone. One that has its
 * answer at once gives it without a promise: thousands a second may ask.
 */
export type Handler<A extends Args, O> = (
  input: ArgValues<A>,
  ctx: HandlerContext & { readonly api: NucleusApi },
) => O | Promise<O>;

export function defineCommand<const A extends Args, O>(
  entry: CommandEntry & { readonly args: A },
  output: z.ZodType<O>,
  handle: Handler<A, O>,
): Command {
  return { entry, input: inputSchemaOf(entry.args), output, handle };
}
