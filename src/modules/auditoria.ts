/**
 * ModuloAuditoria: looks at every bloque now and then, and tells which are unlike themselves, and by what; of intelligent bloques
 * (`modelo`) also which entidades are (specification, sections 2.2 and 2.4).
 *
 * Owns when it looks, what it is told by, the alerts, and what is kept over a restart. Leaves what is odd to domain/auditoria.
 *
 * Z1 Looks are of this process and by its clock, as the alerts of CoreC itself are: they judge how bloques do, not what lecturas say.
 * Z2 Of a family (bloques of an entry, entidades of an intelligent bloque) at most TOLD_MAX are told one by one; when more are odd at once, one
 *    alert says how many.
 * Z3 An entry gives way to the loop after each: a look at a thousand bloques takes about ten milliseconds.
 * Z4 Forests over entidades are grown by the trainer, away from the loop.
 */
import type { BloqueSimbiotico } from '#domain/bloque/bloque.ts';
import { Audit, reasonOf, type Finding, type FitRequest, type Look } from '#domain/auditoria/audit.ts';
import { ENTIDADES_AUDIT, EntidadesAudit, entidadReasonOf } from '#domain/auditoria/entidades-audit.ts';
import { FEATURES, featuresOf, type BloqueFigures } from '#domain/auditoria/features.ts';
import { Quality, type QualityKind, type QualityShares } from '#domain/auditoria/quality.ts';
import { messageOf } from '#domain/errors.ts';
import type { AvisoFacts, AvisoKey, NucleusContext } from '#ports/nucleus-context.ts';
import { ModuloBase } from './modulo-base.ts';

const REGLA = 'auditoria';
const REGLA_MODELO = 'modelo';
const TOLD_MAX = 16;
/** What is learned is worth an hour: so often an epoch takes it along, and at a stop. */
const KEEP_MS = 3_600_000;
/** After a start, sources catch up: what bloques do then is not usual. */
const SETTLING_LOOKS = 2;

interface Family {
  readonly audit: Audit;
  /** Members whose alert is open. */
  readonly told: Set<string>;
  isManyTold: boolean;
  keptMs: number;
}

/** How findings of a family are put. */
interface Telling {
  readonly keyOf: (id: string) => AvisoKey;
  readonly razonOf: (finding: Finding) => AvisoFacts['razon'];
  readonly canalOf: (id: string) => number | undefined;
  readonly many: { readonly key: AvisoKey; readonly razon: AvisoFacts['razon'] };
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

  readonly #families = new Map<string, Family>();
  readonly #intelligent = new Map<BloqueSimbiotico, EntidadesAudit>();
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
    gauge('corec_auditoria_opened_total', 'Bloques and entidades found unlike themselves', () => this.opened);
    gauge('corec_auditoria_odd', 'Bloques and entidades that are unlike themselves now', () =>
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

  #sum(of: (audit: Audit) => number): number {
    let sum = 0;
    for (const { audit } of this.#families.values()) sum += of(audit);
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
    const inteligentes = new Set(nucleus.config.bloques.filter(({ modelo }) => modelo !== null).map(({ id }) => id));
    for (const [id, bloques] of byEntrada) {
      this.#lookAt(nucleus, id, bloques);
      await clock.yieldToIo();
      if (this.#isStopping) return;
      if (!inteligentes.has(id)) continue;
      for (const bloque of bloques) {
        this.#lookInto(nucleus, bloque);
        await clock.yieldToIo();
        if (this.#isStopping) return;
      }
    }
    this.looks++;
    this.lookMs = clock.monotonicMs() - beganMs;
  }

  #lookAt(nucleus: NucleusContext, id: string, bloques: readonly BloqueSimbiotico[]): void {
    const family = this.#family(nucleus, `${this.nombre}/${id}`, (bytes) =>
      bytes === null ? new Audit(id) : Audit.decode(id, bytes),
    );
    const { audit } = family;
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
      const quality = before?.quality ?? (bloque.autonomo ? null : new Quality());
      const figures = figuresOf(bloque, quality, nucleus.clock.nowMs(), expectsAll);
      this.#before.set(bloque, { figures, quality, monotonicMs: nowMs });
      // one that never ran is capacity that waits
      if (before === undefined || this.looks < SETTLING_LOOKS || figures.runsTotal === 0) continue;
      looks.push({ id: bloque.id, row: featuresOf(before.figures, figures, nowMs - before.monotonicMs) });
    }
    const alive = new Map(bloques.map((bloque) => [bloque.id, bloque]));
    const findings = [...audit.forget((bloque) => alive.has(bloque)), ...audit.look(looks)];
    this.#tellAll(nucleus, family, findings, {
      keyOf: (bloque) => ({ bloque, clave: '', regla: REGLA }),
      razonOf: (finding) => ({ codigo: reasonOf(finding), ...this.#example(finding, alive.get(finding.id)) }),
      canalOf: (bloque) => alive.get(bloque)?.canal,
      many: { key: { bloque: id, clave: '', regla: REGLA }, razon: { codigo: 'audit_many', bloques: bloques.length } },
    });
  }

