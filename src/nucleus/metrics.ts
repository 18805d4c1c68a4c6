/** The nucleus's metrics: sums over the swarm, read when asked for; per-entry labels only (a thousand bloques would be too many). */
import type { Nucleus } from './nucleus.ts';

const QUANTILES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['max', 1],
] as const;

export function registerMetrics(nucleus: Nucleus): void {
  const { meter, swarm, hub } = nucleus;
  const gauge = (name: string, help: string, read: () => number, labels?: Readonly<Record<string, string>>): void =>
    meter.observedGauge(name, help, read, labels);
  gauge('corec_entidades', 'Entidades alive', () => swarm.entidades);
  gauge('corec_entidades_bound', 'Entidades bound to a clave', () => swarm.ligadas);
  gauge('corec_bloques', 'Bloques', () => swarm.bloques.length);
  gauge('corec_lecturas_total', 'Lecturas placed since the first start', () => swarm.lecturas);
  gauge('corec_cycles_total', 'Bloque cycles since the start', () => nucleus.ejecucion.cycles);
  gauge('corec_cycles_missed_total', 'Cycles that had not run when their next was due', () =>
    swarm.bloques.reduce((sum, bloque) => sum + bloque.missedTotal, 0),
  );
  gauge('corec_carga_allowed', 'Share of a cycle that bloques of lower canales may run', () => nucleus.ejecucion.carga);
  gauge('corec_background_waiting', 'Bloques of canal 5 that wait', () => nucleus.ejecucion.background.waiting);
  gauge('corec_background_runs_total', 'Runs of bloques of canal 5', () => nucleus.ejecucion.background.runs);
  gauge(
    'corec_background_refused_total',
    'Bloques of canal 5 that found the queue full',
    () => nucleus.ejecucion.background.refused,
  );
  gauge('corec_fallos_total', 'Failed runs since the start', () => nucleus.runs.fallos);
  gauge(
    'corec_broken_off_total',
    'Runs of bloques that never ended and were broken off',
    () => nucleus.runs.apart.brokenOff,
  );
  gauge('corec_apart_refused_total', 'Runs of canal 3 that no thread could do', () => nucleus.runs.apart.refused);
  gauge('corec_repairs_total', 'Entidades repaired since the start', () => nucleus.runs.repairs);
  gauge('corec_circuits_open', 'Bloques kept from running because they fail', () => nucleus.supervision.open);
  gauge('corec_circuits_opened_total', 'Circuits opened since the start', () => nucleus.supervision.opened);
  gauge('corec_alertas_opened_total', 'Episodios opened since the start', () => hub.opened);
  gauge('corec_alertas_closed_total', 'Episodios closed since the start', () => hub.closed);
  gauge('corec_epoca', 'Newest committed epoch', () => nucleus.epochs?.committed ?? 0);
  gauge('corec_epoca_ms', 'Duration of the last epoch, cut to commit', () => nucleus.epochs?.lastMs ?? 0);
  gauge('corec_epoca_age_seconds', 'Time since the last commit', () =>
    nucleus.epochs === null ? 0 : (nucleus.clock.nowMs() - nucleus.epochs.committedAtMs) / 1000,
  );
  gauge('corec_store_up', 'Whether PostgreSQL answered last', () => (nucleus.watch.problem === '' ? 1 : 0));
  gauge('corec_journal_up', 'Whether the journal could be written last', () =>
    nucleus.journalWatch.problem === '' ? 1 : 0,
  );
  gauge('corec_store_away_seconds', 'Time for which PostgreSQL has not answered', () => nucleus.watch.awayMs / 1000);
  gauge(
    'corec_epoca_failures_total',
    'Commits of epochs that failed and were tried again',
    () => nucleus.epochs?.failures ?? 0,
  );
  gauge('corec_pending_bytes', 'Bytes that wait for the next epoch', () => nucleus.pendingBytes());
  gauge('corec_journal_bytes', 'Size of the journal', () => nucleus.deps.journal.stats().bytes);
  gauge(
    'corec_journal_fsync_ms',
    'Duration of the last fsync of the journal',
    () => nucleus.deps.journal.stats().fsyncMs,
  );
  gauge('corec_lotes_taken_total', 'Lotes acknowledged since the start', () => nucleus.lotes.taken);
  gauge('corec_lotes_repeated_total', 'Lotes sent again and acknowledged from memory', () => nucleus.lotes.repeated);
  gauge('corec_lotes_refused_total', 'Lotes refused for want of room', () => nucleus.lotes.refusedFull);
  gauge(
    'corec_lotes_deferred_total',
    'Lotes kept in the journal alone when acknowledged',
    () => nucleus.lotes.deferred,
  );
  gauge('corec_lotes_waiting', 'Lotes that wait in the journal to be delivered', () => nucleus.lotes.waiting);
  gauge(
    'corec_comandos_total',
    'Changing commands stored and applied since the start',
    () => nucleus.comandos.committed,
  );
  gauge('corec_comandos_commits_total', 'Transactions that it took', () => nucleus.comandos.batches);
  gauge('corec_alertas_retold_total', 'Alerts told again that a sink had not got through', () => nucleus.catchUp.told);
  gauge('corec_rss_bytes', 'Resident memory of the process', () => nucleus.deps.rssBytes());
  for (const reason of [
    'malformed',
    'too_long',
    'no_clave',
    'bad_clave',
    'no_valor',
    'bad_valor',
    'bad_ts',
    'capacity',
    'inbox_full',
  ] as const) {
    gauge('corec_lecturas_refused_total', 'Rows refused by reason', () => nucleus.refusedCounts.get(reason) ?? 0, {
      reason,
    });
  }
  registerStreamMetrics(nucleus);
  for (const tipo of ['redirigir', 'devolver', 'fusionar', 'dividir'] as const) {
    gauge(
      'corec_entidades_redirected_total',
      'Entidades moved between bloques since the start, by kind of move',
      () => nucleus.movimientos.moved.get(tipo) ?? 0,
      { tipo },
    );
  }
  for (const [quantile, q] of QUANTILES) {
    gauge('corec_sweep_ms', 'Time of a sweep', () => nucleus.ejecucion.sweepMs.at(q), { quantile });
    gauge('corec_cycle_ms', 'Time of one bloque run', () => nucleus.ejecucion.cycleMs.at(q), { quantile });
    gauge('corec_alert_latency_ms', 'Arrival of a lectura to its alert', () => hub.latencyMs.at(q), { quantile });
  }
  for (const sink of nucleus.deps.sinks) {
    gauge('corec_notices_sent_total', 'Alert notices sent', () => sink.stats().sent, { sink: sink.nombre });
    gauge('corec_notices_failed_total', 'Alert notices given up', () => sink.stats().failed, { sink: sink.nombre });
    gauge('corec_notices_dropped_total', 'Alert notices dropped at the bound', () => sink.stats().dropped, {
      sink: sink.nombre,
    });
  }
  for (const entrada of swarm.entradas.values()) {
    const labels = { bloque: entrada.id };
    const sum = (of: (bloque: (typeof entrada.bloques)[number]) => number) => (): number =>
      entrada.bloques.reduce((total, bloque) => total + of(bloque), 0);
    gauge(
      'corec_bloque_fitness',
      'Mean fitness of the bloques of an entry',
      () => sum((b) => b.fitness)() / Math.max(1, entrada.bloques.length),
      labels,
    );
    gauge(
      'corec_bloque_carga',
      'Mean carga of the bloques of an entry',
      () => sum((b) => b.carga)() / Math.max(1, entrada.bloques.length),
      labels,
    );
    gauge('corec_bloque_backlog', 'Claves of an entry that found no entidad', () => entrada.backlog.size, labels);
    gauge(
      'corec_bloque_inbox',
      'Lecturas that wait in an entry',
      sum((b) => b.inbox.size),
      labels,
    );
    gauge(
      'corec_bloque_quarantine',
      'Entidades in quarantine in an entry',
      sum((b) => b.quarantined),
      labels,
    );
    gauge(
      'corec_bloque_alertas_open',
      'Open episodios of an entry',
      sum((b) => b.episodios.openCount),
      labels,
    );
  }
}

