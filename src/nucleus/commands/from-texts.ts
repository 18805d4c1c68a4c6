/** Texts to the types of arguments. Loads nothing, for the command line reads it too. */
import type { Arg, Args } from './catalogue.ts';

/**
 * Arguments that came as texts (query, chat) in the types that the schema wants. What fits no type is left as it is, for the schema
 * to refuse. `ts` of numbers stays text: parseMoment reads it.
 */
export function argumentsFromTexts(args: Args, texts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(texts)) {
    const arg = Object.hasOwn(args, name) ? args[name] : undefined;
    values[name] = arg !== undefined && typeof value === 'string' ? fromText(arg, value) : value;
  }
  return values;
}

function fromText(arg: Arg, value: string): unknown {
  if (arg.kind === 'number' && /^[+-]?\d+(?:\.\d+)?$/.test(value.trim())) return Number(value);
  if (arg.kind === 'flag') {
    if (/^(?:true|1|yes|si|sí|)$/i.test(value)) return true;
    if (/^(?:false|0|no)$/i.test(value)) return false;
  }
  return value;
}
