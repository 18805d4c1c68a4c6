/**
 * Bodies of rows as the push door takes them: settling the mapping before anything is kept, and reading in steps.
 *
 * Owns the mappings that clients repeat with every body. Leaves rows to domain/mapeo, delivering to the nucleus.
 */
import { LecturaBatch } from '#domain/lectura/batch.ts';
import { parseBody } from '#domain/mapeo/body.ts';
import { formatMapeo, parseMapeo, type Mapeo } from '#domain/mapeo/mapeo.ts';
import type { ParseBody } from '#nucleus/deps.ts';

/** Forms of mapping that clients repeat with every body; each has one. */
const MAPEOS_KEPT = 256;
const mapeos = new Map<string, Mapeo>();

function knownMapeo(form: string, where: string): Mapeo | null {
  if (form === '') return null;
  let mapeo = mapeos.get(form);
  if (mapeo === undefined) {
    mapeo = parseMapeo(form, where);
    if (mapeos.size >= MAPEOS_KEPT) mapeos.clear();
    mapeos.set(form, mapeo);
  }
  return mapeo;
}

/**
 * Settles the mapping on the first row, so that one that cannot fit is refused before anything is kept, and a replay of the journal
 * has nothing left to guess.
 */
export function resolveBody(lote: { readonly body: Uint8Array; readonly mapeo: string }): string {
  const reader = parseBody(lote.body, { mapeo: knownMapeo(lote.mapeo, 'mapeo'), onRefused: () => {} });
  reader.read(new LecturaBatch(1));
  return reader.resolution === null ? lote.mapeo : formatMapeo(reader.resolution.mapeo);
}

/** Reads a body in batches of so many lecturas: what one delivery holds at most. */
export function makeParseBody(batchLecturas: number): ParseBody {
  return async (body, mapeo, where, refuse, deliver) => {
    const batch = new LecturaBatch(batchLecturas);
    const reader = parseBody(body, {
      mapeo: knownMapeo(mapeo, where),
      onRefused: (reason, row, at) => refuse(reason, row, at),
    });
    for (;;) {
      const more = reader.read(batch);
      if (batch.length > 0) await deliver(batch);
      if (!more) return;
      batch.clear();
    }
  };
}
