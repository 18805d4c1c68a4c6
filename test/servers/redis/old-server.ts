/**
 * What a Redis older than 7 says to whoever greets it: no such server can be had from a package, and its greeting is all that is asked of it.
 *
 * It answers AUTH, CLIENT and SELECT, says its version to HELLO (since 6) and INFO, and knows no other command.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface OldRedis {
  readonly port: number;
  /** Names of the commands that came, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function startOldRedis(version: string): Promise<OldRedis> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      for (let command = takeCommand(text); command !== null; command = takeCommand(text)) {
        text = text.slice(command.length);
        const [name = ''] = command.words;
        asked.push(name.toUpperCase());
        socket.write(answerTo(name.toUpperCase(), version));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first whole command of `*2\r\n$4\r\nINFO\r\n...`, and how many characters it takes; null: it is not all there. */
function takeCommand(text: string): { readonly words: readonly string[]; readonly length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return null;
  let at = head[0].length;
  const words: string[] = [];
  for (let k = 0; k < Number(head[1]); k++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return null;
    const from = at + size[0].length;
    at = from + Number(size[1]) + 2;
    if (at > text.length) return null;
    words.push(text.slice(from, at - 2));
  }
  return { words, length: at };
}

function answerTo(name: string, version: string): string {
  const bulk = (value: string): string => `$${value.length}\r\n${value}\r\n`;
  switch (name) {
    case 'AUTH':
    case 'CLIENT':
    case 'SELECT':
      return '+OK\r\n';
    case 'INFO':
      return bulk(`# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`);
    case 'HELLO':
      if (Number.parseInt(version, 10) >= 6) {
        const pairs = { server: 'redis', version, proto: 2, id: 3, mode: 'standalone', role: 'master' };
        const said = Object.entries(pairs).map(
          ([key, value]) => bulk(key) + (typeof value === 'number' ? `:${value}\r\n` : bulk(value)),
        );
        return `*14\r\n${said.join('')}${bulk('modules')}*0\r\n`;
      }
      return '-ERR unknown command `hello`, with args beginning with: \r\n';
    default:
      return `-ERR unknown command \`${name.toLowerCase()}\`, with args beginning with: \r\n`;
  }
}
