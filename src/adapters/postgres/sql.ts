/** The SQL of this adapter: one operation a file under sql/, read once, and what may be put into its `{places}`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'sql');
const cache = new Map<string, string>();

export interface PreparedSql {
  readonly name: string;
  readonly text: string;
}

function readSql(name: string): string {
  let text = cache.get(name);
  if (text === undefined) {
    text = readFileSync(join(folder, `${name}.sql`), 'utf8').trim();
    cache.set(name, text);
  }
  return text;
}

/** A statement with $parameters, prepared once a session under its file's name. */
export function sql(name: string): PreparedSql {
  return { name, text: readSql(name) };
}

/** Makes statements known to a connection, for `executeSql`. */
export function prepareSql(names: readonly string[]): string {
  return names.map((name) => `PREPARE ${quoteName(name)} AS ${readSql(name)}`).join(';\n');
}

/** One that was prepared so, with its values: several in one message cost one journey to the server, not one each. */
export function executeSql(name: string, values: readonly (string | number | readonly number[])[]): string {
  const literals = values.map((value) =>
    quoteLiteral(typeof value === 'object' ? `{${value.join(',')}}` : String(value)),
  );
  return `EXECUTE ${quoteName(name)} (${literals.join(', ')})`;
}

/** A statement whose `{places}` are names and literals, which PostgreSQL takes no parameters for. Give them quoted. */
export function fillSql(name: string, places: Readonly<Record<string, string>>): string {
  return readSql(name).replace(/\{(\w+)\}/g, (_, place: string) => {
    const value = places[place];
    if (value === undefined) throw new Error(`sql/${name}.sql: nothing given for {${place}}`);
    return value;
  });
}

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
}

/** Numbered 1, 2, 3 ... without a gap; a published one never changes. */
export function listMigrations(): Migration[] {
  const files = readdirSync(join(folder, 'migrations')).toSorted();
  return files.map((file, i) => {
    const version = Number.parseInt(file, 10);
    if (version !== i + 1) throw new Error(`sql/migrations/${file}: expected number ${i + 1}`);
    return { version, name: file.replace(/\.sql$/, ''), text: readFileSync(join(folder, 'migrations', file), 'utf8') };
  });
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  // With a backslash the E form, whatever standard_conforming_strings says.
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
