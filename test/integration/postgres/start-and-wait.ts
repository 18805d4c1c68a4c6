/** A process that starts the embedded server in the folder given, says what it got, and waits to be killed. */
import { makeEmbeddedPostgres } from '#adapters/embedded-postgres/embedded-postgres.ts';
import { makeLogger } from './support.ts';

const server = makeEmbeddedPostgres({ dataDir: process.argv[2]!, logger: makeLogger() });
const report = await server.start();
console.log(JSON.stringify({ ...report, pid: server.pid(), uid: process.getuid!() }));
setInterval(() => undefined, 1000);
