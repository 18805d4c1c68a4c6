/**
 * `${VAR}` and `${VAR:-default}` in the texts of a configuration.
 *
 * V1 The environment is an argument; this file reads none.
 * V2 As in the shell, `:-` also covers a variable that is set and empty. `$${` stands for a literal `${`.
 * V3 Only values are filled in, never keys, and what a variable holds is not searched again.
 */
import type { JsonPath } from './json.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A reference that cannot be filled in: a variable that is not set, or `${` that is no reference at all. */
export interface VariableDefect {
  readonly path: JsonPath;
  readonly kind: 'unset' | 'malformed';
  /** The variable's name, or the malformed text. */
  readonly name: string;
}

export interface Expanded {
  readonly value: unknown;
  readonly defects: readonly VariableDefect[];
  /** Paths (as JSON) whose text came, at least in part, from variables, with the text as written. */
  readonly filled: ReadonlyMap<string, string>;
}

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const INSIDE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/** A copy of `value` with every reference filled from `env`. */
export function expandVariables(value: unknown, env: Environment): Expanded {
  const defects: VariableDefect[] = [];
  const filled = new Map<string, string>();

  function expandText(text: string, path: JsonPath): string {
    return text.replace(REFERENCE, (whole: string, inside: string | undefined) => {
      if (whole === '$${') return '${';
      filled.set(JSON.stringify(path), text);
      const match = whole.endsWith('}') ? INSIDE.exec(inside ?? '') : null;
      if (match === null) {
        defects.push({ path, kind: 'malformed', name: whole });
        return '';
      }
      const [, name, fallback] = match as unknown as [string, string, string | undefined];
      const found = Object.hasOwn(env, name) ? env[name] : undefined;
      if (found !== undefined && (found !== '' || fallback === undefined)) return found;
      if (fallback !== undefined) return fallback;
      defects.push({ path, kind: 'unset', name });
      return '';
    });
  }

  function expand(node: unknown, path: JsonPath): unknown {
    if (typeof node === 'string') return node.includes('${') ? expandText(node, path) : node;
    if (Array.isArray(node)) return node.map((item, k) => expand(item, [...path, k]));
    if (node !== null && typeof node === 'object') {
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, expand(item, [...path, key])]));
    }
    return node;
  }

  return { value: expand(value, []), defects, filled };
}
