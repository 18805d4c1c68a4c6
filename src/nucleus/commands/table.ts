/**
 * The one command table: command line, HTTP, streams, MCP and chat all take their commands from here.
 *
 * C1 Every entry of the catalogue has its command, once.
 */
import { z } from 'zod';
import type { Idioma } from '#domain/errors.ts';
import { COMMAND_NAMES } from './catalogue.ts';
import { CHANGE } from './change.ts';
import type { Command } from './command.ts';
import { CONFIG } from './config.ts';
import { OBSERVE } from './observe.ts';
import type { CommandTable } from './run.ts';

export const COMMANDS: CommandTable = tableOf([...OBSERVE, ...CHANGE, ...CONFIG]);

function tableOf(commands: readonly Command[]): CommandTable {
  const byName = new Map(commands.map((command) => [command.entry.name, command]));
  const missing = COMMAND_NAMES.filter((name) => !byName.has(name));
  if (missing.length > 0 || byName.size !== commands.length) {
    throw new Error(`the command table and its catalogue differ: ${missing.join(', ')}`);
  }
  return new Map(COMMAND_NAMES.map((name) => [name, byName.get(name)!]));
}

export interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly role: string;
  readonly changing: boolean;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
  readonly examples: readonly { readonly input: Readonly<Record<string, unknown>>; readonly says: string }[];
}

/** The table for programs: JSON Schemas of what goes in and comes out, words in one language. */
export function describeCommands(idioma: Idioma): readonly DescribedCommand[] {
  return [...COMMANDS.values()].map(({ entry, input, output }) => ({
    name: entry.name,
    summary: entry.summary[idioma],
    role: entry.role,
    changing: entry.changing,
    input: localize(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }), idioma),
    output: z.toJSONSchema(output, { unrepresentable: 'any' }) as Record<string, unknown>,
    examples: entry.examples.map((example) => ({ input: example.input, says: example.says[idioma] })),
  }));
}

/** Arguments are described in both languages; only the asked one leaves. */
function localize(schema: unknown, idioma: Idioma): Record<string, unknown> {
  const { properties, ...rest } = schema as { properties?: Record<string, Record<string, unknown>> };
  const said = Object.entries(properties ?? {}).map(([name, property]) => {
    const { descripcion, description, ...own } = property;
    return [name, { ...own, description: idioma === 'es' ? descripcion : description }] as const;
  });
  return { ...rest, properties: Object.fromEntries(said) };
}
