/**
 * The store of everything that must outlive the process.
 *
 * Promises: S1 an epoch is all there or not at all; S2 committing the same epoch number again after a lost answer is harmless and
 * says so; S3 epochs commit in order of number; S4 a failure that may pass is a CoreCError of kind transient, and nothing of the
 * epoch was kept (or all of it: S2 tells on the retry).
 * Leaves out on purpose: what the bytes in `datos` and `mensajes` mean (codecs do), and when to commit (the nucleus does).
 */

/** What an estado row holds. `nucleus`: one row, counters and catalogue; `modulo`: what a module keeps; the others one row a bloque or source. */
export type EstadoClase =
  | 'nucleus'
  | 'catalogo'
  | 'columnas'
  | 'claves'
  | 'inbox'
  | 'episodios'
  | 'fuente'
  | 'lotes'
  | 'modulo';

export interface EstadoRow {
  readonly clase: EstadoClase;
  readonly id: string;
  readonly datos: Uint8Array;
}

/** One row of the specification's table `bloques`. `timestampS`: UTC seconds since 1970, as the column. */
export interface BloqueRow {
  readonly id: string;
  readonly canal: number;
  readonly numEntidades: number;
  readonly fitness: number;
  readonly timestampS: number;
  /** What the bloque drained since its last row, encoded; null when nothing is kept. */
  readonly mensajes: Uint8Array | null;
  readonly codec: string | null;
}

/** One row of `alertas`: an episodio. Times are UTC ms of the readings (event time). */
export interface AlertaRow {
  /** Deterministic: same bloque, clave, rule and opening give the same id, so storing twice is an update. */
  readonly id: string;
  readonly bloque: string;
  readonly canal: number;
  /** Empty for an alert of the bloque itself. */
  readonly clave: string;
  readonly regla: string;
  readonly abiertaMs: number;
  readonly actualizadaMs: number;
  /** Null while the episodio is open. */
  readonly cerradaMs: number | null;
  /** Highest valor (score) of the episodio, and the reading that had it. */
  readonly valor: number;
  readonly lectura: number | null;
  readonly esperadoMin: number | null;
  readonly esperadoMax: number | null;
  /** Code and parameters of the reason; JSON. Texts per language are made from it. */
  readonly razon: Readonly<Record<string, string | number | null>>;
  /** Readings over the limit in this episodio. */
  readonly lecturas: number;
}

export interface StoredAlerta extends AlertaRow {
  readonly reconocidaMs: number | null;
  readonly reconocidaPor: string | null;
}

export interface EpochCommit {
  /** 1, 2, 3 ...; S3. */
  readonly epoca: number;
  /** The epoch's scheduled wall time; every bloque row of it carries it. */
  readonly scheduledMs: number;
  /** Rows to write; the same (clase, id) is replaced. May be produced lazily while the commit runs. */
  readonly estado: Iterable<EstadoRow>;
  readonly estadoDeleted: Iterable<{ readonly clase: EstadoClase; readonly id: string }>;
  /** Iterated once the rows of `estado` are taken. */
  readonly bloques: Iterable<BloqueRow> | AsyncIterable<BloqueRow>;
  readonly alertas: Iterable<AlertaRow>;
  /** A changing command that touches state rides in the epoch that holds its effect. */
  readonly comandos: readonly ComandoRow[];
}

export interface EpochResult {
  /** True when the store already held this epoch (S2). */
  readonly already: boolean;
  readonly bytes: number;
}

/** Audit, answer and dedupe of one changing command. */
export interface ComandoRow {
  /** Given by the caller or made by the door; a second command with it gets the first answer. */
  readonly id: string;
  readonly nombre: string;
  readonly puerta: string;
  readonly argumentos: unknown;
  /** The effect as data: enough to apply it again after a restart. */
  readonly efecto: unknown;
  readonly respuesta: unknown;
  readonly timestampMs: number;
  /** Number of the first epoch whose snapshot holds the effect; recovery from epoch e replays those with epoca > e in order. */
  readonly epoca: number;
}

