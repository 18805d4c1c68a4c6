/** The shortest form: a function of one lectura. It may be async; it keeps no state over restarts. */
import type { Payload, Resultado } from 'corec';

export default async ({ valor }: Payload): Promise<Resultado> => ({ valor: valor < 0 ? 1 : 0 });
