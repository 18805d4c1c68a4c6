/**
 * Carries out one command: finds it, asks whether the caller may, judges its arguments, and lets a changing one act once.
 */
import { randomUUID } from 'node:crypto';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { readArguments } from './arguments.ts';
import { CommandError, type Command, type CommandContext } from './command.ts';
import { unknownCommand } from './unknown.ts';

export type CommandTable = ReadonlyMap<string, Command>;

/**
 * Longest command id: a UUID with a prefix, with room.
 */
const COMANDO_ID_CHARS_MAX = 200;

/**
 * The answer of the command, as plain data that fits its output schema.
 *
 * @throws CoreCError COREC_E_COMMAND_UNKNOWN, COREC_E_UNAUTHORIZED, COREC_E_ARGUMENT, COREC_E_NOT_RUNNING, or what the nucleus throws.
 */
export async function runCommand(
  table: CommandTable,
  name: string,
  raw: unknown,
  ctx: CommandContext,
): Promise<unknown> {
  return await beginCommand(table, name, raw, ctx);
}

/** As `runCommand`, for who must not wait for a command that is answered within the call: the answer, or the promise of it. */
export function beginCommand(table: CommandTable, name: string, raw: unknown, ctx: CommandContext): unknown {
  const command = findCommand(table, name);
  const { entry } = command;
  if (entry.role === 'operar' && ctx.role !== 'operar') {
    throw new CommandError('COREC_E_UNAUTHORIZED', {
      en: { found: `${entry.name} changes things and this caller may only read` },
      es: { found: `${entry.name} cambia cosas y quien llama solo puede leer` },
    });
  }
  if (entry.archivos && !ctx.archivos) {
    throw new CommandError('COREC_E_UNAUTHORIZED', {
      en: { found: `${entry.name} names files of this machine; without a token only the unix socket takes it` },
      es: { found: `${entry.name} nombra archivos de esta máquina; sin token solo lo acepta el socket unix` },
    });
  }
  const input = readArguments(entry, command.input, raw, ctx.nowMs());
  if (ctx.api === null && !entry.offline) throw new CoreCError('COREC_E_NOT_RUNNING', { path: '-' });
  const comandoId = judgeId(entry.name, ctx.comandoId) ?? (entry.changing ? randomUUID() : '');
  // an offline command never touches the api
  const handle = (): unknown => command.handle(input as never, { ...ctx, comandoId, api: ctx.api! });
  if (!ctx.checkOutput && !entry.changing) return handle();
  const act = async (): Promise<unknown> => {
    const answer = await handle();
    if (ctx.checkOutput) checkOutput(command, answer);
    return answer;
  };
  if (!entry.changing || ctx.recent === null || ctx.comandoId === null) return act();
  return ctx.recent.once(comandoId, entry.name, input, act);
}

/** @throws CommandError COREC_E_COMMAND_UNKNOWN with the nearest name. */
export function findCommand(table: CommandTable, name: string): Command {
  const command = table.get(name);
  if (command !== undefined) return command;
  throw unknownCommand(name, [...table.keys()]);
}

function judgeId(command: string, id: string | null): string | null {
  if (id === null || (id !== '' && id.length <= COMANDO_ID_CHARS_MAX)) return id;
  throw new CommandError('COREC_E_ARGUMENT', {
    en: { command, found: `the command id has ${id.length} characters`, allowed: `1 to ${COMANDO_ID_CHARS_MAX}` },
    es: { command, found: `el id de comando tiene ${id.length} caracteres`, allowed: `de 1 a ${COMANDO_ID_CHARS_MAX}` },
  });
}

function checkOutput(command: Command, answer: unknown): void {
  const result = command.output.safeParse(answer);
  if (result.success) return;
  const [issue] = result.error.issues;
  const found = `${command.entry.name} answered ${issue?.path.join('.') ?? ''}: ${issue?.message ?? messageOf(result.error)}`;
  throw new CoreCError('COREC_E_INTERNAL', { found });
}
