/** Commands that are asked once and shown: most of the table. */
import { reasonText } from '#domain/texts/alerta-text.ts';
import { text } from '#domain/texts/text.ts';
import type { AlertaView, NucleusStatus, SupervisionView } from '#ports/nucleus-api.ts';
import type { CommandName } from '#nucleus/commands/catalogue.ts';
import type {
  AlertsResult,
  BloqueResult,
  BloquesCount,
  BloquesResult,
  DoctorResult,
  EntidadesResult,
  EntidadResult,
  ForgetResult,
  HistoryResult,
  ResetResult,
  SilenceResult,
  TopResult,
} from '#nucleus/commands/results.ts';
import { ask } from '../ask.ts';
import { EXIT } from '../exit.ts';
import { paintOf, widthOfTerminal, writeJson, writeLines, type Call } from '../io.ts';
import { printable } from '../render/width.ts';
import { entidadView } from '../views/entidad.ts';
import { historyView } from '../views/history.ts';
import { alertsView, bloquesView, bloqueView, doctorView, entidadesView, entidadTable } from '../views/lists.ts';
import { evolucionDone, evolucionView } from '../views/evolucion.ts';
import { movesView } from '../views/moves.ts';
import { statusView } from '../views/status.ts';
import { supervisionView } from '../views/supervision.ts';
import type { View } from '../views/view.ts';

/** What each answer looks like. The answers are those of the table, checked there. */
const VIEWS: Partial<Record<CommandName, (answer: never, view: View, call: Call) => string[]>> = {
  status: (answer: NucleusStatus, view) => statusView(answer, view),
  top: (answer: TopResult, view) => entidadTable(answer.entidades, view),
  bloques: (answer: BloquesResult, view, { args }) => bloquesView(answer, args['entrada'] !== undefined, view),
  bloque: (answer: BloqueResult, view) => bloqueView(answer, view),
  entidades: (answer: EntidadesResult, view) => entidadesView(answer, view),
  entidad: (answer: EntidadResult, view) => entidadView(answer, view),
  alerts: (answer: AlertsResult, view) => alertsView(answer, view),
  history: (answer: HistoryResult, view) => historyView(answer, view),
  doctor: (answer: DoctorResult, view) => doctorView(answer, view),
  ack: (answer: AlertaView, { idioma }) => [
    text(idioma, 'cli.did_ack', {
      clave: printable(answer.clave || answer.bloque),
      razon: printable(reasonText(idioma, answer)),
      id: answer.id.slice(0, 8),
      por: printable(answer.reconocidaPor ?? '-'),
    }),
  ],
  silence: (answer: SilenceResult, { idioma, nowMs }, { args }) => {
    const glob = printable(String(args['glob']));
    if (answer.hastaMs <= nowMs) return [text(idioma, 'cli.did_silence_end', { glob })];
    return [text(idioma, 'cli.did_silence', { glob, claves: answer.claves, hastaMs: answer.hastaMs })];
  },
  pause: (answer: BloquesCount, { idioma }) => [text(idioma, 'cli.did_pause', { bloques: answer.bloques })],
  resume: (answer: BloquesCount, { idioma }) => [text(idioma, 'cli.did_resume', { bloques: answer.bloques })],
  'block-redirect': movesView,
  'block-merge': movesView,
  'block-split': movesView,
  evolucion: evolucionView,
  'evolucion-volver': evolucionDone,
  'evolucion-fijar': evolucionDone,
  reset: (answer: ResetResult, { idioma }) => [text(idioma, 'cli.did_reset', answer)],
  supervision: (answer: SupervisionView, view) => supervisionView(answer, view),
  forget: (answer: ForgetResult, { idioma }, { args }) => [
    text(idioma, 'cli.did_forget', { clave: printable(String(args['clave'])), entidades: answer.entidades }),
  ],
};

/** Commands that keep who gave them. */
const SIGNED: ReadonlySet<CommandName> = new Set(['ack', 'silence', 'evolucion-volver', 'evolucion-fijar']);

export async function show(call: Call, name: CommandName): Promise<number> {
  // whoever gives the command is on record, whatever user CoreC runs as
  const signs = SIGNED.has(name) && call.args['by'] === undefined;
  const answer = await ask(call, name, signs ? { ...call.args, by: call.io.user } : call.args);
  if (call.json) writeJson(call.io.stdout, answer);
  else writeLines(call.io.stdout, VIEWS[name]!(answer as never, viewOf(call), call));
  return name === 'doctor' && (answer as DoctorResult).fail > 0 ? EXIT.failed : EXIT.ok;
}

export function viewOf(call: Call): View {
  const { stdout } = call.io;
  return { idioma: call.idioma, paint: paintOf(call, stdout), width: widthOfTerminal(stdout), nowMs: Date.now() };
}
