/**
 * A wire between CoreC and a server of the tests that can be cut, stopped or made slow: what a network does to connections, on one
 * machine and without rights.
 *
 * Owns the connections through it. A cut wire refuses nobody and carries nothing, as when packets are dropped; a broken one resets.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export class Proxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #latencyMs = 0;
  #isCut = false;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#join(client));
  }

  /** To 127.0.0.1:`targetPort`. */
  static async start(targetPort: number): Promise<Proxy> {
    const proxy = new Proxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nothing arrives any more, in either direction, and nobody is told. */
  cut(): void {
    this.#isCut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** What waited goes on. */
  heal(): void {
    this.#isCut = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Every connection is reset; new ones are taken. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** So long each piece is under way, in each direction. */
  delay(latencyMs: number): void {
    this.#latencyMs = latencyMs;
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    const target = connect(this.#targetPort, '127.0.0.1');
    const pair = [client, target] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [target, client]] as const) {
      // in order: each piece waits for the one before
      let last = Promise.resolve();
      from.on('data', (piece) => {
        if (this.#latencyMs === 0) {
          to.write(piece);
          return;
        }
        const due = delay(this.#latencyMs);
        last = last.then(() => due).then(() => void to.write(piece));
      });
      from.on('error', end);
      from.on('close', end);
      if (this.#isCut) from.pause();
    }
  }
}
