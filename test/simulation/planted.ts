/**
 * Faults that are put in on purpose, to see that the simulation finds them. Each is a wrapper around a port, as a careless change of
 * the nucleus would make it behave; nothing of it is in src.
 */
import type { BloqueStore, ComandoResult, EpochCommit, EstadoRow } from '#ports/bloque-store.ts';
import type { StreamBus } from '#ports/stream-bus.ts';
import type { Life } from './sim/life.ts';

export interface Planted {
  /** What is wrong. */
  readonly says: string;
  /** The store as the faulty nucleus would use it. */
  store(store: BloqueStore, life: Life): BloqueStore;
  /** The streams, likewise. */
  bus?(bus: StreamBus): StreamBus;
}

export const NOTHING_PLANTED: Planted = { says: 'nothing', store: (store) => store };

export const PLANTED = {
  forgets_position: {
    says: 'an epoch forgets where the sources stand',
    store: (store) => withEpochs(store, (commit) => store.commitEpoch(without(commit, 'fuente'))),
  },
  releases_early: {
    says: 'the journal is released before the epoch is in',
    store: (store, life) =>
      withEpochs(store, async (commit) => {
        for (const { clase, datos } of commit.estado) {
          if (clase !== 'nucleus') continue;
          const { seq } = JSON.parse(new TextDecoder().decode(datos)) as { seq: number };
          await life.journal.release(seq).catch(() => {});
        }
        return store.commitEpoch(commit);
      }),
  },
  forgets_lotes: {
    says: 'the ids of lotes do not outlive a restart: one that is sent again acts again',
    store: (store) => withEpochs(store, (commit) => store.commitEpoch(without(commit, 'lotes'))),
  },
  loses_alerts: {
    says: 'alerts that were cut are lost when their epoch has to be tried again',
    store: (store) => {
      let tried = 0;
      return withEpochs(store, (commit) => {
        const isAgain = tried === commit.epoca;
        tried = commit.epoca;
        return store.commitEpoch(isAgain ? { ...commit, alertas: [] } : commit);
      });
    },
  },
  forgets_moves: {
    says: 'an epoch forgets which entidades stand where since they moved',
    store: (store) =>
      withEpochs(store, (commit) => store.commitEpoch(commit.epoca === 1 ? commit : without(commit, 'catalogo'))),
  },
  answers_anew: {
    says: 'a command that comes again is taken for a new one',
    store: (store) =>
      wrapped(store, {
        commitComandos: async (list) => {
          const results = await store.commitComandos(list);
          return results.map((result, k): ComandoResult => ({
            ...result,
            first: true,
            respuesta: list[k]!.row.respuesta,
          }));
        },
        findComando: () => Promise.resolve(null),
      }),
  },
  acknowledges_early: {
    says: 'what is read of a stream is acknowledged before it is in an epoch, or answered',
    store: (store) => store,
    bus: (bus) =>
      wrapped(bus, {
        readGroup: async (stream, group, ...how) => {
          const entries = await bus.readGroup(stream, group, ...how);
          const ids = entries.map(({ id }) => id);
          if (ids.length > 0) await bus.ack(stream, group, ids).catch(() => 0);
          return entries;
        },
      }),
  },
} as const satisfies Readonly<Record<string, Planted>>;

export type PlantedName = keyof typeof PLANTED;

function wrapped<T extends object>(port: T, changes: Partial<T>): T {
  return new Proxy(port, {
    get(target, name) {
      const own = (changes as Record<PropertyKey, unknown>)[name];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function withEpochs(store: BloqueStore, commitEpoch: BloqueStore['commitEpoch']): BloqueStore {
  return wrapped(store, { commitEpoch });
}

function without(commit: EpochCommit, clase: EstadoRow['clase']): EpochCommit {
  return { ...commit, estado: [...commit.estado].filter((row) => row.clase !== clase) };
}
