/** What app knows of a door: that it can be closed and where it listens. The doors themselves stand above. */
export interface Door {
  /** For people: `http://127.0.0.1:8420`, a socket path. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}
