/**
 * The nucleus as doors see it: reading by Queries, changing commands here.
 *
 * Owns the changing commands: each is an effect as data, applied and committed with its answer before it resolves. Leaves checking
 * arguments and roles to the command table.
 *
 * U1 A second call with the same command id changes nothing and gives the first answer.
 * U2 An effect on state (olvidar) rides in the epoch that holds it; the others commit at once and recovery applies them again, which
 *    is harmless: they say how things are, not how they change.
 * U3 A caller waits COMANDO_MS_MAX at most. What it asked for goes on: stored late, it is applied late, and the same id gets its answer.
 */
import { makeLoc } from '#domain/claves/directory.ts';
import { CoreCError } from '#domain/errors.ts';
import type { AlertaChange, AlertaQuery, ComandoRow } from '#ports/bloque-store.ts';
import type {
  AlertaView,
  BloqueSummary,
  DoctorFinding,
  EntidadDetail,
  EntidadHistory,
  EntidadSummary,
  EntradaSummary,
  EvolucionResult,
  EvolucionView,
  IngestInput,
  IngestProgress,
  LoteInput,
  LoteResult,
  MoverInput,
  MoverResult,
  NucleusApi,
  NucleusStatus,
  SupervisionView,
  Timeline,
  TimelineQuery,
} from '#ports/nucleus-api.ts';
import type { AlertaNotice } from '#ports/sink.ts';
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import type { BloqueNumeros, Movimiento } from '#domain/sincronizacion/numeros.ts';
import type { Genoma } from '#domain/evolucion/genoma.ts';
import { makePasoByHand } from '#domain/evolucion/paso.ts';
import { planByHand } from '#domain/sincronizacion/by-hand.ts';
import { runIngest } from './ingest.ts';
import { COMANDO_OF, type Planner } from './movimientos.ts';
import { nextIndiceOf } from './mudanza.ts';
import type { Nucleus, Silencio } from './nucleus.ts';
import { Queries } from './queries.ts';
import type { Replayer } from './recovery.ts';
import { readTimeline } from './timeline.ts';
import { within } from './within.ts';

type Efecto =
  | { readonly tipo: 'pausar' | 'reanudar'; readonly bloque: string | null }
  | { readonly tipo: 'silenciar'; readonly silencio: Silencio }
  | { readonly tipo: 'restablecer'; readonly objetivo: string | null }
  | { readonly tipo: 'nada' };

/** A changing command as it is kept for the record. */
interface Asked {
  readonly nombre: string;
  readonly argumentos: unknown;
  readonly comandoId: string;
  readonly puerta: string;
}

/** What a hand wants an entry to judge by. */
type Goal = (entrada: string, antes: Genoma) => Genoma;

function resultOf(entrada: string, { procesador, valores }: Genoma, tipo: 'fijar' | 'soltar'): EvolucionResult {
  return { entrada, procesador, valores, fijado: tipo === 'fijar' };
}

const COMANDO_MS_MAX = 10_000;
const AWAY_MS_MAX = 3000;
/** Fewer characters of an id name no alert. */
const ALERTA_ID_CHARS_MIN = 4;
/** What a caller inside the process is, who names no door. */
const PUERTA_INTERNA = 'comando';

export class NucleusDoor implements NucleusApi, Replayer {
  readonly #nucleus: Nucleus;
  readonly #queries: Queries;
  readonly #forgetting = new Map<string, Promise<{ readonly entidades: number }>>();
  readonly #moving = new Map<string, Promise<MoverResult>>();
  readonly #evolving = new Map<string, Promise<EvolucionResult>>();

  constructor(nucleus: Nucleus) {
    this.#nucleus = nucleus;
    this.#queries = new Queries(nucleus);
  }

