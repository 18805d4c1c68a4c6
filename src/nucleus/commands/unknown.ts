/** The error for a name that no command has. Apart from run.ts, so that the command line can say it without loading schemas. */
import { nearestKey } from '#domain/texts/nearest.ts';
import { CommandError } from './command.ts';

const NAME_CHARS_SHOWN = 60;

/** COREC_E_COMMAND_UNKNOWN with the nearest name that there is, or all of them. */
export function unknownCommand(name: string, known: readonly string[]): CommandError {
  const nearest = nearestKey(name, known);
  const found = name.length > NAME_CHARS_SHOWN ? `${name.slice(0, NAME_CHARS_SHOWN)}...` : name;
  const list = known.join(', ');
  return new CommandError('COREC_E_COMMAND_UNKNOWN', {
    en: { found, hint: nearest === null ? `Known: ${list}.` : `Did you mean ${nearest}?` },
    es: { found, hint: nearest === null ? `Conocidos: ${list}.` : `¿Quiso decir ${nearest}?` },
  });
}
