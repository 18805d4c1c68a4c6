/** Names of the streams (specification, section 2.5): the one place where they stand. */

export const STREAMS = {
  /** Commands for CoreC and its plugins. */
  commands: 'corec_commands',
  /** Their answers. */
  responses: 'corec_responses',
  /** Alerts of bloques and of CoreC itself. */
  alerts: 'corec_alerts',
} as const;