export interface AlertaQuery {
  /** Its id, or how it begins. */
  readonly id?: string;
  /** Wildcards * and ? allowed. */
  readonly clave?: string;
  readonly bloque?: string;
  /** Only alerts of these rules. */
  readonly reglas?: readonly string[];
  readonly abiertas?: boolean;
  /** Opened (with `orden` 'cierre': closed) in [desde, hasta), as their lecturas have it. */
  readonly desdeMs?: number;
  readonly hastaMs?: number;
  /** From this place on in the order of 'tiempo' or 'cierre'. */
  readonly desdeLugar?: Lugar;
  /** Stored or changed in the store since, UTC ms of the wall clock: what whoever was not told may have missed. */
  readonly guardadaDesdeMs?: number;
  readonly limit: number;
  /** 'valor' = worst first, 'tiempo' = newest opening first, 'cierre' = newest end first: none that is open. Of one moment by id. */
  readonly orden: 'tiempo' | 'valor' | 'cierre';
}

/** Where a row stands among those that are asked for newest first: its moment, and within it its id, ascending. */
export interface Lugar {
  readonly ms: number;
  readonly id: string;
}

/** Commands, newest first. */
export interface ComandoQuery {
  readonly nombres?: readonly string[];
  /** Of [desde, hasta), wall time. */
  readonly desdeMs?: number;
  readonly hastaMs?: number;
  /** From this place on. */
  readonly desdeLugar?: Lugar;
  readonly limit: number;
}

export interface BloqueRowQuery {
  readonly bloque: string;
  /** Rows of [desde, hasta). */
  readonly desdeMs?: number;
  readonly hastaMs?: number;
  /** Newest first. */
  readonly limit: number;
  readonly conMensajes: boolean;
}

export interface BloqueStore {
  /** Connects, migrates, makes partitions; resolves when usable. */
  open(): Promise<void>;
  /** The newest committed epoch (0: none). */
  lastEpoch(): Promise<number>;
  /** All estado rows of the given classes, in batches, without holding all in memory. */
  loadEstado(clases: readonly EstadoClase[]): AsyncIterable<readonly EstadoRow[]>;
  /** One row, for repairs. */
  readEstado(clase: EstadoClase, id: string): Promise<Uint8Array | null>;
  commitEpoch(commit: EpochCommit): Promise<EpochResult>;
  /**
   * Commits changing commands at once and together, in their order, in one transaction. One whose id is known, from before or from
   * earlier in the list, changes nothing and gets what is stored under its id.
   */
  commitComandos(list: readonly ComandoCommit[]): Promise<readonly ComandoResult[]>;
  findComando(id: string): Promise<ComandoRow | null>;
  comandosAfter(epoca: number): Promise<readonly ComandoRow[]>;
  queryComandos(query: ComandoQuery): Promise<readonly ComandoRow[]>;
  queryAlertas(query: AlertaQuery): Promise<readonly StoredAlerta[]>;
  queryBloques(query: BloqueRowQuery): Promise<readonly BloqueRow[]>;
  /** Retention: drops what is older than `keepDays` or over `keepBytes`, makes the coming partitions. Returns what it dropped. */
  upkeep(
    nowMs: number,
    keepDays: number,
    keepBytes: number,
  ): Promise<{ readonly dropped: readonly string[]; readonly bytes: number }>;
  /** Whether it answers now, last commit, and the size on disk of a moment ago; never throws. */
  health(): Promise<{
    readonly ok: boolean;
    readonly found: string;
    readonly bytes: number | null;
    readonly version: string | null;
  }>;
  close(): Promise<void>;
}

export interface ComandoCommit {
  readonly row: ComandoRow;
  readonly alertaChange?: AlertaChange;
}

/** What is stored under the id of a command. */
export interface ComandoResult {
  /** True when this commit stored it. */
  readonly first: boolean;
  readonly respuesta: unknown;
  /** Of the row that is stored: whoever lost the answer of a commit knows its own by it. */
  readonly timestampMs: number;
}

/** What a command does to stored alertas. */
export interface AlertaChange {
  readonly id: string;
  readonly reconocidaMs: number;
  readonly reconocidaPor: string;
}
