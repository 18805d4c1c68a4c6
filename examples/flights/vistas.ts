/**
 * What is looked at: each flight is fanned out to four claves, one in each entry of corec_config.json.
 *
 * Owns which columns name a clave and which is its number. What is counted over which window is the configuration's.
 */
export const VISTAS = ['airports', 'airport_delays', 'routes', 'route_delays'] as const;
export type Vista = (typeof VISTAS)[number];

const AIRPORT = 'formato=csv,clave=origin,valor=delay,ts=date';
const ROUTE = 'formato=csv,clave=origin|destination,valor=delay,ts=date';

export const MAPEO: Readonly<Record<Vista, string>> = {
  airports: AIRPORT,
  airport_delays: AIRPORT,
  routes: ROUTE,
  route_delays: ROUTE,
};
