/**
 * Free TCP ports for servers of a test.
 *
 * Below 32768, where systems begin to take ports for outgoing connections: so a server that is stopped and started again finds its own still free.
 */
import { createServer } from 'node:net';

const FIRST = 20_000;
const LAST = 31_999;
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port from ${FIRST} to ${LAST} in 200 tries`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
