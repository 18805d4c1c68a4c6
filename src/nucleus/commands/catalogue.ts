/**
 * What can be asked of CoreC, as plain data: every command with its arguments, who may give it, and what it is for.
 *
 * Owns names, arguments and words. Leaves the schemas made of them to arguments.ts and what a command does to table.ts.
 * The command line shows its help from here, so this file loads nothing.
 *
 * T1 Nothing here knows a surface: an argument has a name, a kind and perhaps a place, and each door makes its own form of it.
 * T2 A command without `changing` changes nothing, whatever its arguments.
 */

/** One thing said in both languages. */
export interface Said {
  readonly en: string;
  readonly es: string;
}

export type CommandRole = 'leer' | 'operar';

interface ArgBase {
  /** What stands for the value in help: `N`, `CLAVE`. */
  readonly value?: string;
  /** Position when arguments are given by place, 0-based. */
  readonly place?: number;
  readonly says: Said;
}
export interface TextArg extends ArgBase {
  readonly kind: 'text';
  readonly required?: boolean;
  readonly default?: string;
  readonly max: number;
}
export interface NumberArg extends ArgBase {
  readonly kind: 'number';
  readonly default: number;
  readonly min: number;
  readonly max: number;
}
export interface FlagArg extends ArgBase {
  readonly kind: 'flag';
  readonly default: boolean;
  /** Of a flag that is on by default: what turning it off does. */
  readonly off?: Said;
}
export interface ChoiceArg extends ArgBase {
  readonly kind: 'choice';
  readonly choices: readonly [string, ...string[]];
  readonly default: string;
}
/** A moment: UTC ms, ISO 8601, or how long ago (`2h`). */
export interface TimeArg extends ArgBase {
  readonly kind: 'time';
}
/** A span: `90s`, `30m`, `2h`, `1d`. */
export interface SpanArg extends ArgBase {
  readonly kind: 'span';
  readonly default: string;
}
export type Arg = TextArg | NumberArg | FlagArg | ChoiceArg | TimeArg | SpanArg;
export type Args = Readonly<Record<string, Arg>>;

export interface CommandEntry {
  readonly name: string;
  readonly role: CommandRole;
  /** Its effect is durable when it answers, and it acts once per command id. */
  readonly changing: boolean;
  /** Answers without a nucleus. */
  readonly offline: boolean;
  /** Names files of this machine: only for a door that has proved its user or token. */
  readonly archivos: boolean;
  readonly summary: Said;
  readonly args: Args;
  readonly examples: readonly {
    readonly input: Readonly<Record<string, string | number | boolean>>;
    readonly says: Said;
  }[];
}

const ID_CHARS_MAX = 256;
const CLAVE_CHARS_MAX = 512;
const PATH_CHARS_MAX = 4096;
const LIST_MAX = 10_000;

const limit = (count: number): NumberArg => ({
  kind: 'number',
  value: 'N',
  default: count,
  min: 1,
  max: LIST_MAX,
  says: { en: 'how many at most', es: 'cuántos como máximo' },
});

const bloqueOrEntry = (place?: number): TextArg => ({
  kind: 'text',
  value: 'BLOQUE',
  ...(place === undefined ? {} : { place }),
  max: ID_CHARS_MAX,
  says: {
    en: 'a bloque (sensor/12) or a whole entry (sensor)',
    es: 'un bloque (sensor/12) o una entrada entera (sensor)',
  },
});

const by: TextArg = {
  kind: 'text',
  value: 'NAME',
  max: 128,
  says: { en: 'who does it, for the record', es: 'quién lo hace, para el registro' },
};

const entradaEvolutiva: TextArg & { readonly required: true } = {
  kind: 'text',
  value: 'ENTRY',
  place: 0,
  required: true,
  max: ID_CHARS_MAX,
  says: { en: 'an entry that evolves, or a bloque of it', es: 'una entrada que evoluciona, o un bloque de ella' },
};

const dryRun: FlagArg = {
  kind: 'flag',
  default: false,
  says: { en: 'show the plan, do nothing', es: 'mostrar el plan, no hacer nada' },
};

