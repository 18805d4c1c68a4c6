/** Reading a Source in tests, and what it needs around it. */
import { LecturaBatch } from '#domain/lectura/batch.ts';
import type { Logger } from '#ports/logger.ts';
import type { RefusedRows, Source, SourceState } from '#ports/source.ts';
import { lecturasOfBatch, type Parsed } from '../../unit/mapeo/parse.ts';

export class Notes implements Logger, RefusedRows {
  readonly said: string[] = [];
  readonly refused: { source: string; reason: string; row: string; where: string }[] = [];
  debug(): void {}
  info(_tag: string, text: string): void {
    this.said.push(text);
  }
  warn(_tag: string, text: string): void {
    this.said.push(text);
  }
  error(_tag: string, text: string): void {
    this.said.push(text);
  }
  refuse(source: string, reason: string, row: string, where: string): void {
    this.refused.push({ source, reason, row, where });
  }
  /** What deps ask for. */
  get deps(): { readonly logger: Logger; readonly refused: RefusedRows } {
    return { logger: this, refused: this };
  }
}

/** Reads until the source has nothing more, for now or for good. */
export async function readAll(source: Source, capacity = 1000): Promise<{ lecturas: Parsed[]; state: SourceState }> {
  const lecturas: Parsed[] = [];
  const batch = new LecturaBatch(capacity);
  for (;;) {
    batch.clear();
    const state = await source.read(batch);
    lecturas.push(...lecturasOfBatch(batch));
    if (state.kind !== 'more') return { lecturas, state };
  }
}

/** Reads a followed source until `count` lecturas have come; fails after ten seconds. */
export async function readCount(source: Source, count: number, capacity = 1000): Promise<Parsed[]> {
  const lecturas: Parsed[] = [];
  const batch = new LecturaBatch(capacity);
  const deadlineMs = performance.now() + 10_000;
  while (lecturas.length < count) {
    batch.clear();
    const state = await source.read(batch);
    lecturas.push(...lecturasOfBatch(batch));
    if (performance.now() > deadlineMs) throw new Error(`only ${lecturas.length} of ${count} lecturas came`);
    if (state.kind === 'end') throw new Error(`the source ended after ${lecturas.length} of ${count} lecturas`);
    if (state.kind === 'idle') await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return lecturas;
}