  /** The entidades of an intelligent bloque. */
  #lookInto(nucleus: NucleusContext, bloque: BloqueSimbiotico): void {
    if (nucleus.pausado || bloque.pausado) return;
    const { id, canal } = bloque;
    let entidades = this.#intelligent.get(bloque);
    const family = this.#family(nucleus, `${this.nombre}/modelo/${id}`, (bytes) =>
      bytes === null ? new Audit(id, ENTIDADES_AUDIT) : Audit.decode(id, bytes, ENTIDADES_AUDIT),
    );
    if (entidades === undefined) {
      entidades = new EntidadesAudit(family.audit);
      this.#intelligent.set(bloque, entidades);
    }
    const findings = entidades.look(bloque, nucleus.clock.nowMs());
    const request = family.audit.wanted();
    if (request !== null) void this.#train(nucleus, family.audit, request);
    this.#tellAll(nucleus, family, findings, {
      keyOf: (clave) => ({ bloque: id, clave, regla: REGLA_MODELO }),
      razonOf: (finding) => ({ codigo: entidadReasonOf(finding) }),
      canalOf: () => canal,
      many: { key: { bloque: id, clave: '', regla: REGLA_MODELO }, razon: { codigo: 'model_many' } },
    });
  }

  /** Z4. The old forest judges meanwhile. */
  async #train(nucleus: NucleusContext, audit: Audit, request: FitRequest): Promise<void> {
    try {
      audit.take(await nucleus.trainer.growForest(request));
    } catch (error) {
      // it is asked for again by and by
      if (!this.#isStopping) nucleus.logger.warn(this.nombre, messageOf(error), { bloque: audit.id });
    }
  }

  /** Z2. */
  #tellAll(nucleus: NucleusContext, family: Family, findings: readonly Finding[], telling: Telling): void {
    const { told, audit } = family;
    for (const finding of findings) {
      const { evento, id, measured, min, max, score } = finding;
      const key = telling.keyOf(id);
      if (evento === 'cerrada') {
        if (told.delete(id)) nucleus.closeAlerta(key);
        continue;
      }
      if (evento === 'abierta') {
        this.opened++;
        if (told.size < TOLD_MAX) told.add(id);
      }
      if (!told.has(id)) continue;
      const canal = telling.canalOf(id);
      nucleus.openAlerta(key, {
        razon: telling.razonOf(finding),
        valor: score,
        lectura: measured,
        esperadoMin: min,
        esperadoMax: max,
        ...(canal === undefined ? {} : { canal }),
      });
    }
    const isMany = audit.openCount > TOLD_MAX;
    const { key, razon } = telling.many;
    if (isMany) nucleus.openAlerta(key, { razon, lectura: audit.openCount, valor: 1 });
    else if (family.isManyTold) nucleus.closeAlerta(key);
    family.isManyTold = isMany;
  }

  /** Of what is wrong with some entidades of many, one to begin with. */
  #example({ feature }: Finding, bloque: BloqueSimbiotico | undefined): { ejemplo?: string } {
    const { nombre } = FEATURES[feature]!;
    if (bloque === undefined || !isQuality(nombre)) return {};
    const slot = this.#before.get(bloque)?.quality?.example(nombre) ?? -1;
    return { ejemplo: slot < 0 ? '' : bloque.claveOf(slot) };
  }

  /** The family kept under `key`, from what an epoch kept of it when it is new here. */
  #family(nucleus: NucleusContext, key: string, make: (stored: Uint8Array | null) => Audit): Family {
    const known = this.#families.get(key);
    if (known !== undefined) return known;
    const { clock } = nucleus;
    const family: Family = {
      audit: this.#restored(nucleus, key, make),
      told: new Set(),
      isManyTold: false,
      keptMs: clock.monotonicMs(),
    };
    this.#families.set(key, family);
    nucleus.keepEstado(key, (isLast) => {
      const nowMs = clock.monotonicMs();
      if (!isLast && nowMs - family.keptMs < KEEP_MS) return null;
      family.keptMs = nowMs;
      return family.audit.encode();
    });
    return family;
  }

  #restored(nucleus: NucleusContext, key: string, make: (stored: Uint8Array | null) => Audit): Audit {
    try {
      return make(nucleus.storedEstado(key));
    } catch (error) {
      // what is usual can be learned again: no reason not to start
      nucleus.logger.warn(this.nombre, messageOf(error), { id: key });
      return make(null);
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
