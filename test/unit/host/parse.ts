/** Runs parsers on texts and gathers what they add, by clave. */
import { ByteCursor } from '#domain/host/bytes.ts';
import { ScanOutput } from '#domain/host/claves.ts';
import type { HostParser } from '#domain/host/parser.ts';
import { LecturaBatch } from '#domain/lectura/batch.ts';

export function cursorOf(text: string | Uint8Array): ByteCursor {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return new ByteCursor().reset(bytes, bytes.length);
}

export function lecturasOf(batch: LecturaBatch): Map<string, number> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const found = new Map<string, number>();
  for (let k = 0; k < batch.length; k++) {
    const from = batch.claveOffset[k]!;
    const clave = decoder.decode(batch.claveBytes.subarray(from, from + batch.claveLength[k]!));
    if (found.has(clave)) throw new Error(`${clave} twice in one scan`);
    found.set(clave, batch.valor[k]!);
  }
  return found;
}

/** What `parser` adds for each text, looked at one second after the other. */
export function scanTexts(parser: HostParser, texts: readonly string[], stepMs: number = 1000): Map<string, number>[] {
  const out = new ScanOutput();
  return texts.map((text, k) => {
    out.begin(0);
    parser.scan(cursorOf(text), 5000 + k * stepMs, out);
    const batch = new LecturaBatch(4096);
    out.drain(batch);
    return lecturasOf(batch);
  });
}

/** The valores alone: a text made up at random may name a thing twice. */
export function scanTextsLeniently(parser: HostParser, texts: readonly string[], stepMs: number): number[][] {
  const out = new ScanOutput();
  return texts.map((text, k) => {
    out.begin(0);
    parser.scan(cursorOf(text), 5000 + k * stepMs, out);
    const batch = new LecturaBatch(4096);
    out.drain(batch);
    return [...batch.valor.subarray(0, batch.length)];
  });
}
