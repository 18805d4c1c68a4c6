/** Names of fields inside a record: `a.b.0` with `\.` and `\\` for a dot or backslash of the name itself (mapeo.ts M2). */

/** The names on the way to a field. */
export function splitPath(path: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let i = 0; i < path.length; i++) {
    const character = path[i]!;
    if (character === '\\' && (path[i + 1] === '.' || path[i + 1] === '\\')) name += path[++i]!;
    else if (character === '.') {
      names.push(name);
      name = '';
    } else name += character;
  }
  names.push(name);
  return names;
}

export function joinPath(names: readonly string[]): string {
  return names.map((name) => name.replace(/\\(?=[.\\]|$)|\./g, '\\$&')).join('.');
}
