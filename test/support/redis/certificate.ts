/** An authority and a certificate for localhost and 127.0.0.1, made by openssl in a folder of the test. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** Path and text of the authority's certificate. */
  readonly caPath: string;
  readonly ca: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export function makeCertificate(folder: string): Certificate {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    try {
      execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      throw new Error(`openssl ${args[0]}: ${String(error)}; install it with: apt-get install openssl`, {
        cause: error,
      });
    }
  };
  const days = ['-days', '2'];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  writeFileSync(at('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('req', '-x509', ...newKey, ...days, '-subj', '/CN=CoreC test CA', '-keyout', 'ca.key', '-out', 'ca.crt');
  openssl('req', ...newKey, '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr');
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san.cnf'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, ...days, '-out', 'server.crt');
  return {
    caPath: at('ca.crt'),
    ca: readFileSync(at('ca.crt'), 'utf8'),
    certPath: at('server.crt'),
    keyPath: at('server.key'),
  };
}
