/**
 * The container's health check: exit code 0 while the CoreC of this container answers /healthz, else 1 and the reason in a line.
 *
 * Goes over the unix socket in the data folder, found as the command line finds it: no port, no token, whatever the configuration says.
 */
import { request } from 'node:http';
import { dirname } from 'node:path';
import { locate } from '#cli/locate.ts';
import { findSocket } from '#http/socket-path.ts';

/** Below the time that the Dockerfile gives, so that the reason is told. */
const ANSWER_MS_MAX = 4000;

function end(problem: string | null): void {
  if (problem !== null) process.stderr.write(`${problem}\n`);
  process.exit(problem === null ? 0 : 1);
}

const { env } = process;
const root = dirname(import.meta.dirname);
const place = await locate({ config: undefined, dataDir: undefined, env, cwd: process.cwd(), root });
const socketPath = findSocket(place.socketPath);
request({ socketPath, path: '/healthz', headers: { host: 'localhost' }, timeout: ANSWER_MS_MAX }, (response) => {
  end(response.statusCode === 200 ? null : `/healthz: ${response.statusCode}`);
})
  .on('timeout', () => end(`${socketPath}: no answer in ${ANSWER_MS_MAX} ms`))
  .on('error', (error) => end(`${socketPath}: ${error.message}`))
  .end();
