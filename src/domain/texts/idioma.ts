/** Which language a person reads. Owns the choice; the environment is handed in by `app`. */
import type { Idioma } from '../errors.ts';

/**
 * `configured` when it names a language; for `auto` the first of LC_ALL, LC_MESSAGES and LANG that is set, as POSIX ranks them;
 * English for everything that is not Spanish.
 */
export function chooseIdioma(configured: 'auto' | Idioma, env: Readonly<Record<string, string | undefined>>): Idioma {
  if (configured !== 'auto') return configured;
  const locale = [env['LC_ALL'], env['LC_MESSAGES'], env['LANG']].find((value) => value !== undefined && value !== '');
  return /^es(?:[_.@-]|$)/i.test(locale ?? '') ? 'es' : 'en';
}
