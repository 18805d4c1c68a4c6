/**
 * What goes on in a CoreC while something is taken away from it: numbered lecturas from a growing file and over HTTP, lecturas that cross
 * a limit, and commands that change something; and the account of it all at the end.
 *
 * Owns: the configuration, the clients (who send again what had no answer, and now and then what had one), and the account. Leaves what
 * is broken, and when, to each test.
 *
 * W1 Every lectura has a number, which is its valor; a clave's `contador` and the stored rows must show each exactly once.
 * W2 Which alerts there must be follows from the numbers: crossings of the limit lie at known ones.
 * W3 A command that is sent again must give the answer that it gave first, and stand once in the audit.
 */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { makeRandom, makeSeed } from '#adapters/system/random.ts';
import { makeZstd } from '#adapters/zstd/zstd.ts';
import { decodeMensajes } from '#domain/codec/columnas.ts';
import type { Random } from '#ports/random.ts';
import { killAll, postgresPids, startCoreC, type CoreCProcess } from '../support/corec-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { LECTURAS_STREAM, STREAM_CLAVES, type StreamLoad } from './stream-load.ts';

const CLAVES = 40;
const LOTE_ROWS = 50;
const FIRST_MS = 1_700_000_000_000;
/** Lecturas of `limitado` below and above its limit, in turns. */
const SWING = 4000;
const PAUSE_MS = 4;
const AGAIN_MS = 20;
const SETTLE_MS = 90_000;

interface Lote {
  readonly id: string;
  readonly body: string;
  acknowledged: boolean;
}

interface Comando {
  readonly id: string;
  readonly argumentos: Readonly<Record<string, unknown>>;
  /** The first answer; null while there is none. */
  answer: string | null;
  again: boolean;
}

export interface Account {
  readonly lecturas: number;
  readonly lotes: number;
  readonly comandos: number;
  readonly alertas: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface WorkloadOptions {
  /** Keys of the configuration beside the workload's own. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: a new folder of the test's. */
  readonly folder?: string;
  /** Also sends over Redis Streams; it begins and ends by itself, its lecturas are in the account here. */
  readonly stream?: StreamLoad;
  /** Of Node, before CoreC's own. */
  readonly nodeArgs?: readonly string[];
}

export class Workload {
  readonly seed: number = Number(process.env['COREC_FAULTS_SEED'] ?? makeSeed());
  readonly random: Random = makeRandom(this.seed);
  readonly folder: string;
  readonly dataDir: string;
  readonly configPath: string;
  readonly #input: string;
  readonly #nodeArgs: readonly string[];
  readonly #stream: StreamLoad | null;
  readonly #lotes: Lote[] = [];
  readonly #limitLotes: Lote[] = [];
  readonly #comandos: Comando[] = [];
  #fileRows = 0;
  #corec: CoreCProcess | null = null;
  #stop = { now: true };
  #pumps: Promise<unknown> = Promise.resolve();

  constructor(t: TestContext, { config = {}, folder = tempFolder(t), nodeArgs = [], stream }: WorkloadOptions = {}) {
    this.folder = folder;
    this.dataDir = join(folder, 'data');
    this.configPath = join(folder, 'corec_config.json');
    this.#input = join(folder, 'numbered.ndjson');
    this.#nodeArgs = nodeArgs;
    this.#stream = stream ?? null;
    writeFileSync(this.#input, '');
    writeFileSync(this.configPath, JSON.stringify({ ...makeConfig(stream !== undefined), ...config }));
    t.after(async () => {
      this.#stop.now = true;
      await this.#corec?.end('SIGKILL');
      killAll(postgresPids(this.dataDir));
      await this.#pumps.catch(() => {});
    });
  }

  get corec(): CoreCProcess {
    return this.#corec!;
  }

  /** Starts CoreC; resolves when it is ready, or at once with `waits` false. */
  async start(waits = true): Promise<void> {
    this.#corec = startCoreC(this.configPath, this.dataDir, [], this.#nodeArgs);
    if (waits) await this.#corec.ready();
  }

  /** Clients begin to send, until `quiet`. */
  begin(): void {
    const stop = (this.#stop = { now: false });
    this.#pumps = Promise.all([
      this.#pumpLotes('de_http', this.#lotes, true, stop),
      this.#pumpLotes('limitado', this.#limitLotes, true, stop),
      this.#pumpComandos(true, stop),
    ]);
    // looked at by quiet()
    this.#pumps.catch(() => {});
  }

