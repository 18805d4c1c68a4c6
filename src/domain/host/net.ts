/**
 * /proc/net/dev and /proc/net/snmp: what each interface carried and dropped, and how TCP and UDP fare.
 *
 * Source: kernel, Documentation/networking/statistics.rst and snmp_counter.rst.
 */
import { asciiBytes, NamedThings, WordTable } from './bytes.ts';
import type { ByteCursor } from './bytes.ts';
import { cleanPart } from './claves.ts';
import type { ClaveHost, Claves, ScanOutput } from './claves.ts';
import { Counters } from './counters.ts';
import type { HostParser } from './parser.ts';

const COLON = 58;

/** What is taken of each direction, in the order of its columns: bytes, packets, errs, drop. */
const MEASURES = ['bytes_s', 'paquetes_s', 'errores_s', 'perdidos_s'] as const;
const DIRECTION_COLUMNS = 8;

interface Interface {
  readonly counted: Counters;
  readonly claves: readonly (ClaveHost | null)[];
}

export class NetParser implements HostParser {
  readonly wanted: boolean = true;
  readonly #interfaces: NamedThings<Interface | null>;
  #lastMs = Number.NaN;

  constructor(claves: Claves) {
    this.#interfaces = new NamedThings((name) => {
      const own = ['rx', 'tx'].flatMap((way) =>
        MEASURES.map((measure) => claves.make(`red/${cleanPart(name)}/${way}_${measure}`)),
      );
      return own.every((clave) => clave === null) ? null : { counted: new Counters(own.length), claves: own };
    });
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    this.#interfaces.begin();
    for (; !text.done; text.nextLine()) {
      text.skipSpaces();
      const from = text.at;
      const to = text.skipWord(COLON);
      // The two lines of titles have no colon right after their first word.
      if (text.peek() !== COLON) continue;
      text.skipByte();
      const known = this.#interfaces.find(text, from, to);
      if (known === null) continue;
      for (let k = 0; k < known.claves.length; k++) {
        if (k === MEASURES.length) text.skipFields(DIRECTION_COLUMNS - MEASURES.length);
        out.add(known.claves[k]!, known.counted.step(k, text.number()) / seconds);
      }
    }
    this.#interfaces.end();
  }
}

interface Protocol {
  readonly prefix: Uint8Array;
  readonly columns: WordTable;
  readonly claves: readonly (ClaveHost | null)[];
  /** Index of the one column that is a gauge, -1 for none. */
  readonly gauge: number;
  readonly counted: Counters;
  /** Of each column of the text, which of ours it is; -1 for none. From the line of titles. */
  readonly order: Int16Array;
}

/** Title of the column in the text -> our measure. */
const TCP_COLUMNS = {
  CurrEstab: 'conexiones',
  ActiveOpens: 'abiertas_s',
  PassiveOpens: 'aceptadas_s',
  AttemptFails: 'fallidas_s',
  EstabResets: 'cortadas_s',
  InSegs: 'rx_segmentos_s',
  OutSegs: 'tx_segmentos_s',
  RetransSegs: 'retrans_s',
  InErrs: 'errores_s',
};
const UDP_COLUMNS = { InDatagrams: 'rx_s', OutDatagrams: 'tx_s', InErrors: 'errores_s' };
const TITLES_MAX = 64;

export class SnmpParser implements HostParser {
  readonly wanted: boolean;
  readonly #protocols: readonly Protocol[];
  #lastMs = Number.NaN;

  constructor(claves: Claves) {
    const make = (prefix: string, area: string, columns: Record<string, string>, gauge: string): Protocol => {
      const titles = Object.keys(columns);
      return {
        prefix: asciiBytes(prefix),
        columns: new WordTable(titles),
        claves: titles.map((title) => claves.make(`${area}/${columns[title]!}`)),
        gauge: titles.indexOf(gauge),
        counted: new Counters(titles.length),
        order: new Int16Array(TITLES_MAX),
      };
    };
    this.#protocols = [make('Tcp:', 'tcp', TCP_COLUMNS, 'CurrEstab'), make('Udp:', 'udp', UDP_COLUMNS, '')];
    this.wanted = this.#protocols.some((protocol) => protocol.claves.some((clave) => clave !== null));
  }

  scan(text: ByteCursor, nowMs: number, out: ScanOutput): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    for (; !text.done; text.nextLine()) {
      for (const protocol of this.#protocols) {
        if (!text.startsWith(protocol.prefix)) continue;
        this.#scanProtocol(protocol, text, seconds, out);
        break;
      }
    }
  }

  /** A line of titles, and the line of values below it. */
  #scanProtocol(protocol: Protocol, text: ByteCursor, seconds: number, out: ScanOutput): void {
    const { order } = protocol;
    order.fill(-1);
    text.at += protocol.prefix.length;
    for (let column = 0; column < TITLES_MAX; column++) {
      text.skipSpaces();
      const from = text.at;
      const to = text.skipWord();
      if (to === from) break;
      order[column] = protocol.columns.find(text.bytes, from, to);
    }
    text.nextLine();
    if (!text.startsWith(protocol.prefix)) return;
    text.at += protocol.prefix.length;
    for (let column = 0; column < TITLES_MAX; column++) {
      const value = text.number();
      if (Number.isNaN(value)) break;
      const own = order[column]!;
      if (own === -1) continue;
      out.add(protocol.claves[own]!, own === protocol.gauge ? value : protocol.counted.step(own, value) / seconds);
    }
  }
}
