/** Names of the streams (specification, section 2.5), the one place where they stand, and what every bus asks of an entry. */
import { CoreCError } from './errors.ts';

export const STREAMS = {
  /** Commands for CoreC and its plugins. */
  commands: 'corec_commands',
  /** Their answers. */
  responses: 'corec_responses',
  /** Alerts of bloques and of CoreC itself. */
  alerts: 'corec_alerts',
  /** Entries of the others that could not be handled, and why. */
  dead: 'corec_dead',
} as const;

/** The stream of the mensajes of a canal: `corec_canal_1` .. `corec_canal_5`. */
export function canalStream(canal: number): string {
  return `corec_canal_${canal}`;
}

/** The consumer group by which an instance reads: each instance gets every entry. */
export function instanceGroup(instanceId: string): string {
  return `corec:${instanceId}`;
}

/** Longest id under which an entry is appended once. */
export const ONCE_ID_CHARS_MAX = 256;
/** Of one entry: what Redis lets a script hand to one command is some 8,000 values. */
export const FIELDS_MAX = 1000;

export function assertOnceId(onceId: string): void {
  if (onceId !== '' && onceId.length <= ONCE_ID_CHARS_MAX) return;
  throw new CoreCError('COREC_E_ARGUMENT', {
    command: 'appendOnce',
    found: `an id of ${onceId.length} characters`,
    allowed: `1 to ${ONCE_ID_CHARS_MAX}`,
  });
}

export function assertFieldsCount(count: number): void {
  if (count >= 1 && count <= FIELDS_MAX) return;
  throw new CoreCError('COREC_E_ARGUMENT', {
    command: 'append',
    found: `an entry of ${count} fields`,
    allowed: `1 to ${FIELDS_MAX}`,
  });
}