function registerStreamMetrics({ meter, streams }: Nucleus): void {
  const outcomes = ['answered', 'refused', 'repeated', 'foreign', 'expired', 'trimmed', 'claimed', 'shared'] as const;
  for (const outcome of outcomes) {
    meter.observedGauge(
      'corec_streams_commands_total',
      'Commands of corec_commands by what became of them',
      () => streams.stats?.[outcome] ?? 0,
      { outcome },
    );
  }
  for (const reason of ['malformed', 'too_long', 'deliveries'] as const) {
    meter.observedGauge(
      'corec_streams_dead_total',
      'Entries put into corec_dead, by reason',
      () => streams.stats?.dead[reason] ?? 0,
      { reason },
    );
  }
  const gauge = (name: string, help: string, read: () => number): void => meter.observedGauge(name, help, read);
  gauge('corec_streams_under_way', 'Commands read and not yet acknowledged', () => streams.stats?.underWay ?? 0);
  gauge('corec_streams_away', '1 while streams cannot be read or written', () => (streams.health.isAway ? 1 : 0));
  gauge('corec_frames_published_total', 'Frames put into the streams of canales', () => streams.publisher.frames);
  gauge('corec_frames_dropped_total', 'Frames dropped at the bound', () => streams.publisher.dropped);
  gauge('corec_frames_waiting_bytes', 'Bytes of frames that wait', () => streams.publisher.bytes);
}
