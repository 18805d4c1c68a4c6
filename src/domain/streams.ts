/** Names of the streams (specification, section 2.5): the one place where they stand. */

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
