/**
 * ModuloAuditoria: looks at every bloque now and then, and tells which are unlike themselves, and by what (specification, section 2.4).
 *
 * Owns when it looks, what it is told by, the alerts, and what is kept over a restart. Leaves what is odd to domain/auditoria.
 *
 * Z1 Looks are of this process and by its clock, as the alerts of CoreC itself are: they judge how bloques do, not what lecturas say.
 * Z2 Of an entry at most TOLD_MAX bloques are told one by one; when more are odd at once, one alert of the entry says how many.
 * Z3 An entry gives way to the loop after each: a look at a thousand bloques takes about ten milliseconds.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { EntradaAudit, reasonOf, type Finding, type Look } from '#domain/auditoria/entrada-audit.ts';
import { FEATURES, featuresOf, type BloqueFigures } from '#domain/auditoria/features.ts';
import { Quality, type QualityKind, type QualityShares } from '#domain/auditoria/quality.ts';
import { messageOf } from '#domain/errors.ts';
import type { NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

const REGLA = 'auditoria';
const TOLD_MAX = 16;
/** What is learned is worth an hour: so often an epoch takes it along, and at a stop. */
const KEEP_MS = 3_600_000;
/** After a start, sources catch up: what bloques do then is not usual. */
const SETTLING_LOOKS = 2;

interface Watched {
  readonly audit: EntradaAudit;
  /** Bloques whose alert is open. */
  readonly told: Set<string>;
  isManyTold: boolean;
  keptMs: number;
}

interface Seen {
  readonly figures: BloqueFigures;
  readonly quality: Quality | null;
  readonly monotonicMs: number;
}

export class ModuloAuditoria extends ModuloBase {
  readonly nombre = 'ModuloAuditoria';
  looks = 0;
  /** Time of the last look over all bloques, ms. */
  lookMs = 0;
  opened = 0;

  readonly #entradas = new Map<string, Watched>();
  readonly #before = new Map<BloqueSimbiotico, Seen>();
  #nucleus: NucleusContext | null = null;
  #isStopping = false;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();

  async inicializar(nucleus: NucleusContext): Promise<void> {
    this.#nucleus = nucleus;
    const gauge = (name: string, help: string, read: () => number): void =>
      nucleus.meter.observedGauge(name, help, read);
    gauge('corec_auditoria_looks_total', 'Looks of ModuloAuditoria over all bloques', () => this.looks);
    gauge('corec_auditoria_ms', 'Time of the last look', () => this.lookMs);
    gauge('corec_auditoria_opened_total', 'Bloques found unlike themselves', () => this.opened);
    gauge('corec_auditoria_odd', 'Bloques that are unlike themselves now', () =>
      this.#sum(({ openCount }) => openCount),
    );
    gauge('corec_auditoria_forests_total', 'Forests grown', () => this.#sum(({ fits }) => fits));
  }

  async ejecutar(): Promise<void> {
    if (this.#nucleus!.whole) this.#schedule();
  }

  async detener(): Promise<void> {
    this.#isStopping = true;
    this.#cancel();
    await this.#looking;
  }

  #sum(of: (audit: EntradaAudit) => number): number {
    let sum = 0;
    for (const { audit } of this.#entradas.values()) sum += of(audit);
    return sum;
  }

  #schedule(): void {
    const { clock, config, logger } = this.#nucleus!;
    this.#cancel = clock.after(config.auditoria.intervalo_s * 1000, () => {
      this.#looking = this.look()
        .catch((error: unknown) => logger.error(this.nombre, messageOf(error)))
        .finally(() => {
          if (!this.#isStopping) this.#schedule();
        });
    });
  }

