/** The levels of log lines, in rising order of weight. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type Level = (typeof LEVELS)[number];
export type LevelOrSilent = Level | 'silent';

/** True when a line of `level` is to be written under the setting `min`. */
export function isEnabled(level: Level, min: LevelOrSilent): boolean {
  return min !== 'silent' && LEVELS.indexOf(level) >= LEVELS.indexOf(min);
}
