/** What an evaluation is given: a folder of CSV files. */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommandError } from '#nucleus/commands/command.ts';

/** Every CSV below `folder`, by its path from there, sorted. @throws CommandError COREC_E_ARGUMENT when there is none. */
export function csvBelow(command: string, folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    throw refusal(
      command,
      `${folder}, which is no folder that can be read`,
      `${folder}, que no es una carpeta legible`,
    );
  }
  const found = names.filter((name) => name.endsWith('.csv') && statSync(join(folder, name)).isFile()).toSorted();
  if (found.length === 0)
    throw refusal(command, `${folder}, which holds no .csv`, `${folder}, que no tiene ningún .csv`);
  return found;
}

export function refusal(command: string, en: string, es: string): CommandError {
  return new CommandError('COREC_E_ARGUMENT', {
    en: { command, found: en, allowed: 'a folder as docs/DETECTION.md describes it' },
    es: { command, found: es, allowed: 'una carpeta como la describe docs/DETECTION.md' },
  });
}

/** The place of each wanted column in the header. */
export function columnsOf(command: string, file: string, header: string, wanted: readonly string[]): number[] {
  const cells = header.split(',').map((cell) => cell.trim());
  return wanted.map((name) => {
    const at = cells.indexOf(name);
    if (at < 0)
      throw refusal(command, `${resolve(file)} without a column ${name}`, `${resolve(file)} sin columna ${name}`);
    return at;
  });
}
