/** The commands that change something: ack, silence, pause, resume, reset, forget, block-redirect, block-merge, block-split, evolucion-volver, evolucion-fijar, ingest. Each acts once per command id. */
import { isAbsolute } from 'node:path';
import type { AlertaView, IngestProgress, NucleusApi } from '#ports/nucleus-api.ts';
import { CATALOGUE } from './catalogue.ts';
import { CommandError, type Command } from './command.ts';
import { defineCommand } from './define.ts';
import { tellAlerta } from './observe.ts';
import {
  ackResult,
  bloquesCount,
  evolucionResult,
  forgetResult,
  ingestResult,
  moverResult,
  resetResult,
  silenceResult,
} from './results.ts';

/** Characters of a whole alert id. */
const ALERTA_ID_CHARS = 16;
/** Alerts looked through for an id of which only the first characters were given. */
const ALERTAS_LOOKED_AT = 5_000;

const ack = defineCommand(CATALOGUE.ack, ackResult, async ({ id, by }, { api, idioma, por, comandoId, puerta }) => {
  const whole = id.length >= ALERTA_ID_CHARS ? id : await completeId(api, id);
  return tellAlerta<AlertaView>(await api.reconocer(whole, by ?? por, comandoId, puerta), idioma);
});

async function completeId(api: NucleusApi, start: string): Promise<string> {
  const alertas = await api.alertas({ id: start, limit: ALERTAS_LOOKED_AT, orden: 'tiempo' });
  const fitting = alertas.filter((alerta) => alerta.id.startsWith(start));
  const [first, second] = fitting;
  if (first === undefined) return start;
  if (second === undefined) return first.id;
  const ids = fitting
    .slice(0, 8)
    .map((alerta) => alerta.id)
    .join(', ');
  throw new CommandError('COREC_E_ARGUMENT', {
    en: { command: 'ack', found: `${fitting.length} alerts begin with "${start}"`, allowed: `one of ${ids}` },
    es: { command: 'ack', found: `${fitting.length} alertas empiezan por "${start}"`, allowed: `una de ${ids}` },
  });
}

const silence = defineCommand(CATALOGUE.silence, silenceResult, (input, { api, por, comandoId, puerta, nowMs }) =>
  api.silenciar(input.glob, input.bloque, nowMs() + input.for, input.by ?? por, comandoId, puerta),
);

const pause = defineCommand(CATALOGUE.pause, bloquesCount, ({ bloque }, { api, comandoId, puerta }) =>
  api.pausar(bloque, comandoId, puerta),
);

const resume = defineCommand(CATALOGUE.resume, bloquesCount, ({ bloque }, { api, comandoId, puerta }) =>
  api.reanudar(bloque, comandoId, puerta),
);

const forget = defineCommand(CATALOGUE.forget, forgetResult, ({ clave, bloque }, { api, comandoId, puerta }) =>
  api.olvidar(clave, bloque, comandoId, puerta),
);

const redirectBloques = defineCommand(CATALOGUE['block-redirect'], moverResult, (input, { api, comandoId, puerta }) =>
  api.mover(
    { tipo: 'redirigir', de: input.from, a: input.to, entidades: input.entidades, seco: input['dry-run'] },
    comandoId,
    puerta,
  ),
);

const mergeBloques = defineCommand(CATALOGUE['block-merge'], moverResult, (input, { api, comandoId, puerta }) =>
  api.mover(
    { tipo: 'fusionar', de: input.bloque, a: input.into, entidades: 0, seco: input['dry-run'] },
    comandoId,
    puerta,
  ),
);

const splitBloques = defineCommand(CATALOGUE['block-split'], moverResult, (input, { api, comandoId, puerta }) =>
  api.mover({ tipo: 'dividir', de: input.bloque, a: null, entidades: 0, seco: input['dry-run'] }, comandoId, puerta),
);

const evolucionVolver = defineCommand(
  CATALOGUE['evolucion-volver'],
  evolucionResult,
  ({ entrada, to, by }, { api, por, comandoId, puerta }) =>
    api.evolucionVolver(entrada, to, by ?? por, comandoId, puerta),
);

const evolucionFijar = defineCommand(
  CATALOGUE['evolucion-fijar'],
  evolucionResult,
  ({ entrada, release, by }, { api, por, comandoId, puerta }) =>
    api.evolucionFijar(entrada, !release, by ?? por, comandoId, puerta),
);

const ingest = defineCommand(CATALOGUE.ingest, ingestResult, async (input, { api, signal, onProgress, stdin }) => {
  if (input.file === '-' && !stdin) {
    throw new CommandError('COREC_E_ARGUMENT', {
      en: {
        command: 'ingest',
        found: 'file is "-", whose standard input is not here',
        allowed: 'a path, or POST /api/lecturas',
      },
      es: {
        command: 'ingest',
        found: 'file es "-", cuya entrada estándar no está aquí',
        allowed: 'una ruta, o POST /api/lecturas',
      },
    });
  }
  if (input.file !== '-' && !isAbsolute(input.file)) {
    throw new CommandError('COREC_E_ARGUMENT', {
      en: { command: 'ingest', found: `file is "${input.file}"`, allowed: 'an absolute path' },
      es: { command: 'ingest', found: `file es "${input.file}"`, allowed: 'una ruta absoluta' },
    });
  }
  const run = api.ingest(
    {
      ruta: input.file,
      bloque: input.bloque,
      procesador: input.procesador,
      mapeo: input.map,
      seguir: input.follow,
      resume: input.resume,
    },
    signal,
  );
  for (;;) {
    const step: IteratorResult<IngestProgress, IngestProgress> = await run.next();
    if (step.done === true) return step.value;
    onProgress?.(step.value);
  }
});

const reset = defineCommand(CATALOGUE.reset, resetResult, ({ target }, { api, comandoId, puerta }) =>
  api.restablecer(target, comandoId, puerta),
);

export const CHANGE: readonly Command[] = [
  ack,
  silence,
  pause,
  resume,
  reset,
  forget,
  redirectBloques,
  mergeBloques,
  splitBloques,
  evolucionVolver,
  evolucionFijar,
  ingest,
];
