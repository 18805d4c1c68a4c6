/** Certificates for servers under test, made by openssl: an authority, and a server's for localhost and 127.0.0.1. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** The authority's, PEM. */
  readonly ca: string;
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
}

const openssl = (...args: readonly string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' });

/** In `folder`; the key belongs to `owner`. `names`: what the server's certificate stands for. */
export function makeCertificates(
  folder: string,
  owner: { readonly uid: number; readonly gid: number } | null,
  names = 'DNS:localhost,IP:127.0.0.1',
): Certificates {
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    '/CN=corec test authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  openssl('req', ...key, '-subj', '/CN=corec test server', '-keyout', at('server.key'), '-out', at('server.csr'));
  writeFileSync(at('server.ext'), `subjectAltName=${names}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('server.ext'),
    '-out',
    at('server.pem'),
  );
  chmodSync(at('server.key'), 0o600);
  if (owner !== null) for (const name of ['server.key', 'server.pem']) chownSync(at(name), owner.uid, owner.gid);
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    caPath: at('ca.pem'),
    certPath: at('server.pem'),
    keyPath: at('server.key'),
  };
}
