/**
 * The audit of an intelligent bloque (`modelo: "isolation_forest"`): which of its entidades are unlike themselves, by one forest over how all
 * of them usually stray.
 *
 * Owns the vector of an entidad and what must be remembered for it from look to look. Leaves learning and judging to audit.ts.
 *
 * N1 Only entidades that were heard since the last look are looked at: what has not changed is no news, and no second odd look.
 * N2 A vector belongs to a clave: an entidad that is given to another one, or a clave that comes to another bloque, begins anew.
 */
import type { BloqueSimbiotico } from '../bloque/bloque.ts';
import { OCUPADO } from '../entidad/columns.ts';
import type { Audit, AuditOptions, Finding, Look } from './audit.ts';
import type { Feature } from './features.ts';

/** The reason of an alert is the text `reason.model_<nombre>`. */
export const ENTIDAD_FEATURES: readonly Feature[] = [
  { nombre: 'lectura', logOf: null, least: 1e-9, leastShare: 0.01 },
  /** Mean of the last looks. */
  { nombre: 'media', logOf: null, least: 1e-9, leastShare: 0.01 },
  /** Distance from the lectura of the look before. */
  { nombre: 'cambio', logOf: null, least: 1e-9, leastShare: 0.1 },
  { nombre: 'valor', logOf: null, least: 0.05, leastShare: 0.1 },
];

/**
 * What moves one entidad moves many of a fleet, and each has its own detector already: only what is far, rare and lasting is told. On a week of
 * 207 road sensors that is 0.5 (the quiet Sunday) to 2.9 episodios for 100 claves and day; half as far out and at two looks it was 10 to 30.
 */
export const ENTIDADES_AUDIT: AuditOptions = {
  features: ENTIDAD_FEATURES,
  warmUp: 300,
  rate: 1 / 1000,
  deviationMax: 16,
  visible: 14,
  oddLooks: 3,
  certain: 16,
  growsItself: false,
};

/** Share of a new lectura in the mean. */
const MEDIA_RATE = 1 / 6;

/** An entidad at the last look at which it was heard. */
interface Heard {
  tsMs: number;
  lectura: number;
  media: number;
}

export class EntidadesAudit {
  readonly audit: Audit;
  readonly #heard = new Map<string, Heard>();

  constructor(audit: Audit) {
    this.audit = audit;
  }

  /** `nowMs`: of artificial entidades, which have no time of their own. */
  look(bloque: BloqueSimbiotico, nowMs: number): Finding[] {
    const { core } = bloque.memory;
    const looks: Look[] = [];
    const alive = new Set<string>();
    for (let slot = 0; slot < bloque.used; slot++) {
      if (core.ocupado[slot] === OCUPADO.libre) continue;
      const clave = bloque.claveOf(slot);
      alive.add(clave);
      const tsMs = bloque.autonomo ? nowMs : core.tsMs[slot]!;
      const heard = this.#heard.get(clave);
      if (tsMs === 0 || tsMs === heard?.tsMs || core.activo[slot] === 0) continue;
      const lectura = core.lectura[slot]!;
      if (heard === undefined) {
        // a clave begins here: it has no change yet
        this.#heard.set(clave, { tsMs, lectura, media: lectura });
        continue;
      }
      const cambio = Math.abs(lectura - heard.lectura);
      heard.tsMs = tsMs;
      heard.lectura = lectura;
      heard.media += MEDIA_RATE * (lectura - heard.media);
      looks.push({ id: clave, row: [lectura, heard.media, cambio, core.valor[slot]!] });
    }
    for (const clave of this.#heard.keys()) if (!alive.has(clave)) this.#heard.delete(clave);
    return [...this.audit.forget((clave) => alive.has(clave)), ...this.audit.look(looks)];
  }
}

/** The code of a finding's reason, of entidades. */
export function entidadReasonOf({ feature }: Finding): string {
  return `model_${ENTIDAD_FEATURES[feature]!.nombre}`;
}
