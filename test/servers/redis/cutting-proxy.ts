/**
 * A proxy before a server that cuts connections where a test wants it: after so many bytes of questions or of answers.
 *
 * A question that was cut may have reached the server or not, an answer that was cut was given: the two halves of not knowing.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './ports.ts';

export interface Cut {
  readonly of: 'questions' | 'answers';
  /** Bytes of that direction that still pass. */
  readonly afterBytes: number;
}

export class CuttingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #nextCut: () => Cut | null;
  cuts = 0;

  private constructor(port: number, targetPort: number, nextCut: () => Cut | null) {
    this.port = port;
    this.#nextCut = nextCut;
    this.#server = createServer((client) => this.#join(client, connect(targetPort, '127.0.0.1')));
  }

  /** `nextCut` is asked for each new connection. */
  static async start(targetPort: number, nextCut: () => Cut | null): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(await freePort(), targetPort, nextCut);
    await new Promise<void>((resolve) => proxy.#server.listen(proxy.port, '127.0.0.1', resolve));
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    const cut = this.#nextCut();
    const passed = { questions: 0, answers: 0 };
    const end = (): void => {
      client.destroy();
      // what has been passed on reaches the server before the end does
      server.destroySoon();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const pass = (of: Cut['of'], from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        const left = cut?.of === of ? cut.afterBytes - passed[of] : Infinity;
        passed[of] += chunk.length;
        if (chunk.length < left) {
          to.write(chunk);
          return;
        }
        to.write(chunk.subarray(0, left));
        this.cuts++;
        end();
      });
    };
    pass('questions', client, server);
    pass('answers', server, client);
  }
}