  /** One look over all bloques. */
  async look(): Promise<void> {
    const nucleus = this.#nucleus!;
    const { clock } = nucleus;
    const beganMs = clock.monotonicMs();
    const byEntrada = new Map<string, BloqueSimbiotico[]>();
    for (const bloque of nucleus.bloques()) {
      const list = byEntrada.get(bloque.entrada);
      if (list === undefined) byEntrada.set(bloque.entrada, [bloque]);
      else list.push(bloque);
    }
    for (const [id, bloques] of byEntrada) {
      this.#lookAt(nucleus, id, bloques);
      await clock.yieldToIo();
      if (this.#isStopping) return;
    }
    this.looks++;
    this.lookMs = clock.monotonicMs() - beganMs;
  }

  #lookAt(nucleus: NucleusContext, id: string, bloques: readonly BloqueSimbiotico[]): void {
    const watched = this.#watched(nucleus, id);
    const { audit } = watched;
    const nowMs = nucleus.clock.monotonicMs();
    const looks: Look[] = [];
    const entry = nucleus.config.bloques.find((one) => one.id === id);
    const expectsAll = (entry?.clave_ttl_s ?? null) === null;
    for (const bloque of bloques) {
      const before = this.#before.get(bloque);
      // what a pause began or ended in is no measure
      if (nucleus.pausado || bloque.pausado) {
        this.#before.delete(bloque);
        continue;
      }
      const quality = before?.quality ?? (bloque.autonomo ? null : new Quality(bloque.entidades));
      const figures = figuresOf(bloque, quality, nucleus.clock.nowMs(), expectsAll);
      this.#before.set(bloque, { figures, quality, monotonicMs: nowMs });
      // one that never ran is capacity that waits
      if (before === undefined || this.looks < SETTLING_LOOKS || figures.runsTotal === 0) continue;
      looks.push({ id: bloque.id, row: featuresOf(before.figures, figures, nowMs - before.monotonicMs) });
    }
    const alive = new Map(bloques.map((bloque) => [bloque.id, bloque]));
    const findings = [...audit.forget((bloque) => alive.has(bloque)), ...audit.look(looks)];
    for (const finding of findings) this.#tell(nucleus, watched, finding, alive.get(finding.bloque));
    const isMany = audit.openCount > TOLD_MAX;
    const key = { bloque: id, clave: '', regla: REGLA };
    if (isMany) {
      const razon = { codigo: 'audit_many', bloques: bloques.length };
      nucleus.openAlerta(key, { razon, lectura: audit.openCount, valor: 1 });
    } else if (watched.isManyTold) nucleus.closeAlerta(key);
    watched.isManyTold = isMany;
  }

  /** Z2. */
  #tell(nucleus: NucleusContext, watched: Watched, finding: Finding, subject: BloqueSimbiotico | undefined): void {
    const { evento, bloque, measured, min, max, score } = finding;
    const key = { bloque, clave: '', regla: REGLA };
    if (evento === 'cerrada') {
      if (watched.told.delete(bloque)) nucleus.closeAlerta(key);
      return;
    }
    if (evento === 'abierta') {
      this.opened++;
      if (watched.told.size < TOLD_MAX) watched.told.add(bloque);
    }
    if (!watched.told.has(bloque)) return;
    nucleus.openAlerta(key, {
      razon: { codigo: reasonOf(finding), ...this.#example(finding, subject) },
      valor: score,
      lectura: measured,
      esperadoMin: min,
      esperadoMax: max,
      ...(subject === undefined ? {} : { canal: subject.canal }),
    });
  }

  /** Of what is wrong with some entidades of many, one to begin with. */
  #example({ feature }: Finding, bloque: BloqueSimbiotico | undefined): { ejemplo?: string } {
    const { nombre } = FEATURES[feature]!;
    if (bloque === undefined || !isQuality(nombre)) return {};
    const slot = this.#before.get(bloque)?.quality?.example(nombre) ?? -1;
    return { ejemplo: slot < 0 ? '' : bloque.claveOf(slot) };
  }

  #watched(nucleus: NucleusContext, id: string): Watched {
    const known = this.#entradas.get(id);
    if (known !== undefined) return known;
    const { clock } = nucleus;
    const key = `${this.nombre}/${id}`;
    const watched: Watched = {
      audit: this.#stored(nucleus, key, id),
      told: new Set(),
      isManyTold: false,
      keptMs: clock.monotonicMs(),
    };
    this.#entradas.set(id, watched);
    nucleus.keepEstado(key, (isLast) => {
      const nowMs = clock.monotonicMs();
      if (!isLast && nowMs - watched.keptMs < KEEP_MS) return null;
      watched.keptMs = nowMs;
      return watched.audit.encode();
    });
    return watched;
  }

  #stored(nucleus: NucleusContext, key: string, id: string): EntradaAudit {
    const bytes = nucleus.storedEstado(key);
    if (bytes === null) return new EntradaAudit(id);
    try {
      return EntradaAudit.decode(id, bytes);
    } catch (error) {
      // what is usual can be learned again: no reason not to start
      nucleus.logger.warn(this.nombre, messageOf(error), { bloque: id });
      return new EntradaAudit(id);
    }
  }
}

const NO_SHARES: QualityShares = { silent: 0, stuck: 0, impossible: 0 };

function isQuality(nombre: string): nombre is QualityKind {
  return nombre in NO_SHARES;
}

function figuresOf(
  bloque: BloqueSimbiotico,
  quality: Quality | null,
  nowMs: number,
  expectsAll: boolean,
): BloqueFigures {
  const { core } = bloque.memory;
  const { fitness, spread, mean, carga, runsTotal, fallosTotal, turnsTotal, turnsMs, lateTotal, episodios } = bloque;
  const ligadas = bloque.autonomo ? bloque.entidades : bloque.bound;
  return {
    fitness,
    spread,
    mean,
    carga,
    runsTotal,
    fallosTotal,
    turnsTotal,
    turnsMs,
    alerting: episodios.openCount,
    ligadas,
    lateTotal,
    quality: quality?.look(core, bloque.used, bloque.watermarkMs, nowMs, expectsAll) ?? NO_SHARES,
  };
}
