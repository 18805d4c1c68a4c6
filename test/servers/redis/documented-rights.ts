/** The rights of the user `corec`, read from docs/OPERATIONS.md: what is printed there is what is tested. */
import { readFileSync } from 'node:fs';

export function documentedRights(): string {
  const page = readFileSync(new URL('../../../docs/OPERATIONS.md', import.meta.url), 'utf8');
  const line = /^ACL SETUSER corec on '>[^']*' (.+)$/m.exec(page)?.[1];
  if (line === undefined) throw new Error('docs/OPERATIONS.md has no line ACL SETUSER corec');
  return line.replaceAll("'", '');
}