  /** Clients stop; what has no answer is sent again by whoever comes next. */
  async quiet(): Promise<void> {
    this.#stop.now = true;
    await this.#pumps;
  }

  growFile(rows: number): void {
    let text = '';
    for (let k = 0; k < rows; k++, this.#fileRows++) {
      const clave = `f${this.#fileRows % CLAVES}`;
      text += `{"c":"${clave}","v":${this.#fileRows},"t":${FIRST_MS + this.#fileRows * 10}}\n`;
    }
    appendFileSync(this.#input, text);
  }

  /** Some answers get lost on their way: their lotes and commands will be sent again, maybe long after. */
  forgetSomeAnswers(): void {
    for (const list of [this.#lotes, this.#limitLotes])
      for (let k = 0; k < Math.min(5, list.length); k++) list[this.random.below(list.length)]!.acknowledged = false;
    for (let k = 0; k < Math.min(3, this.#comandos.length); k++)
      this.#comandos[this.random.below(this.#comandos.length)]!.again = true;
  }

  /** Lotes and commands that have an answer. */
  get acknowledged(): number {
    const lotes = [...this.#lotes, ...this.#limitLotes].filter((lote) => lote.acknowledged).length;
    return lotes + this.#comandos.filter(({ answer }) => answer !== null).length;
  }

  /** Resolves when CoreC takes lotes and commands again and has committed an epoch since; gives the ms from now on. */
  async recovered(withinMs = 60_000): Promise<number> {
    const startMs = performance.now();
    const before = this.acknowledged;
    let epoca = Infinity;
    await until(
      'CoreC has recovered',
      async () => {
        try {
          const { status } = await this.corec.call('GET', '/readyz');
          const now = ((await this.corec.json('/api/status')) as { epoca: number }).epoca;
          if (epoca === Infinity) epoca = now;
          return status === 200 && now > epoca && this.acknowledged > before;
        } catch {
          return false;
        }
      },
      withinMs,
    );
    return performance.now() - startMs;
  }

  /** CoreC dies, and whatever else is still going on with the clients ends. */
  async kill(): Promise<void> {
    await this.corec.end('SIGKILL');
    await this.quiet();
  }

  /**
   * Everything is sent until it has its answer, CoreC is stopped in good order, and the books are looked at. `connect`: where its
   * PostgreSQL is; left out: its own.
   */
  async account(connect?: pg.ClientConfig): Promise<Account> {
    await this.quiet();
    const stop = { now: false };
    const timer = setTimeout(() => (stop.now = true), SETTLE_MS);
    await Promise.all([
      this.#pumpLotes('de_http', this.#lotes, false, stop),
      this.#pumpLotes('limitado', this.#limitLotes, false, stop),
      this.#pumpComandos(false, stop),
    ]);
    const sent = [...this.#lotes, ...this.#limitLotes];
    clearTimeout(timer);
    assert.ok(!sent.some((lote) => !lote.acknowledged), 'every lote has its answer');
    await until('the file is read', async () => sum(await this.#countsOf('de_archivo')) >= this.#fileRows, SETTLE_MS);
    const wrong = [
      ...compare(await this.#countsOf('de_archivo'), 'f', CLAVES, this.#fileRows),
      ...compare(await this.#countsOf('de_http'), 'h', CLAVES, this.#lotes.length * LOTE_ROWS),
    ];
    const ofStream = this.#stream?.lecturas ?? 0;
    if (this.#stream !== null) {
      await until('the stream is read', async () => sum(await this.#countsOf('de_stream')) >= ofStream, SETTLE_MS);
      wrong.push(...compare(await this.#countsOf('de_stream'), 's', STREAM_CLAVES, ofStream));
    }
    assert.deepEqual(wrong, [], 'what each clave has counted');
    assert.equal(await this.corec.end('SIGTERM'), 0, this.corec.output());
    const own = connect === undefined;
    // its own PostgreSQL is there only while it runs
    if (own) await this.start();
    const stored = await this.#stored(
      connect ?? { host: join(this.dataDir, 'postgres'), user: 'corec', database: 'postgres' },
    );
    if (own) assert.equal(await this.corec.end('SIGTERM'), 0, this.corec.output());
    return stored;
  }

  /** One line for the reader of a test run. */
  tell(name: string, faults: number, account: Account, recoveryMs: readonly number[]): void {
    const { lecturas, lotes, comandos, alertas, lost, doubled } = account;
    const worst = recoveryMs.length === 0 ? '' : `, recovered within ${(Math.max(...recoveryMs) / 1000).toFixed(1)} s`;
    console.log(
      `faults: ${name}: ${faults} faults, ${lecturas} lecturas (${lotes} lotes), ${comandos} commands, ${alertas} alerts, lost ${lost}, doubled ${doubled}${worst} (seed ${this.seed})`,
    );
  }

  /** Sends in order; one without an answer is sent again under its id, as a client does. With `more`, makes new ones until stopped. */
  async #pumpLotes(bloque: string, list: Lote[], more: boolean, stop: { now: boolean }): Promise<void> {
    while (!stop.now) {
      let lote = list.find((candidate) => !candidate.acknowledged);
      if (lote === undefined) {
        if (!more) return;
        lote = makeLote(bloque, list.length);
        list.push(lote);
      }
      const answer = await this.#ask('POST', `/api/lecturas?bloque=${bloque}`, lote.body, {
        'content-type': 'application/x-ndjson',
        'x-lote-id': lote.id,
      });
      if (answer !== null) lote.acknowledged = true;
      await delay(answer === null ? AGAIN_MS : PAUSE_MS);
    }
  }

  async #pumpComandos(more: boolean, stop: { now: boolean }): Promise<void> {
    while (!stop.now) {
      let comando = this.#comandos.find(({ answer, again }) => answer === null || again);
      if (comando === undefined) {
        if (!more) return;
        const n = this.#comandos.length;
        // the answer holds the moment it ends: carried out twice, it would be another one
        comando = {
          id: `silence-${n}`,
          argumentos: { glob: `nobody-${n % 7}`, for: '2h' },
          answer: null,
          again: false,
        };
        this.#comandos.push(comando);
      }
      const answer = await this.#ask('POST', '/api/silence', JSON.stringify(comando.argumentos), {
        'content-type': 'application/json',
        'idempotency-key': comando.id,
      });
      if (answer !== null) {
        comando.answer ??= answer;
        comando.again = false;
        assert.equal(answer, comando.answer, `${comando.id} gave another answer than at first`);
      }
      await delay(answer === null ? AGAIN_MS : PAUSE_MS * 5);
    }
  }

  /** The body of a 200; null when it must be sent again. */
  async #ask(
    method: string,
    path: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string | null> {
    let answer: { readonly status: number; readonly body: string };
    try {
      answer = await this.corec.call(method, path, body, headers);
    } catch {
      return null;
    }
    if (answer.status === 200) return answer.body;
    if (answer.status === 429 || answer.status === 503) return null;
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  }

  /** A contador's valor is its count, exact below 2^24. */
  async #countsOf(bloque: string): Promise<Map<string, number>> {
    const found = (await this.corec.json(`/api/entidades?glob=*&bloque=${bloque}&limit=1000`)) as {
      entidades: { clave: string; valor: number }[];
    };
    return new Map(found.entidades.map(({ clave, valor }) => [clave, valor]));
  }

  async #stored(connect: pg.ClientConfig): Promise<Account> {
    const client = new pg.Client(connect);
    await client.connect();
    try {
      const lecturas = await this.#storedLecturas(client);
      const overHttp = (this.#lotes.length + this.#limitLotes.length) * LOTE_ROWS;
      const sent = this.#fileRows + overHttp + (this.#stream?.lecturas ?? 0);
      const { rows: alerts } = await client.query<{ alerta: string }>(
        "SELECT clave || ' ' || abierta_ms AS alerta FROM alertas WHERE bloque LIKE 'limitado/%' AND clave <> ''",
      );
      assert.deepEqual(
        alerts.map(({ alerta }) => alerta).toSorted(),
        expectedAlerts(this.#limitLotes.length * LOTE_ROWS).toSorted(),
        'alerts of the limit crossings',
      );
      const { rows: audit } = await client.query<{ id: string; respuesta: unknown }>(
        "SELECT id, respuesta FROM comandos WHERE nombre = 'silence' AND id LIKE 'silence-%'",
      );
      assert.deepEqual(
        new Map(audit.map(({ id, respuesta }) => [id, respuesta])),
        new Map(this.#comandos.map(({ id, answer }) => [id, JSON.parse(answer!) as unknown])),
        'the audit of commands',
      );
      const account: Account = {
        lecturas: sent,
        lotes: this.#lotes.length + this.#limitLotes.length,
        comandos: this.#comandos.length,
        alertas: alerts.length,
        lost: sent - lecturas.size,
        doubled: [...lecturas.values()].filter((count) => count !== 1).length,
      };
      assert.deepEqual([account.lost, account.doubled], [0, 0], 'lost and doubled lecturas');
      return account;
    } finally {
      await client.end();
    }
  }

  /** How often each lectura is stored. */
  async #storedLecturas(client: pg.Client): Promise<Map<string, number>> {
    const stored = new Map<string, number>();
    const { rows } = await client.query<{ id: string; mensajes: Buffer | null; codec: string | null }>(
      'SELECT id, mensajes, codec FROM bloques WHERE mensajes IS NOT NULL',
    );
    const zstd = makeZstd();
    for (const { id, codec, mensajes } of rows) {
      for (const mensaje of decodeMensajes(codec!, mensajes!, zstd)) {
        const key = `${id.split('/')[0]} ${mensaje.id} ${mensaje.ts}`;
        stored.set(key, (stored.get(key) ?? 0) + 1);
      }
    }
    return stored;
  }
}

/** Of numbers 0 .. total - 1 dealt out to the claves in turn, which claves have not what is theirs. */
function compare(counts: ReadonlyMap<string, number>, prefix: string, claves: number, total: number): string[] {
  const wrong: string[] = [];
  for (let c = 0; c < claves; c++) {
    const share = Math.floor((total - c + claves - 1) / claves);
    const found = counts.get(`${prefix}${c}`) ?? 0;
    if (found !== share) wrong.push(`${prefix}${c}: ${found} of ${share}`);
  }
  return wrong;
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((all, n) => all + n, 0);

function makeConfig(withStream: boolean): Record<string, unknown> {
  const entry = (id: string, procesador: string, parametros: object = {}): object => ({
    id,
    canal: 2,
    entidades: 200,
    entidades_por_bloque: 50,
    procesador,
    parametros,
    intervalo_ms: 100,
  });
  return {
    instance_id: 'faults',
    data_dir: 'data',
    http: null,
    bloques: [
      entry('de_archivo', 'contador'),
      entry('de_http', 'contador'),
      entry('limitado', 'limites', { max: 90, histeresis: 5 }),
      ...(withStream ? [entry('de_stream', 'contador')] : []),
    ],
    fuentes: [
      {
        tipo: 'archivo',
        ruta: 'numbered.ndjson',
        bloque: 'de_archivo',
        seguir: true,
        mapeo: { clave: 'c', valor: 'v', ts: 't' },
      },
      ...(withStream
        ? [{ tipo: 'redis', stream: LECTURAS_STREAM, bloque: 'de_stream', mapeo: { clave: 'c', valor: 'v', ts: 't' } }]
        : []),
    ],
    persistencia: { intervalo_s: 1 },
    alertas: { enfriamiento_s: 5 },
    logs: { ruta: 'corec.log' },
  };
}

function makeLote(bloque: string, n: number): Lote {
  let body = '';
  for (let at = n * LOTE_ROWS; at < (n + 1) * LOTE_ROWS; at++) {
    const valor = bloque === 'limitado' ? (Math.floor(at / SWING) % 2 === 1 ? 95 : 10) : at;
    body += `{"clave":"h${at % CLAVES}","valor":${valor},"ts":${FIRST_MS + at * 10}}\n`;
  }
  return { id: `${bloque}-${n}`, body, acknowledged: false };
}

/** W2, of lecturas 0 .. total - 1. */
function expectedAlerts(total: number): string[] {
  const expected: string[] = [];
  for (let from = SWING; from < total; from += 2 * SWING)
    for (let at = from; at < Math.min(from + CLAVES, total); at++)
      expected.push(`h${at % CLAVES} ${FIRST_MS + at * 10}`);
  return expected;
}
