/**
 * Ingest: one source taken in from where it stopped last time to its end, with progress, and durable when it says done.
 */
import type { IngestInput, IngestProgress } from '#ports/nucleus-api.ts';
import { CoreCError, messageOf } from '#domain/errors.ts';
import type { Nucleus } from './nucleus.ts';

const REPORT_MS = 200;

/** Yields progress about five times a second; returns the last. Aborting stops reading and keeps what was read. */
export async function* runIngest(
  nucleus: Nucleus,
  input: IngestInput,
  signal: AbortSignal,
): AsyncGenerator<IngestProgress, IngestProgress> {
  if (input.procesador !== null) await nucleus.prepareProcesador(input.procesador);
  const source = nucleus.deps.makeIngestSource(input);
  const earlier = nucleus.pumps.find((pump) => pump.source.id === source.id);
  // one of an ingest is in the list until its position is kept
  if (earlier !== undefined && (!earlier.isOver || !earlier.retries))
    throw new CoreCError('COREC_E_BUSY', { what: source.id, found: 'it is being read already', seconds: 10 });
  const entrada = nucleus.entradaFor(input.bloque, input.procesador);
  if (entrada.artificial) {
    throw new CoreCError('COREC_E_ARGUMENT', {
      command: 'ingest',
      found: `bloque ${input.bloque}, whose entidades are artificial`,
      allowed: 'a bloque that takes lecturas, or a new name',
    });
  }
  if (earlier !== undefined) nucleus.keepFuente(earlier);
  const pump = nucleus.makePump(source, entrada, !input.resume, false);
  const resumedFrom = pump.position;
  const startedMs = nucleus.clock.monotonicMs();
  const before = { lecturas: pump.lecturas, opened: nucleus.hub.opened, refused: new Map(nucleus.refusedCounts) };
  const report = (state: IngestProgress['state'], found = ''): IngestProgress => {
    const progress = source.progress();
    const refused: Record<string, number> = {};
    for (const [reason, count] of nucleus.refusedCounts) {
      const more = count - (before.refused.get(reason) ?? 0);
      if (more > 0) refused[reason] = more;
    }
    return {
      id: source.id,
      state,
      found,
      bytesDone: progress.bytesDone,
      bytesTotal: progress.bytesTotal,
      rows: progress.rows,
      lecturas: pump.lecturas - before.lecturas,
      refused,
      claves: entrada.claves.size,
      alertas: nucleus.hub.opened - before.opened,
      elapsedMs: nucleus.clock.monotonicMs() - startedMs,
      refusedFile: Object.keys(refused).length === 0 ? null : nucleus.deps.refused.path,
      resumedFrom,
    };
  };
  nucleus.pumps.push(pump);
  pump.start();
  try {
    const ended = pump.ended().then(() => true);
    while (!signal.aborted && !(await raceTimer(nucleus, ended))) yield report('reading');
    await pump.stop();
    await nucleus.turn();
    const { failure } = pump;
    if (failure !== null) throw failure instanceof Error ? failure : new Error(messageOf(failure));
    yield report('saving');
    await nucleus.epochs!.commit();
    const last = report(
      signal.aborted ? 'failed' : 'done',
      signal.aborted ? 'stopped; what was read is kept, run again to go on' : '',
    );
    yield last;
    return last;
  } catch (error) {
    if (error instanceof CoreCError) throw error;
    throw new CoreCError('COREC_E_INTERNAL', { found: messageOf(error) }, error);
  } finally {
    await pump.stop();
    nucleus.keepFuente(pump);
    nucleus.pumps.splice(nucleus.pumps.indexOf(pump), 1);
  }
}

/** True when `ended` came first, false after REPORT_MS. */
async function raceTimer(nucleus: Nucleus, ended: Promise<boolean>): Promise<boolean> {
  let cancel = (): void => {};
  const timer = new Promise<boolean>((resolve) => {
    cancel = nucleus.clock.after(REPORT_MS, () => resolve(false));
  });
  const first = await Promise.race([ended, timer]);
  cancel();
  return first;
}
