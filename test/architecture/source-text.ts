/** The project's source as the architecture tests see it: files, import lines and identifiers. No compiler: these rules only need the text. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const root = dirname(dirname(import.meta.dirname));

export interface ImportLine {
  readonly line: number;
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

/** Paths relative to the root, with `/`. */
export function listSources(...patterns: string[]): string[] {
  return globSync(patterns, { cwd: root, exclude: (path) => path.includes('node_modules') }).sort();
}

export function readSource(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

const literalOrComment =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[^]|[^`\\])*`|\/\*[^]*?\*\/|\/\/[^\n]*|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/(?=[dgimsuvy]*[\s.,;)\]])/g;
const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** The text with comments blanked, and strings too when asked, every other character at its place. */
export function blankOut(text: string, what: 'comments' | 'comments and literals'): string {
  return text.replace(literalOrComment, (found) => {
    const isComment = found.startsWith('//') || found.startsWith('/*');
    return isComment || what !== 'comments' ? blank(found) : found;
  });
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

const importForms =
  /\b(?:import|export)\s+(type\s)?(?:[^'"`;()=]*?\sfrom\s+)?['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]|\b(?:import\.meta\.resolve|new URL)\(\s*['"]((?:\.|#)[^'"\n]+\.ts)['"]/g;

/** Static and dynamic imports, and the entries of threads and child processes that are named by `new URL` or `import.meta.resolve`. */
export function listImports(source: string): ImportLine[] {
  const text = blankOut(source, 'comments');
  const code = blankOut(source, 'comments and literals');
  return [...text.matchAll(importForms)]
    .filter((match) => code[match.index] !== ' ')
    .map((match) => ({
      line: lineAt(text, match.index),
      specifier: (match[2] ?? match[3] ?? match[4])!,
      isTypeOnly: match[1] !== undefined,
    }));
}