  readiness(): Promise<Pick<NucleusStatus, 'fase' | 'problems'>> {
    return this.#queries.readiness();
  }
  status(): Promise<NucleusStatus> {
    return this.#queries.status();
  }
  entradas(): readonly EntradaSummary[] {
    return this.#queries.entradas();
  }
  bloques(entrada: string | null, limit: number): readonly BloqueSummary[] {
    return this.#queries.bloques(entrada, limit);
  }
  bloque(id: string): BloqueSummary | null {
    return this.#queries.bloque(id);
  }
  top(limit: number): readonly EntidadSummary[] {
    return this.#queries.top(limit);
  }
  entidades(glob: string, bloque: string | null, limit: number): readonly EntidadSummary[] {
    return this.#queries.entidades(glob, bloque, limit);
  }
  entidad(ref: string): EntidadDetail {
    return this.#queries.entidad(ref);
  }
  history(ref: string, desdeMs: number | null, limit: number): Promise<EntidadHistory> {
    return this.#unlessAway(this.#queries.history(ref, desdeMs, limit));
  }
  alertas(query: AlertaQuery): Promise<readonly AlertaView[]> {
    return this.#unlessAway(this.#queries.alertas(query));
  }
  timeline(query: TimelineQuery): Promise<Timeline> {
    const { deps, records, epochs } = this.#nucleus;
    const read = readTimeline(query, {
      alertas: (asked) => this.#queries.alertas(asked),
      comandos: (asked) => deps.store.queryComandos(asked),
      unsaved: () => records.unsaved(epochs?.next ?? 0),
    });
    return this.#unlessAway(read);
  }
  onAlerta(listener: (notice: AlertaNotice) => void): () => void {
    return this.#nucleus.hub.onAlerta(listener);
  }
  metrics(): Promise<string> {
    return this.#nucleus.deps.metrics();
  }
  takeLote(lote: LoteInput): Promise<LoteResult> {
    return this.#nucleus.lotes.take(lote);
  }
  ingest(input: IngestInput, signal: AbortSignal): AsyncGenerator<IngestProgress, IngestProgress> {
    return runIngest(this.#nucleus, input, signal);
  }
  detener(): Promise<void> {
    return this.#nucleus.detener();
  }

  async doctor(): Promise<readonly DoctorFinding[]> {
    const n = this.#nucleus;
    const [store, streams] = await Promise.all([n.deps.store.health(), n.deps.bus.health()]);
    const own: DoctorFinding[] = [
      {
        check: 'postgresql',
        state: store.ok ? 'ok' : 'fail',
        found: store.found,
        mend: store.ok ? '' : 'Check db_config and that the server runs; CoreC reconnects by itself.',
      },
      {
        check: 'streams',
        state: streams.ok ? 'ok' : 'fail',
        found: streams.found,
        mend: streams.ok ? '' : 'Check redis_config and that Redis runs and has room; CoreC reconnects by itself.',
      },
    ];
    const problems = this.#queries.problems(store, streams);
    own.push({
      check: 'corec',
      state: problems.length === 0 ? 'ok' : 'warn',
      found: problems.join('; ') || `fase ${n.fase}`,
      mend: problems.length === 0 ? '' : 'See logs/corec.log.',
    });
    return [...own, ...(await n.deps.doctor())];
  }

  reconocer(alertaId: string, por: string, comandoId: string, puerta: string = PUERTA_INTERNA): Promise<AlertaView> {
    return this.#bounded(this.#acknowledge(alertaId, por, comandoId, puerta));
  }

  async #acknowledge(alertaId: string, por: string, comandoId: string, puerta: string): Promise<AlertaView> {
    const view = await this.#oneAlerta(alertaId);
    // an alert of the last seconds must be in the store before it can be marked there
    for (const row of this.#nucleus.hub.unsaved()) {
      if (row.id !== view.id) continue;
      await this.#nucleus.epochs!.commit();
      break;
    }
    const change: AlertaChange = { id: view.id, reconocidaMs: this.#nucleus.clock.nowMs(), reconocidaPor: por };
    const answer = { ...view, reconocidaMs: change.reconocidaMs, reconocidaPor: por };
    const asked = { nombre: 'ack', argumentos: { id: alertaId, por }, comandoId, puerta };
    return (await this.#comando(asked, { tipo: 'nada' }, answer, change)) as AlertaView;
  }

  /** The newest alert of that id, or whose id begins so. */
  async #oneAlerta(alertaId: string): Promise<AlertaView> {
    const list =
      alertaId.length < ALERTA_ID_CHARS_MIN ? [] : await this.alertas({ id: alertaId, limit: 2, orden: 'tiempo' });
    const view = list.find((alerta) => alerta.id === alertaId) ?? list[0];
    if (view !== undefined) return view;
    throw new CoreCError('COREC_E_NOT_FOUND', {
      what: 'alerta',
      found: alertaId,
      hint: 'List them with: corec alerts.',
    });
  }

  async silenciar(
    glob: string,
    bloque: string | null,
    hastaMs: number,
    por: string,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<{ readonly hastaMs: number; readonly claves: number }> {
    const claves = this.#queries.entidades(glob, bloque, 1_000_000).length;
    const silencio: Silencio = { glob, bloque, hastaMs, por };
    const asked = { nombre: 'silence', argumentos: silencio, comandoId, puerta };
    const answer = await this.#bounded(this.#comando(asked, { tipo: 'silenciar', silencio }, { hastaMs, claves }));
    return answer as { hastaMs: number; claves: number };
  }

  pausar(
    bloque: string | null,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<{ readonly bloques: number }> {
    return this.#setPaused('pausar', { nombre: 'pause', argumentos: { bloque }, comandoId, puerta }, bloque);
  }

  reanudar(
    bloque: string | null,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<{ readonly bloques: number }> {
    return this.#setPaused('reanudar', { nombre: 'resume', argumentos: { bloque }, comandoId, puerta }, bloque);
  }

  supervision(): SupervisionView {
    return this.#nucleus.supervision.view();
  }

  async restablecer(
    objetivo: string | null,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<{ readonly circuitos: number; readonly entidades: number }> {
    const { supervision } = this.#nucleus;
    const bloques = this.#selectOrPlugin(objetivo);
    const answer = {
      circuitos: bloques.filter((bloque) => supervision.isOpen(bloque)).length,
      entidades: bloques.reduce((sum, bloque) => sum + bloque.quarantined, 0),
    };
    const asked = { nombre: 'reset', argumentos: { target: objetivo }, comandoId, puerta };
    return (await this.#bounded(this.#comando(asked, { tipo: 'restablecer', objetivo }, answer))) as typeof answer;
  }

  #applyReset(objetivo: string | null): void {
    const { supervision, clock, logger } = this.#nucleus;
    const bloques = this.#selectOrPlugin(objetivo);
    supervision.reset(bloques);
    for (const bloque of bloques) if (bloque.quarantined > 0) bloque.releaseQuarantine(clock.nowMs());
    logger.info('Supervision', 'Restablecido', { objetivo: objetivo ?? '*' });
  }

  #selectOrPlugin(ref: string | null): readonly BloqueSimbiotico[] {
    const { swarm } = this.#nucleus;
    const entradas = [...swarm.entradas.values()].filter(({ config }) => ref !== null && config.plugin === ref);
    return entradas.length > 0 ? entradas.flatMap(({ bloques }) => bloques) : this.#select(ref);
  }

  olvidar(
    clave: string,
    bloque: string | null,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<{ readonly entidades: number }> {
    const underway = this.#forgetting.get(comandoId);
    if (underway !== undefined) return this.#bounded(underway);
    const asked = { nombre: 'forget', argumentos: { clave, bloque }, comandoId, puerta };
    const answer = this.#forget(clave, bloque, asked).finally(() => this.#forgetting.delete(comandoId));
    this.#forgetting.set(comandoId, answer);
    return this.#bounded(answer);
  }

  async #forget(clave: string, bloque: string | null, asked: Asked): Promise<{ readonly entidades: number }> {
    const n = this.#nucleus;
    // lecturas of the journal that are still to come were acknowledged before: they must not act on what is forgotten now
    if (n.fase === 'arrancando') throw new CoreCError('COREC_E_BUSY', { what: 'CoreC', found: 'starting', seconds: 1 });
    const known = await n.deps.store.findComando(asked.comandoId);
    if (known !== null) return known.respuesta as { entidades: number };
    // chosen while the gate is shut: an entidad that was freed meanwhile may by then be another clave's
    await n.gate.shut();
    let stored: Promise<void>;
    let entidades: number;
    try {
      await n.turn();
      entidades = this.#forgetAll(clave, bloque);
      stored = entidades === 0 ? Promise.resolve() : n.epochs!.ride(this.#row(asked, { tipo: 'nada' }, { entidades }));
    } finally {
      n.gate.open();
    }
    if (entidades === 0) {
      throw new CoreCError('COREC_E_NOT_FOUND', {
        what: 'clave',
        found: clave,
        hint: 'List claves with: corec entidades "*".',
      });
    }
    await stored;
    return { entidades };
  }

  /** Synchronous. Returns how many entidades were freed. */
  #forgetAll(clave: string, ref: string | null): number {
    const { swarm, hub, clock, runs } = this.#nucleus;
    const doomed = this.#queries.places(clave, ref, Infinity);
    const touched = new Set<BloqueSimbiotico>();
    for (const { entrada, bloque, slot } of doomed) {
      swarm.forget(entrada, makeLoc(bloque.options.indice, slot));
      runs.apart.forgot(bloque, slot);
      touched.add(bloque);
    }
    for (const bloque of touched) hub.take(bloque, bloque.takeChanges(), clock.nowMs(), NaN, true);
    return doomed.length;
  }

  async mover(input: MoverInput, comandoId: string, puerta: string = PUERTA_INTERNA): Promise<MoverResult> {
    const { movimientos, swarm } = this.#nucleus;
    const planner = (bloques: readonly BloqueNumeros[]): readonly Movimiento[] =>
      planByHand(input, bloques, (tipos) => movimientos.plan(tipos, bloques), nextIndiceOf(swarm));
    for (const ref of [input.de, input.a]) if (ref !== null) this.#select(ref);
    if (input.seco) return { movimientos: planner(movimientos.numeros()), seco: true };
    const underway = this.#moving.get(comandoId);
    if (underway !== undefined) return this.#bounded(underway);
    const { tipo, ...argumentos } = input;
    const asked = { nombre: COMANDO_OF[tipo], argumentos, comandoId, puerta };
    const answer = this.#move(planner, asked, input.entidades > 0).finally(() => this.#moving.delete(comandoId));
    this.#moving.set(comandoId, answer);
    return this.#bounded(answer);
  }

  async #move(planner: Planner, asked: Asked, isAhead: boolean): Promise<MoverResult> {
    const { movimientos, deps } = this.#nucleus;
    const known = await deps.store.findComando(asked.comandoId);
    if (known !== null) return known.respuesta as MoverResult;
    const moves = await movimientos.carryOut(planner, (done) => [
      this.#row(asked, { tipo: 'nada' }, { movimientos: done, seco: false }),
    ]);
    if (isAhead) for (const { a } of moves) movimientos.keepByHand(a);
    const answer: MoverResult = { movimientos: moves, seco: false };
    // what was moved rode in an epoch with its record; that nothing was is an answer too
    return moves.length > 0 ? answer : ((await this.#comando(asked, { tipo: 'nada' }, answer)) as MoverResult);
  }

  evolucion(ref: string | null): readonly EvolucionView[] {
    return this.#nucleus.evolucion.views(ref);
  }

  async evolucionVolver(
    entrada: string,
    a: 'anterior' | 'configurado',
    por: string,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<EvolucionResult> {
    const asked = { nombre: 'evolucion-volver', argumentos: { entrada, a, por }, comandoId, puerta };
    return this.#evolveOnce(entrada, 'fijar', por, asked, (id) => this.#nucleus.evolucion.goalOf(id, a));
  }

  async evolucionFijar(
    entrada: string,
    fijado: boolean,
    por: string,
    comandoId: string,
    puerta: string = PUERTA_INTERNA,
  ): Promise<EvolucionResult> {
    const asked = { nombre: 'evolucion-fijar', argumentos: { entrada, fijado, por }, comandoId, puerta };
    return this.#evolveOnce(entrada, fijado ? 'fijar' : 'soltar', por, asked, (_id, antes) => antes);
  }

  /** U1. */
  #evolveOnce(ref: string, tipo: 'fijar' | 'soltar', por: string, asked: Asked, goal: Goal): Promise<EvolucionResult> {
    const underway = this.#evolving.get(asked.comandoId);
    if (underway !== undefined) return this.#bounded(underway);
    const answer = this.#evolve(ref, tipo, por, asked, goal).finally(() => this.#evolving.delete(asked.comandoId));
    this.#evolving.set(asked.comandoId, answer);
    return this.#bounded(answer);
  }

  async #evolve(
    ref: string,
    tipo: 'fijar' | 'soltar',
    por: string,
    asked: Asked,
    goal: Goal,
  ): Promise<EvolucionResult> {
    const { evolucion, deps, clock } = this.#nucleus;
    const known = await deps.store.findComando(asked.comandoId);
    if (known !== null) return known.respuesta as EvolucionResult;
    const { id } = evolucion.entrada(ref);
    const paso = await evolucion.change(
      id,
      (antes) => makePasoByHand(tipo, por, clock.nowMs(), goal(id, antes), antes),
      ({ genoma }) => this.#row(asked, { tipo: 'nada' }, resultOf(id, genoma, tipo)),
    );
    evolucion.aMano(id);
    return resultOf(id, paso.genoma, tipo);
  }

  applyEfecto(_nombre: string, efecto: unknown): void {
    const effect = efecto as Efecto;
    if (effect.tipo === 'pausar' || effect.tipo === 'reanudar')
      this.#applyPaused(effect.tipo === 'pausar', effect.bloque);
    else if (effect.tipo === 'restablecer') this.#applyReset(effect.objetivo);
    else if (effect.tipo === 'silenciar') this.#nucleus.addSilencio(effect.silencio);
  }

  async #setPaused(
    tipo: 'pausar' | 'reanudar',
    asked: Asked,
    bloque: string | null,
  ): Promise<{ readonly bloques: number }> {
    const bloques = this.#select(bloque).length;
    return (await this.#bounded(this.#comando(asked, { tipo, bloque }, { bloques }))) as { bloques: number };
  }

  #applyPaused(paused: boolean, ref: string | null): void {
    const n = this.#nucleus;
    if (ref === null) {
      n.pausado = paused;
      if (!paused) n.swarm.resumeAll();
    } else n.swarm.setPausado(ref, paused);
    n.logger.info('CoreCNucleus', paused ? 'Pausado' : 'Reanudado', { bloque: ref ?? '*' });
  }

  /** An entry's bloques, one bloque, or all. */
  #select(ref: string | null): readonly BloqueSimbiotico[] {
    const { swarm } = this.#nucleus;
    if (ref === null) return swarm.bloques;
    const entrada = swarm.entradas.get(ref);
    if (entrada !== undefined) return entrada.bloques;
    const one = swarm.bloque(ref);
    if (one !== null) return [one];
    throw new CoreCError('COREC_E_NOT_FOUND', {
      what: 'bloque',
      found: ref,
      hint: `Known: ${[...swarm.entradas.keys()].join(', ')}.`,
    });
  }

  /** A question to a store that is known to be away keeps nobody for the half minute that a statement may take. */
  #unlessAway<T>(question: Promise<T>): Promise<T> {
    return this.#nucleus.watch.problem === '' ? question : this.#bounded(question, AWAY_MS_MAX);
  }

  /** U3. */
  #bounded<T>(work: Promise<T>, ms: number = COMANDO_MS_MAX): Promise<T> {
    // nobody may be left to hear of it
    work.catch(() => {});
    const { clock, say } = this.#nucleus;
    return within(clock, ms, say('log.store_slow'), work);
  }

  async #comando(asked: Asked, efecto: Efecto, respuesta: unknown, change?: AlertaChange): Promise<unknown> {
    return (await this.#nucleus.comandos.commit(this.#row(asked, efecto, respuesta), change)).respuesta;
  }

  #row(
    { nombre, argumentos, comandoId, puerta }: Asked,
    efecto: Efecto,
    respuesta: unknown,
  ): Omit<ComandoRow, 'epoca'> {
    const timestampMs = this.#nucleus.clock.nowMs();
    return { id: comandoId, nombre, puerta, argumentos, efecto, respuesta, timestampMs };
  }
}
