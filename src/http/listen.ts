/** Listening: on the private unix socket, and on TCP with errors that name the address and the key to change. */
import { chmodSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CoreCError, messageOf } from '#domain/errors.ts';
import { CommandError } from '#nucleus/commands/command.ts';
import { prepareSocket } from './socket-path.ts';

/** @throws CoreCError COREC_E_DATA_DIR_UNUSABLE. */
export async function listenSocket(server: Server, wanted: string): Promise<string> {
  const path = prepareSocket(wanted);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // bind happens inside listen(): with this mask there is no moment in which others may connect (S2)
  const mask = process.umask(0o177);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(mask);
  }
  try {
    await promise;
    chmodSync(path, 0o600);
  } catch (error) {
    throw new CoreCError('COREC_E_DATA_DIR_UNUSABLE', { path, found: messageOf(error) }, error);
  }
  return path;
}

/** The port that was taken. @throws CommandError COREC_E_HTTP_LISTEN. */
export async function listenTcp(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (error) {
    const found = LISTEN_FOUND[(error as NodeJS.ErrnoException).code ?? ''] ?? {
      en: messageOf(error),
      es: messageOf(error),
      key: 'http.port',
    };
    throw listenError(host, port, found.key, found.en, found.es, error);
  }
  return (server.address() as AddressInfo).port;
}

const LISTEN_FOUND: Readonly<Record<string, { readonly en: string; readonly es: string; readonly key: string }>> = {
  EADDRINUSE: { en: 'something else listens there already', es: 'otro programa ya escucha ahí', key: 'http.port' },
  EACCES: { en: 'this user may not listen there', es: 'este usuario no puede escuchar ahí', key: 'http.port' },
  EADDRNOTAVAIL: {
    en: 'this machine has no such address',
    es: 'esta máquina no tiene esa dirección',
    key: 'http.host',
  },
  ENOTFOUND: { en: 'no such host is known', es: 'no se conoce ese nombre', key: 'http.host' },
};

export function listenError(
  host: string,
  port: number,
  key: string,
  en: string,
  es: string,
  cause?: unknown,
): CommandError {
  const address = `${host}:${port}`;
  return new CommandError(
    'COREC_E_HTTP_LISTEN',
    { en: { address, found: en, key }, es: { address, found: es, key } },
    cause,
  );
}
