/** `corec bench`: hands over to bench/main.ts, which stands outside of src/ and is loaded only here. */
import type { Call } from '../io.ts';

interface Bench {
  /** Resolves to the exit code: 0 when no row falls short of its must. */
  readonly main: (argv: readonly string[]) => Promise<number>;
}

export async function bench({ json, options }: Call): Promise<number> {
  const entry = new URL('../../../bench/main.ts', import.meta.url);
  const { main } = (await import(entry.href)) as Bench;
  const { only } = options;
  return main([...(json ? ['--json'] : []), ...(typeof only === 'string' ? ['--only', only] : [])]);
}