export const CATALOGUE = {
  status: {
    name: 'status',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'How it is: entidades, lecturas, alerts, store, sources',
      es: 'Cómo está: entidades, lecturas, alertas, base de datos, fuentes',
    },
    args: {},
    examples: [{ input: {}, says: { en: 'the whole picture', es: 'el cuadro entero' } }],
  },
  top: {
    name: 'top',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: { en: 'The worst things now', es: 'Lo peor ahora mismo' },
    args: { limit: limit(20) },
    examples: [{ input: { limit: 5 }, says: { en: 'the five worst', es: 'los cinco peores' } }],
  },
  bloques: {
    name: 'bloques',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'The entries and their bloques, worst fitness first',
      es: 'Las entradas y sus bloques, primero el peor fitness',
    },
    args: {
      entrada: {
        kind: 'text',
        value: 'ENTRY',
        place: 0,
        max: ID_CHARS_MAX,
        says: { en: 'only the bloques of this entry', es: 'solo los bloques de esta entrada' },
      },
      limit: limit(20),
    },
    examples: [
      { input: {}, says: { en: 'all entries', es: 'todas las entradas' } },
      {
        input: { entrada: 'enjambre_sensor', limit: 10 },
        says: { en: 'the ten worst of one', es: 'los diez peores de una' },
      },
    ],
  },
  bloque: {
    name: 'bloque',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: { en: 'One bloque, its alerts and its entidades', es: 'Un bloque, sus alertas y sus entidades' },
    args: {
      id: {
        kind: 'text',
        value: 'BLOQUE',
        place: 0,
        required: true,
        max: ID_CHARS_MAX,
        says: { en: 'its id, as `bloques` shows it', es: 'su id, como lo muestra `bloques`' },
      },
      limit: limit(10),
    },
    examples: [
      { input: { id: 'host/0' }, says: { en: 'the bloque of this machine', es: 'el bloque de esta máquina' } },
    ],
  },
  entidades: {
    name: 'entidades',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: { en: 'The entidades whose clave matches a pattern', es: 'Las entidades cuya clave encaja en un patrón' },
    args: {
      glob: {
        kind: 'text',
        value: 'PATTERN',
        place: 0,
        default: '*',
        max: CLAVE_CHARS_MAX,
        says: { en: 'clave with * and ?', es: 'clave con * y ?' },
      },
      bloque: bloqueOrEntry(),
      limit: limit(50),
    },
    examples: [{ input: { glob: 'cpu/*' }, says: { en: 'every processor', es: 'todos los procesadores' } }],
  },
  entidad: {
    name: 'entidad',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'One entidad: its state, its history and its alerts',
      es: 'Una entidad: su estado, su historia y sus alertas',
    },
    args: {
      ref: {
        kind: 'text',
        value: 'CLAVE',
        place: 0,
        required: true,
        max: CLAVE_CHARS_MAX,
        says: { en: 'clave, entry:clave or id of the entidad', es: 'clave, entrada:clave o id de la entidad' },
      },
      since: {
        kind: 'time',
        value: 'TIME',
        says: {
          en: 'history from then on: 2h (ago), or 2026-01-31T12:00Z',
          es: 'historia desde entonces: 2h (atrás), o 2026-01-31T12:00Z',
        },
      },
      limit: {
        ...limit(5_000),
        max: 100_000,
        says: { en: 'points of history at most', es: 'puntos de historia como máximo' },
      },
    },
    examples: [
      { input: { ref: 'cpu/total', since: '2h' }, says: { en: 'its last two hours', es: 'sus dos últimas horas' } },
    ],
  },
  alerts: {
    name: 'alerts',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: { en: 'What was odd, when, and why', es: 'Qué fue raro, cuándo y por qué' },
    args: {
      clave: {
        kind: 'text',
        value: 'PATTERN',
        place: 0,
        max: CLAVE_CHARS_MAX,
        says: { en: 'only claves that match (* and ?)', es: 'solo las claves que encajan (* y ?)' },
      },
      bloque: bloqueOrEntry(),
      open: { kind: 'flag', default: false, says: { en: 'only those still open', es: 'solo las que siguen abiertas' } },
      since: {
        kind: 'time',
        value: 'TIME',
        says: {
          en: 'opened since: 2h (ago), or 2026-01-31T12:00Z',
          es: 'abiertas desde: 2h (atrás), o 2026-01-31T12:00Z',
        },
      },
      until: { kind: 'time', value: 'TIME', says: { en: 'opened until', es: 'abiertas hasta' } },
      order: {
        kind: 'choice',
        choices: ['time', 'valor'],
        default: 'time',
        says: { en: 'newest first, or worst first', es: 'primero la más nueva (time) o la peor (valor)' },
      },
      limit: limit(20),
    },
    examples: [
      { input: { open: true }, says: { en: 'what is odd right now', es: 'lo que es raro ahora mismo' } },
      { input: { clave: 'machine*', order: 'valor' }, says: { en: 'the worst of some', es: 'las peores de algunas' } },
    ],
  },
  history: {
    name: 'history',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'What happened: alerts, repairs, circuits, moves, commands, starts',
      es: 'Qué pasó: alertas, reparaciones, circuitos, movimientos, comandos, arranques',
    },
    args: {
      bloque: {
        ...bloqueOrEntry(0),
        says: {
          en: 'only what happened to a bloque (sensor/12) or a whole entry (sensor)',
          es: 'solo lo que pasó a un bloque (sensor/12) o a una entrada entera (sensor)',
        },
      },
      tipo: {
        kind: 'choice',
        choices: ['todo', 'alerta', 'reparacion', 'circuito', 'movimiento', 'comando', 'arranque'],
        default: 'todo',
        says: { en: 'only events of this kind', es: 'solo los sucesos de este tipo' },
      },
      since: {
        kind: 'time',
        value: 'TIME',
        says: { en: 'since: 2h (ago), or 2026-01-31T12:00Z', es: 'desde: 2h (atrás), o 2026-01-31T12:00Z' },
      },
      until: { kind: 'time', value: 'TIME', says: { en: 'until then', es: 'hasta entonces' } },
      before: {
        kind: 'text',
        value: 'EVENT',
        max: 1024,
        says: {
          en: 'what is older than this event: the next page',
          es: 'lo anterior a este suceso: la página siguiente',
        },
      },
      limit: limit(50),
    },
    examples: [
      { input: {}, says: { en: 'the last fifty things', es: 'las últimas cincuenta cosas' } },
      {
        input: { bloque: 'sensor', tipo: 'reparacion', since: '1d' },
        says: { en: 'what was repaired in an entry since yesterday', es: 'qué se reparó en una entrada desde ayer' },
      },
    ],
  },
  ack: {
    name: 'ack',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Acknowledge an alert', es: 'Reconocer una alerta' },
    args: {
      id: {
        kind: 'text',
        value: 'ALERT',
        place: 0,
        required: true,
        max: 64,
        says: { en: 'its id, or its first characters', es: 'su id, o sus primeros caracteres' },
      },
      by,
    },
    examples: [{ input: { id: '1f3a9c04' }, says: { en: 'seen, somebody is on it', es: 'vista, alguien se ocupa' } }],
  },
  silence: {
    name: 'silence',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Tell no alerts of some claves for a while', es: 'No avisar de algunas claves por un rato' },
    args: {
      glob: {
        kind: 'text',
        value: 'PATTERN',
        place: 0,
        required: true,
        max: CLAVE_CHARS_MAX,
        says: { en: 'claves (* and ?); they go on being judged', es: 'claves (* y ?); se siguen juzgando' },
      },
      bloque: bloqueOrEntry(),
      for: {
        kind: 'span',
        value: 'SPAN',
        default: '1h',
        says: {
          en: 'how long from now, in place of what the same PATTERN and bloque had: 30m, 2h, 1d; 0 ends it',
          es: 'cuánto desde ahora, en lugar de lo que tenía el mismo PATTERN y bloque: 30m, 2h, 1d; 0 lo termina',
        },
      },
      by,
    },
    examples: [
      {
        input: { glob: 'disco/*', for: '2h' },
        says: { en: 'while the disks are replaced', es: 'mientras se cambian los discos' },
      },
    ],
  },
  pause: {
    name: 'pause',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Stop running bloques; what arrives waits', es: 'Dejar de ejecutar bloques; lo que llega espera' },
    args: { bloque: bloqueOrEntry(0) },
    examples: [{ input: { bloque: 'host' }, says: { en: 'one entry', es: 'una entrada' } }],
  },
  resume: {
    name: 'resume',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Run paused bloques again', es: 'Volver a ejecutar bloques en pausa' },
    args: { bloque: bloqueOrEntry(0) },
    examples: [{ input: {}, says: { en: 'everything', es: 'todo' } }],
  },
  supervision: {
    name: 'supervision',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'What is kept from running: circuits, plugins, quarantine',
      es: 'Lo que no se deja ejecutar: circuitos, plugins, cuarentena',
    },
    args: {},
    examples: [{ input: {}, says: { en: 'why a bloque does not run', es: 'por qué un bloque no se ejecuta' } }],
  },
  reset: {
    name: 'reset',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: {
      en: 'Close circuits, end suspensions and quarantine',
      es: 'Cerrar circuitos, terminar suspensiones y cuarentena',
    },
    args: {
      target: {
        kind: 'text',
        value: 'TARGET',
        place: 0,
        max: ID_CHARS_MAX,
        says: {
          en: 'a bloque, an entry or a plugin; left out: everything',
          es: 'un bloque, una entrada o un plugin; sin él: todo',
        },
      },
    },
    examples: [
      { input: { target: 'weather' }, says: { en: 'its plugin was mended', es: 'su plugin ya está arreglado' } },
    ],
  },
  forget: {
    name: 'forget',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Forget a clave and what was learned of it', es: 'Olvidar una clave y lo aprendido de ella' },
    args: {
      clave: {
        kind: 'text',
        value: 'CLAVE',
        place: 0,
        required: true,
        max: CLAVE_CHARS_MAX,
        says: { en: 'the clave; its entidad becomes free', es: 'la clave; su entidad queda libre' },
      },
      bloque: bloqueOrEntry(),
    },
    examples: [{ input: { clave: 'truck-17' }, says: { en: 'it was sold', es: 'se vendió' } }],
  },
  'block-redirect': {
    name: 'block-redirect',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: {
      en: 'Lend idle entidades to bloques that need them, and take back what is not needed',
      es: 'Prestar entidades ociosas a los bloques que las necesitan, y recoger las que sobran',
    },
    args: {
      from: { ...bloqueOrEntry(), says: { en: 'only from this bloque or entry', es: 'solo de este bloque o entrada' } },
      to: { ...bloqueOrEntry(), says: { en: 'only to this bloque or entry', es: 'solo a este bloque o entrada' } },
      entidades: {
        kind: 'number',
        value: 'N',
        default: 0,
        min: 0,
        max: 65_535,
        says: {
          en: 'so many from one bloque to another, whatever their fitness and carga, for an hour or as long as claves use them',
          es: 'tantas de un bloque a otro, sean cuales sean su fitness y su carga, por una hora o mientras las usen claves',
        },
      },
      'dry-run': dryRun,
    },
    examples: [
      { input: { 'dry-run': true }, says: { en: 'what would be lent now', es: 'qué se prestaría ahora' } },
      {
        input: { from: 'sensor/3', to: 'jobs/0', entidades: 200 },
        says: { en: 'before a rush that only you know of', es: 'antes de una avalancha que solo usted conoce' },
      },
    ],
  },
  'block-merge': {
    name: 'block-merge',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: {
      en: 'Put the claves of nearly empty bloques of an entry together',
      es: 'Reunir las claves de bloques casi vacíos de una entrada',
    },
    args: {
      bloque: bloqueOrEntry(0),
      into: {
        kind: 'text',
        value: 'BLOQUE',
        max: ID_CHARS_MAX,
        says: {
          en: 'its sibling that takes them, however full',
          es: 'el bloque hermano que las toma, por lleno que esté',
        },
      },
      'dry-run': dryRun,
    },
    examples: [
      { input: { 'dry-run': true }, says: { en: 'what would be merged now', es: 'qué se fusionaría ahora' } },
      {
        input: { bloque: 'sensor/7', into: 'sensor/2' },
        says: { en: 'these two', es: 'estos dos' },
      },
    ],
  },
  'block-split': {
    name: 'block-split',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: { en: 'Split bloques that have grown too large', es: 'Dividir bloques que han crecido demasiado' },
    args: { bloque: bloqueOrEntry(0), 'dry-run': dryRun },
    examples: [
      { input: { 'dry-run': true }, says: { en: 'what would be split now', es: 'qué se dividiría ahora' } },
      { input: { bloque: 'jobs/0' }, says: { en: 'this one, whatever its size', es: 'este, sea cual sea su tamaño' } },
    ],
  },
  evolucion: {
    name: 'evolucion',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: {
      en: 'By which parametros entries judge, since when and why (organic evolution)',
      es: 'Con qué parametros juzgan las entradas, desde cuándo y por qué (evolución orgánica)',
    },
    args: { bloque: bloqueOrEntry(0) },
    examples: [
      { input: {}, says: { en: 'all entries that evolve', es: 'todas las entradas que evolucionan' } },
      {
        input: { bloque: 'sensor/12' },
        says: { en: 'why this bloque judges so', es: 'por qué este bloque juzga así' },
      },
    ],
  },
  'evolucion-volver': {
    name: 'evolucion-volver',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: {
      en: 'Give an entry the parametros back that it had, and pin them',
      es: 'Devolver a una entrada los parametros que tenía, y fijarlos',
    },
    args: {
      entrada: entradaEvolutiva,
      to: {
        kind: 'choice',
        choices: ['anterior', 'configurado'],
        default: 'anterior',
        says: {
          en: 'those before the last change, or those of the configuration',
          es: 'los de antes del último cambio, o los de la configuración',
        },
      },
      by,
    },
    examples: [
      {
        input: { entrada: 'sensor', to: 'configurado' },
        says: { en: 'back to what the file says', es: 'de vuelta a lo que dice el archivo' },
      },
    ],
  },
  'evolucion-fijar': {
    name: 'evolucion-fijar',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: false,
    summary: {
      en: 'Pin the parametros that an entry has now, or let them evolve again',
      es: 'Fijar los parametros que una entrada tiene ahora, o dejarlos evolucionar otra vez',
    },
    args: {
      entrada: entradaEvolutiva,
      release: {
        kind: 'flag',
        default: false,
        says: { en: 'let them evolve again', es: 'dejarlos evolucionar otra vez' },
      },
      by,
    },
    examples: [
      { input: { entrada: 'sensor' }, says: { en: 'they are good as they are', es: 'están bien como están' } },
      { input: { entrada: 'sensor', release: true }, says: { en: 'go on', es: 'seguir' } },
    ],
  },
  ingest: {
    name: 'ingest',
    role: 'operar',
    changing: true,
    offline: false,
    archivos: true,
    summary: {
      en: 'Take in a file of lecturas (NDJSON, CSV, .gz)',
      es: 'Tomar un archivo de lecturas (NDJSON, CSV, .gz)',
    },
    args: {
      file: {
        kind: 'text',
        value: 'FILE',
        place: 0,
        required: true,
        max: PATH_CHARS_MAX,
        says: { en: 'path, or - for standard input', es: 'ruta, o - para la entrada estándar' },
      },
      map: {
        kind: 'text',
        value: 'MAPPING',
        default: '',
        max: 65_536,
        says: {
          en: 'which fields: clave=sensor,valor=temp,ts=time (guessed when left out)',
          es: 'qué campos: clave=sensor,valor=temp,ts=time (se adivina si falta)',
        },
      },
      bloque: {
        kind: 'text',
        value: 'ENTRY',
        default: 'lecturas',
        max: ID_CHARS_MAX,
        says: { en: 'entry that takes them; made when new', es: 'entrada que las toma; se crea si es nueva' },
      },
      procesador: {
        kind: 'text',
        value: 'NAME',
        max: PATH_CHARS_MAX,
        says: { en: 'procesador of a new entry (detector)', es: 'procesador de una entrada nueva (detector)' },
      },
      follow: {
        kind: 'flag',
        default: false,
        says: { en: 'go on as the file grows', es: 'seguir mientras el archivo crece' },
      },
      resume: {
        kind: 'flag',
        default: true,
        says: {
          en: 'go on where an earlier ingest of the file stopped',
          es: 'seguir donde paró una toma anterior del archivo',
        },
        off: {
          en: 'begin at the start, even when an earlier ingest of the file stopped half-way',
          es: 'empezar desde el principio, aunque una toma anterior del archivo parara a medias',
        },
      },
    },
    examples: [
      { input: { file: 'sensors.ndjson' }, says: { en: 'fields are guessed', es: 'los campos se adivinan' } },
      {
        input: { file: 'week.csv.gz', map: 'clave=id,valor=temp,ts=time', bloque: 'plant' },
        says: { en: 'fields are named', es: 'los campos se nombran' },
      },
    ],
  },
  doctor: {
    name: 'doctor',
    role: 'leer',
    changing: false,
    offline: false,
    archivos: false,
    summary: { en: 'Look for what is wrong, and say the mend', es: 'Buscar qué anda mal y decir el remedio' },
    args: {},
    examples: [{ input: {}, says: { en: 'every check', es: 'todas las comprobaciones' } }],
  },
  'config-check': {
    name: 'config-check',
    role: 'leer',
    changing: false,
    offline: true,
    archivos: false,
    summary: {
      en: 'Check a configuration; memory and disk it will need',
      es: 'Revisar una configuración; memoria y disco que pedirá',
    },
    args: {
      file: {
        kind: 'text',
        value: 'FILE',
        place: 0,
        max: PATH_CHARS_MAX,
        says: { en: 'the file; left out: the one in use', es: 'el archivo; si falta, el que se usa' },
      },
    },
    examples: [{ input: { file: 'corec_config.json' }, says: { en: 'before a restart', es: 'antes de reiniciar' } }],
  },
  'config-schema': {
    name: 'config-schema',
    role: 'leer',
    changing: false,
    offline: true,
    archivos: false,
    summary: {
      en: 'The JSON Schema of the configuration, for editors',
      es: 'El JSON Schema de la configuración, para editores',
    },
    args: {},
    examples: [{ input: {}, says: { en: 'the schema', es: 'el esquema' } }],
  },
} as const satisfies Readonly<Record<string, CommandEntry>>;

export type CommandName = keyof typeof CATALOGUE;
export const COMMAND_NAMES: readonly CommandName[] = Object.keys(CATALOGUE) as CommandName[];
