/** Somebody who keeps creating, editing, labelling and deleting objects, and remembers what became of each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { mulberry } from './mulberry.ts';
import type { KubeApi } from './kube-api.ts';

export type ChurnedObject = KubeObject & {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: unknown;
};

export interface State {
  readonly object: ChurnedObject;
  /** When it was asked for; the server had it after that. */
  readonly askedMs: number;
}

/** One object from its creation to its end. */
export interface Life {
  readonly uid: string;
  readonly name: string;
  /** Every state that the server is known to have had, in order. */
  readonly states: State[];
  /** Deleted, or found to be gone. */
  over: boolean;
  overMs: number;
}

export interface ChurnOptions {
  readonly api: KubeApi;
  /** Path of all objects. */
  readonly path: string;
  readonly apiVersion: string;
  readonly objects: number;
  readonly changesPerSecond: number;
  readonly seed: number;
}

const TICK_MS = 20;
const MAX_IN_FLIGHT = 16;
const CHANCES = { edit: 0.55, flip: 0.15, label: 0.15, delete: 0.15 } as const;

export class Churn {
  /** Writes that the server has answered. */
  changes = 0;
  /** Writes whose answer never came. */
  unanswered = 0;
  readonly lives: Map<string, Life> = new Map();
  readonly seed: number;
  readonly #options: ChurnOptions;
  readonly #names: readonly string[];
  readonly #present = new Map<string, Life>();
  readonly #busy = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #random: () => number;
  #counter = 0;

  constructor(options: ChurnOptions) {
    this.#options = options;
    this.#names = Array.from({ length: options.objects }, (_, index) => `c-${index}`);
    this.seed = options.seed;
    this.#random = mulberry(options.seed);
  }

  /** Creates every object, as fast as the server takes them. */
  async fill(): Promise<void> {
    const names = this.#names.values();
    await Promise.all(
      Array.from({ length: MAX_IN_FLIGHT }, async () => {
        for (const name of names) await this.#create(name);
      }),
    );
  }

  /** Changes objects at the given rate until the signal fires; resolves when the last write has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    let begun = 0;
    while (!signal.aborted) {
      const due = ((performance.now() - startMs) / 1000) * this.#options.changesPerSecond;
      // What a server that is away has kept from being done is not made up for.
      if (this.#running.size >= MAX_IN_FLIGHT) begun = Math.max(begun, due - MAX_IN_FLIGHT);
      for (; begun < due && this.#running.size < MAX_IN_FLIGHT; begun++) {
        const running = this.#change(signal).finally(() => this.#running.delete(running));
        this.#running.add(running);
      }
      await sleep(TICK_MS);
    }
    await Promise.all(this.#running);
  }

  present(name: string): Life | undefined {
    return this.#present.get(name);
  }

  async #change(signal: AbortSignal): Promise<void> {
    const name = this.#names[Math.floor(this.#random() * this.#names.length)] ?? '';
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    try {
      await this.#changeOne(name, signal);
    } finally {
      this.#busy.delete(name);
    }
  }

  async #changeOne(name: string, signal: AbortSignal): Promise<void> {
    const life = this.#present.get(name);
    if (life === undefined) return await this.#create(name);
    let dice = this.#random();
    if ((dice -= CHANCES.edit) < 0) return await this.#patch(life, { spec: { size: ++this.#counter } });
    if ((dice -= CHANCES.flip) < 0) {
      const before = life.states.at(-1)?.object.spec?.['size'];
      await this.#patch(life, { spec: { size: ++this.#counter } });
      return await this.#patch(life, { spec: { size: before } });
    }
    if ((dice -= CHANCES.label) < 0) {
      return await this.#patch(life, { metadata: { labels: { churn: `${++this.#counter}` } } });
    }
    await this.#delete(life);
    // Half of the names come back at once, the others when their turn comes.
    if (this.#random() < 0.5 && !signal.aborted) await this.#create(name);
  }

  #create(name: string): Promise<void> {
    const { apiVersion, path } = this.#options;
    const spec = { size: ++this.#counter };
    return this.#write('POST', path, name, { apiVersion, kind: 'Widget', metadata: { name }, spec });
  }

  #patch({ name, over }: Life, patch: object): Promise<void> {
    return over ? Promise.resolve() : this.#write('PATCH', this.#path(name), name, patch);
  }

  #delete({ name }: Life): Promise<void> {
    return this.#write('DELETE', this.#path(name), name);
  }

  #path(name: string): string {
    return `${this.#options.path}/${name}`;
  }

  async #write(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    name: string,
    body?: unknown,
  ): Promise<void> {
    const askedMs = performance.now();
    try {
      const { status, text } = await this.#options.api.send(method, path, body);
      if (status < 300) {
        this.changes++;
        this.#saw(name, method === 'DELETE' ? undefined : (JSON.parse(text) as ChurnedObject), askedMs);
        return;
      }
    } catch {
      this.unanswered++;
    }
    this.#saw(name, await this.#read(name), askedMs);
  }

  /** What the server has, however long it takes to say so. */
  async #read(name: string): Promise<ChurnedObject | undefined> {
    for (;;) {
      try {
        const { status, text } = await this.#options.api.send('GET', this.#path(name));
        if (status === 200) return JSON.parse(text) as ChurnedObject;
        if (status === 404) return undefined;
      } catch {
        // Not there yet.
      }
      await sleep(100);
    }
  }

  #saw(name: string, object: ChurnedObject | undefined, askedMs: number): void {
    const known = this.#present.get(name);
    if (known !== undefined && known.uid !== object?.metadata.uid) {
      known.over = true;
      known.overMs = askedMs;
      this.#present.delete(name);
    }
    if (object === undefined) return;
    const { uid } = object.metadata;
    const life = this.lives.get(uid) ?? { uid, name, states: [], over: false, overMs: 0 };
    this.lives.set(uid, life);
    life.states.push({ object, askedMs });
    this.#present.set(name, life);
  }
}
