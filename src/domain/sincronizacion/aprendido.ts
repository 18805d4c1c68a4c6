/**
 * What was learned of all bloques and entries: how many entidades each needs and when, and its carga.
 *
 * Owns the series by id, and how an epoch keeps them. Leaves the series themselves to pronostico.ts.
 *
 * An entry has a series of its own: where claves come and go, they come back to another bloque of it, and the peaks that its bloques
 * had at different times add up to a need that it never has.
 */
import { ByteReader, ByteWriter, checksum } from '../codec/bytes.ts';
import type { BloqueNumeros } from './numeros.ts';
import { Pronostico, SERIES_BYTES } from './pronostico.ts';

const VERSION = 1;
const ID_BYTES_MAX = 1024;
const BLOQUES_MAX = 2 ** 20;

interface Series {
  readonly entidades: Pronostico;
  readonly carga: Pronostico;
}

export class Aprendido {
  #series = new Map<string, Series>();

  get size(): number {
    return this.#series.size;
  }

  /** Takes a sample of each; what is not among them is forgotten. */
  observe(bloques: readonly BloqueNumeros[], nowMs: number): void {
    const before = this.#series;
    this.#series = new Map();
    const take = (id: string, entidades: number, carga: number): void => {
      const one = before.get(id) ?? { entidades: new Pronostico(), carga: new Pronostico() };
      one.entidades.observe(entidades, nowMs);
      one.carga.observe(carga, nowMs);
      this.#series.set(id, one);
    };
    for (const { id, ligadas, backlog, carga } of bloques) take(id, ligadas + backlog, carga);
    for (const [entrada, all] of Map.groupBy(bloques, (b) => b.entrada)) {
      const sum = (of: (b: BloqueNumeros) => number): number => all.reduce((total, b) => total + of(b), 0);
      take(
        entrada,
        sum((b) => b.ligadas + b.backlog),
        sum((b) => b.carga) / all.length,
      );
    }
  }

  /** The most that is expected of a bloque, or of an entry, until `spanMs` from now; null: nothing is known of that time. */
  expect(id: string, nowMs: number, spanMs: number): { readonly entidades: number; readonly carga: number } | null {
    const one = this.#series.get(id);
    const entidades = one?.entidades.expect(nowMs, spanMs) ?? null;
    return entidades === null ? null : { entidades, carga: one!.carga.expect(nowMs, spanMs) ?? 0 };
  }

  encode(): Uint8Array {
    const writer = new ByteWriter(16 + this.#series.size * (2 * SERIES_BYTES + 32));
    writer.u8(VERSION);
    writer.u32(0);
    writer.varint(this.#series.size);
    const encoder = new TextEncoder();
    for (const [id, { entidades, carga }] of this.#series) {
      const bytes = encoder.encode(id);
      writer.varint(bytes.length);
      writer.append(bytes);
      writer.append(entidades.toBytes());
      writer.append(carga.toBytes());
    }
    writer.patchU32(1, checksum(writer.bytes, 5, writer.length));
    return writer.toBytes();
  }

  /** @throws CoreCError COREC_E_STATE_UNREADABLE for bytes that `encode` did not give. */
  static decode(bytes: Uint8Array): Aprendido {
    const reader = new ByteReader(bytes, 'sincronizacion');
    const version = reader.u8();
    if (version !== VERSION) reader.fail(`a forecast of version ${version}, known ${VERSION},`);
    if (reader.u32() !== checksum(bytes, 5, bytes.length)) reader.fail('a checksum that does not fit');
    const aprendido = new Aprendido();
    const decoder = new TextDecoder();
    for (let left = reader.varint(BLOQUES_MAX); left > 0; left--) {
      const id = decoder.decode(reader.slice(reader.varint(ID_BYTES_MAX)));
      const entidades = new Pronostico(reader.slice(SERIES_BYTES));
      aprendido.#series.set(id, { entidades, carga: new Pronostico(reader.slice(SERIES_BYTES)) });
    }
    return aprendido;
  }
}
