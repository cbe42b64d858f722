/**
 * Connections to brokers, shared by all triggers that name the same one: opened by the first call that needs one, and
 * given up, never repaired, by a call that got no answer on it. A client's own repeating and reconnecting would hide
 * from the circuit breaker that a broker is away, so the next call opens a new one.
 */
export interface BrokerConnection {
  /** Whether it can no longer be used. */
  readonly closed: boolean;
  /** Ends it at once; what waits for an answer on it fails. */
  close(): void;
}

/** Ends the attempt, and all it has opened so far, when the signal aborts. */
export type OpenConnection<C extends BrokerConnection> = (signal: AbortSignal) => Promise<C>;

/** A call's part in a connection. Disposing it ends the connection where nobody else needs it and it was given up. */
export interface Lease<C extends BrokerConnection> extends Disposable {
  readonly connection: Promise<C>;
  /** No later call gets this connection. */
  giveUp(): void;
}

interface Entry<C extends BrokerConnection> {
  readonly opening: Promise<C>;
  readonly abort: AbortController;
  connection: C | undefined;
  leases: number;
  givenUp: boolean;
}

export class Connections<C extends BrokerConnection> implements Disposable {
  readonly #entries = new Map<string, Entry<C>>();
  readonly #all = new Set<Entry<C>>();
  readonly #users = new Map<string, number>();

  /** Says that something will call that broker. When the last to say so is disposed, its connection ends. */
  use(key: string): Disposable {
    this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
    let used = true;
    return {
      [Symbol.dispose]: () => {
        if (!used) return;
        used = false;
        const left = (this.#users.get(key) ?? 0) - 1;
        if (left > 0) {
          this.#users.set(key, left);
          return;
        }
        this.#users.delete(key);
        const entry = this.#entries.get(key);
        if (entry !== undefined) this.#giveUp(key, entry);
      },
    };
  }

  /** The standing connection, or the one that is being opened; else a new one. */
  lease(key: string, open: OpenConnection<C>): Lease<C> {
    let entry = this.#entries.get(key);
    if (entry?.connection?.closed === true) {
      this.#giveUp(key, entry);
      entry = undefined;
    }
    entry ??= this.#open(key, open);
    const mine = entry;
    mine.leases++;
    return {
      connection: mine.opening,
      giveUp: () => this.#giveUp(key, mine),
      [Symbol.dispose]: () => {
        mine.leases--;
        // An attempt that nobody waits for any more must not end in a connection that nobody asked for, nor may a late
        // call of the last user leave one.
        const isUnused = mine.connection === undefined || !this.#users.has(key);
        if (isUnused && mine.leases === 0) this.#giveUp(key, mine);
        else this.#endUnused(mine);
      },
    };
  }

  /** Ends all of them at once. */
  [Symbol.dispose](): void {
    for (const entry of this.#all) end(entry);
    this.#all.clear();
    this.#entries.clear();
  }

  #open(key: string, open: OpenConnection<C>): Entry<C> {
    const abort = new AbortController();
    const entry: Entry<C> = {
      opening: open(abort.signal),
      abort,
      connection: undefined,
      leases: 0,
      givenUp: false,
    };
    this.#entries.set(key, entry);
    this.#all.add(entry);
    entry.opening.then(
      (connection) => {
        entry.connection = connection;
        if (abort.signal.aborted) connection.close();
      },
      () => {
        this.#all.delete(entry);
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry;
  }

  #giveUp(key: string, entry: Entry<C>): void {
    entry.givenUp = true;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    this.#endUnused(entry);
  }

  #endUnused(entry: Entry<C>): void {
    if (!entry.givenUp || entry.leases > 0) return;
    this.#all.delete(entry);
    end(entry);
  }
}

function end<C extends BrokerConnection>({ abort, connection }: Entry<C>): void {
  abort.abort();
  connection?.close();
}
