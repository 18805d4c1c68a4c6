/** Text on its way into and out of PostgreSQL. Pure. */

/** PostgreSQL's text holds no U+0000, which a clave of binary input can; its visible sign stands for it. */
export function plainText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u2400') : text;
}

/** `*` and `?` as in a shell, everything else as it is, for LIKE. */
export function likePattern(glob: string): string {
  return plainText(glob)
    .replaceAll(/[\\%_]/g, (special) => `\\${special}`)
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}

/** For a `json` column; what JSON cannot say (undefined, NaN) becomes null. */
export function toJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
