/** docker-compose.yml as data, with its variables filled in as Compose does it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse } from 'yaml';
import { ROOT } from './dockerfile.ts';

export interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly stop_grace_period?: string;
  readonly security_opt?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly healthcheck?: Readonly<Record<string, unknown>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const composeText = (): string => readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
export const parseCompose = (text: string): Compose => parse(text, { merge: true }) as Compose;

/** What stands behind a variable's name: nothing, `:-` with its default, or `:?` with what is said when it is missing. */
export interface Reference {
  readonly name: string;
  readonly fallback: string | null;
  readonly isRequired: boolean;
}

const REFERENCE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}/g;

/** The variables that a text asks for, each once for every form. */
export function referencesIn(text: string): Reference[] {
  return [...text.matchAll(REFERENCE)]
    .filter(([, name]) => name !== undefined)
    .map(([, name, form, rest]) => ({
      name: name!,
      fallback: form === ':-' ? rest! : null,
      isRequired: form === ':?',
    }));
}

/** `value` with every variable filled in. Throws for a required one that is missing or empty. */
export function fillIn<T>(value: T, env: Readonly<Record<string, string | undefined>>): T {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (whole, name: string | undefined, form: string | undefined, rest: string) => {
      if (whole === '$$') return '$';
      const found = env[name!] ?? '';
      if (found !== '') return found;
      if (form === ':?') throw new Error(`${name} is missing: ${rest}`);
      return form === ':-' ? rest : '';
    }) as T;
  }
  if (Array.isArray(value)) return value.map((one: unknown) => fillIn(one, env)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillIn(one as unknown, env)])) as T;
}

/** The lines of .env.example: those that begin with # and a name are the defaults. */
export function exampleVariables(): {
  readonly given: Record<string, string>;
  readonly defaults: Record<string, string>;
} {
  const text = readFileSync(join(ROOT, '.env.example'), 'utf8');
  const commented = text
    .split('\n')
    .flatMap((line) => (/^#[A-Z_]+=/.test(line) ? [line.slice(1)] : []))
    .join('\n');
  return { given: parseEnv(text) as Record<string, string>, defaults: parseEnv(commented) as Record<string, string> };
}
