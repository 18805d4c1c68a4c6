/** `corec bench`: hands over to bench/main.ts, which stands outside of src/ and is loaded only here. */
import type { Call } from '../io.ts';

export async function bench({ json, options }: Call): Promise<number> {
  const { main } = await import('../../../bench/main.ts');
  const { only, long } = options;
  return main([
    ...(json ? ['--json'] : []),
    ...(typeof only === 'string' ? ['--only', only] : []),
    ...(long === true ? ['--long'] : []),
  ]);
}
