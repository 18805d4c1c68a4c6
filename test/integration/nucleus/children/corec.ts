/** A CoreC that does what its parent's messages say until it is killed. */
import { CoreCNucleus } from '#app/corec-nucleus.ts';

const corec = new CoreCNucleus({ config: process.argv[2]!, idioma: 'en' });

async function perform(method: string, args: readonly unknown[]): Promise<unknown> {
  if (method === 'start') {
    await corec.inicializar();
    await corec.ejecutar();
    return null;
  }
  if (method === 'commit') {
    await corec.nucleus.epochs!.commit();
    return null;
  }
  const api = corec.api as unknown as Record<string, (...values: readonly unknown[]) => unknown>;
  return api[method]!(...args);
}

process.on('message', (message) => {
  const { id, method, args } = message as { id: number; method: string; args: readonly unknown[] };
  perform(method, args).then(
    (value) => process.send!({ id, value }),
    (error: unknown) => process.send!({ id, error: String(error) }),
  );
});
