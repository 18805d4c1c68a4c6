/**
 * Glob patterns over claves: `*` any text, also none; `?` one character (code point); `\` takes the next one literally.
 *
 * Owns compiling and matching UTF-8 bytes, so that a walk over a million claves makes no string for those that do not match.
 * Leaves the walk to the directory. Case counts. Time is at most pattern x clave, whatever the pattern.
 */
import { UNKNOWN_LOC, type ClaveDirectory } from './directory.ts';

const STAR = -1;
const ANY = -2;

export interface Glob {
  readonly pattern: string;
  /** The clave itself when the pattern has no wildcard: then a lookup does it; else null. */
  readonly literal: string | null;
  matches(source: Uint8Array, from: number, to: number): boolean;
}

const SPECIAL = /[*?\\]/;
const encoder = new TextEncoder();

export function compileGlob(pattern: string): Glob {
  // most that are asked for are the name of one clave, which a lookup finds: the rest is made only when somebody matches by it
  if (!SPECIAL.test(pattern)) {
    let made: Glob | null = null;
    const matches: Glob['matches'] = (source, from, to) => (made ??= compileSteps(pattern)).matches(source, from, to);
    return { pattern, literal: pattern, matches };
  }
  return compileSteps(pattern);
}

function compileSteps(pattern: string): Glob {
  const steps: number[] = [];
  let literal: string | null = '';
  const characters = Array.from(pattern);
  for (let i = 0; i < characters.length; i++) {
    let character = characters[i]!;
    if (character === '*' || character === '?') {
      literal = null;
      if (character === '?') steps.push(ANY);
      else if (steps.at(-1) !== STAR) steps.push(STAR);
      continue;
    }
    if (character === '\\' && i + 1 < characters.length) character = characters[++i]!;
    if (literal !== null) literal += character;
    steps.push(...encoder.encode(character));
  }
  const program = Int16Array.from(steps);
  let prefix = 0;
  while (prefix < program.length && program[prefix]! >= 0) prefix++;
  const bytesMin = steps.filter((step) => step !== STAR).length;
  return {
    pattern,
    literal,
    matches: (source, from, to) => {
      if (to - from < bytesMin) return false;
      for (let i = 0; i < prefix; i++) if (source[from + i] !== program[i]) return false;
      return run(program, prefix, source, from + prefix, to);
    },
  };
}

/** Greedy from the last star: on a mismatch that star takes one character more; earlier stars never need another look. */
function run(program: Int16Array, start: number, source: Uint8Array, from: number, to: number): boolean {
  let step = start;
  let at = from;
  let starStep = -1;
  let starAt = 0;
  for (;;) {
    if (step < program.length && program[step] === STAR) {
      starStep = ++step;
      starAt = at;
      if (starStep === program.length) return true;
      continue;
    }
    if (at < to && step < program.length) {
      const wanted = program[step]!;
      if (wanted === ANY) {
        at = nextCharacter(source, at, to);
        step++;
        continue;
      }
      if (wanted === source[at]) {
        at++;
        step++;
        continue;
      }
    } else if (at === to && step === program.length) return true;
    if (starStep < 0 || starAt === to) return false;
    starAt = nextCharacter(source, starAt, to);
    at = starAt;
    step = starStep;
  }
}

/** Where the code point at `at` ends: continuation bytes of UTF-8 are 10xxxxxx. */
function nextCharacter(source: Uint8Array, at: number, to: number): number {
  let next = at + 1;
  while (next < to && (source[next]! & 0xc0) === 0x80) next++;
  return next;
}

/** Visits the locs of the claves that match, until `visit` answers false. The directory must not change inside the visit. */
export function visitMatches(directory: ClaveDirectory, glob: Glob, visit: (loc: number) => boolean | void): void {
  if (glob.literal !== null) {
    const loc = directory.lookupText(glob.literal);
    if (loc !== UNKNOWN_LOC) visit(loc);
    return;
  }
  directory.visitAll((loc, source, from, to) => {
    if (glob.matches(source, from, to)) return visit(loc);
    return true;
  });
}
