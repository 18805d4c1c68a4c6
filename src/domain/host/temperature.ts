/** What a temperature file says. Source: kernel, Documentation/hwmon/sysfs-interface.rst. */

/** Sensors that are not wired answer with the ends of their range; no part of a working machine is out of these. */
const CELSIUS_MIN = -60;
const CELSIUS_MAX = 150;

/** A text of thousandths of a degree, in degrees Celsius; NaN when it is not one. */
export function parseMilliCelsius(text: string): number {
  const trimmed = text.trim();
  if (!/^-?\d+$/.test(trimmed)) return Number.NaN;
  const celsius = Number(trimmed) / 1000;
  return celsius >= CELSIUS_MIN && celsius <= CELSIUS_MAX ? celsius : Number.NaN;
}
