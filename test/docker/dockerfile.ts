/** The Dockerfile and .dockerignore as data, and the files that a build would see. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser, JSONInstruction, type Instruction } from 'dockerfile-ast';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface Stage {
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

export const dockerfileText = (): string => readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

export function readStages(): Stage[] {
  const stages: { name: string | null; instructions: Instruction[] }[] = [];
  for (const instruction of DockerfileParser.parse(dockerfileText()).getInstructions()) {
    if (instruction.getKeyword() === 'FROM')
      stages.push({ name: wordsOf(instruction)[2] ?? null, instructions: [instruction] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

export const wordsOf = (instruction: Instruction): string[] =>
  instruction.getArguments().map((argument) => argument.getValue());

/** Those of a stage with this keyword. */
export const ofKind = (stage: Stage, keyword: string): Instruction[] =>
  stage.instructions.filter((instruction) => instruction.getKeyword() === keyword);

/** The strings of an exec form; null for a shell form. */
export function execForm(instruction: Instruction): string[] | null {
  if (!(instruction instanceof JSONInstruction) || instruction.getOpeningBracket() === null) return null;
  return instruction.getJSONStrings().map((string) => string.getJSONValue());
}

export interface Copy {
  readonly sources: readonly string[];
  readonly target: string;
}

/** What a stage copies from the folder of the build, not from another stage. */
export function copiesOf(stage: Stage): Copy[] {
  return ofKind(stage, 'COPY')
    .filter((instruction) => !/^COPY\s+--from=/i.test(instruction.getTextContent()))
    .map((instruction) => {
      const words = wordsOf(instruction);
      return { sources: words.slice(0, -1), target: words.at(-1)! };
    });
}

/** Whether .dockerignore keeps a path from the builder: the last line that matches it, or a folder above it, decides. */
export function isIgnored(path: string): boolean {
  let ignored = false;
  for (const line of readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const pattern = patternOf(text.replace(/^!/, ''));
    const folders = path.split('/').map((_, k, parts) => parts.slice(0, k + 1).join('/'));
    if (folders.some((folder) => pattern.test(folder))) ignored = !text.startsWith('!');
  }
  return ignored;
}

function patternOf(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
  return new RegExp(`^${source}$`);
}

/** The files below `path` of the repository that a COPY of it brings into the image; none when there is no such thing. */
export function filesCopied(path: string): string[] {
  const bare = path.replace(/\/$/, '');
  return globSync([bare, `${bare}/**`], { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .filter((file) => !isIgnored(file));
}
