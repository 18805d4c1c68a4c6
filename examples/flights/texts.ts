/** The words of this example, and figures as its tables show them. The reasons of alerts are CoreC's own texts. */
export type Idioma = 'en' | 'es';

const EN = {
  usage: `Takes 3,000,000 real flights of 2001 in and tells what was odd.

  ./examples/flights/run.sh [--new] [--top N] [--json] [--data FOLDER] [--only AIRPORT,...]

  --new     begins anew: what an earlier run kept is removed
  --top     rows of each table (default 40)
  --json    the summary as JSON
  --data    folder of what is kept (default examples/flights/data)
  --only    flights from these airports alone`,
  read: 'flights read',
  taken: 'taken in',
  ofView: {
    airports: 'flights a day, by airport',
    routes: 'flights a day, by route',
    airport_delays: 'delay in half a day, by airport',
    route_delays: 'delay in half a day, by route',
  },
  perSecond: '/s',
  episodios: 'episodes',
  again: 'was taken in by an earlier run',
  goesOn: 'goes on where an earlier run stopped',
  stopped: 'stopped; what was taken in is kept: the same command goes on, --new begins anew',
  bad: 'expected one of --new, --top N (1 to 10000), --json, --data FOLDER, --only AIRPORT,AIRPORT; found: ',
  otherFlights: 'holds other flights than those asked for; add --new to begin anew, or give another --data FOLDER',
  title: 'What was odd',
  total:
    '{vuelos} flights, {episodios} episodes in {days} days among {claves} claves (airports and routes, for flights and for delay): {perDay} a day',
  worst: 'Days with most of them',
  day: 'day',
  halfDay: 'half day from',
  count: 'episodes',
  most: 'the strongest',
  counted: { airports: 'flights', routes: 'flights', airport_delays: 'min late', route_delays: 'min late' },
  expected: 'expected',
  score: 'score',
  clave: { airports: 'airport', routes: 'route', airport_delays: 'airport', route_delays: 'route' },
  reason: 'reason',
  strongest: 'the strongest {shown} of {all}',
  more: 'Look further: ./corec alerts --config {config} (this run is kept; --new begins anew)',
} as const;

type Words<T> = { readonly [K in keyof T]: T[K] extends string ? string : Words<T[K]> };

const ES: Words<typeof EN> = {
  usage: `Lee 3 000 000 de vuelos reales de 2001 y cuenta qué fue raro.

  ./examples/flights/run.sh [--new] [--top N] [--json] [--data CARPETA] [--only AEROPUERTO,...]

  --new     empieza de nuevo: borra lo que guardó una ejecución anterior
  --top     filas de cada tabla (por defecto 40)
  --json    el resumen en JSON
  --data    carpeta de lo que se guarda (por defecto examples/flights/data)
  --only    solo los vuelos que salen de estos aeropuertos`,
  read: 'vuelos leídos',
  taken: 'leído',
  ofView: {
    airports: 'vuelos al día, por aeropuerto',
    routes: 'vuelos al día, por ruta',
    airport_delays: 'retraso en medio día, por aeropuerto',
    route_delays: 'retraso en medio día, por ruta',
  },
  perSecond: '/s',
  episodios: 'episodios',
  again: 'ya lo leyó una ejecución anterior',
  goesOn: 'sigue donde paró una ejecución anterior',
  stopped: 'detenido; lo leído se conserva: la misma orden sigue, --new empieza de nuevo',
  bad: 'se esperaba --new, --top N (1 a 10000), --json, --data CARPETA, --only AEROPUERTO,AEROPUERTO; se encontró: ',
  otherFlights: 'guarda otros vuelos que los pedidos; añada --new para empezar de nuevo, o dé otra --data CARPETA',
  title: 'Qué fue raro',
  total:
    '{vuelos} vuelos, {episodios} episodios en {days} días entre {claves} claves (aeropuertos y rutas, por vuelos y por retraso): {perDay} al día',
  worst: 'Los días con más',
  day: 'día',
  halfDay: 'medio día desde',
  count: 'episodios',
  most: 'los más fuertes',
  counted: { airports: 'vuelos', routes: 'vuelos', airport_delays: 'min tarde', route_delays: 'min tarde' },
  expected: 'esperado',
  score: 'valor',
  clave: { airports: 'aeropuerto', routes: 'ruta', airport_delays: 'aeropuerto', route_delays: 'ruta' },
  reason: 'razón',
  strongest: 'los {shown} más fuertes de {all}',
  more: 'Para ver más: ./corec alerts --config {config} (esta ejecución se conserva; --new empieza de nuevo)',
};

export type Texts = Words<typeof EN>;

export function textsOf(idioma: Idioma): Texts {
  return idioma === 'es' ? ES : EN;
}

export function fill(template: string, params: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => params[name] ?? whole);
}

/** Whole numbers, thousands parted as the language does. */
export function whole(idioma: Idioma, value: number): string {
  return Math.round(value).toLocaleString(idioma === 'es' ? 'es-ES' : 'en-US');
}
