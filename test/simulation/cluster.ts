/** The simulated cluster of a world: its kinds, and everybody who writes there beside the forwarder. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { SimulatedApiServer } from '../../local-cluster/simulated/api-server.ts';
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import { SECRET_ANNOTATIONS, SECRET_SPEC } from './canary.ts';
import type { Dice } from './dice.ts';
import type { VirtualClock } from './virtual-clock.ts';

const CRDS = ['functiontrigger', 'triggercheckpoint', 'deadletter'].map(
  (name) => load(readFileSync(new URL(`../../deploy/crds/${name}.yaml`, import.meta.url), 'utf8')) as object,
);
const string = { type: 'string' } as const;
const WIDGET = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  serial: { type: 'integer', format: 'int64' },
                  secret: string,
                },
              },
              status: {
                type: 'object',
                properties: { t0: string, t1: string, t2: string, replicas: { type: 'integer' } },
              },
            },
          },
        },
      },
    ],
  },
};

/** More than a JavaScript number can hold. */
const SERIAL = parseExact('9007199254740993');

const WIDGETS_PATH = '/apis/example.com/v1/namespaces/shop/widgets';
const TRIGGERS_PATH = '/apis/statewire.dev/v1alpha1/namespaces/shop/functiontriggers';

const LETTERS_PATH = '/apis/statewire.dev/v1alpha1/namespaces/shop/deadletters';
const OTHER = 'example.com/other';

interface Letter {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly trigger: { readonly name: string }; readonly object: { readonly uid: string } };
}

export class Cluster {
  readonly server: SimulatedApiServer;
  /** Another API server of the same cluster. */
  readonly replica: SimulatedApiServer;
  readonly #dice: Dice;
  /** Writes of others that changed something. */
  writes: number = 0;

  constructor(clock: VirtualClock, dice: Dice) {
    this.#dice = dice.fork();
    const options = { clock, random: dice.fork().random };
    this.server = new SimulatedApiServer({ ...options, namespaces: ['shop'] });
    this.replica = new SimulatedApiServer({ ...options, peer: this.server });
    for (const crd of [...CRDS, WIDGET]) {
      this.#send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    }
  }

  putTrigger(manifest: { readonly metadata: { readonly name: string } }): void {
    const path = `${TRIGGERS_PATH}/${manifest.metadata.name}`;
    const { status } =
      this.#send('GET', path).status === 404
        ? this.#send('POST', TRIGGERS_PATH, manifest)
        : this.#send('PATCH', path, manifest, 'application/merge-patch+json');
    if (status >= 300) throw new Error(`trigger ${manifest.metadata.name} is refused: ${status}`);
  }

  triggerUid(name: string): string {
    const { object } = this.server.store.get('functiontriggers.statewire.dev', `shop/${name}`) ?? {};
    return (object as { readonly metadata: { readonly uid: string } } | undefined)?.metadata.uid ?? '';
  }

  create(name: string, { team, size }: { readonly team?: string; readonly size?: number } = {}): void {
    this.#write('POST', WIDGETS_PATH, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: {
        name,
        labels: { team: team ?? this.#dice.pick(['a', 'a', 'b']) },
        annotations: SECRET_ANNOTATIONS,
      },
      spec: { size: size ?? this.#dice.below(4), serial: SERIAL, ...SECRET_SPEC },
    });
  }

  edit(name: string, size: number): void {
    this.#patch(name, { spec: { size } });
  }

  label(name: string, labels: Readonly<Record<string, string>>): void {
    this.#patch(name, { metadata: { labels } });
  }

  annotate(name: string, annotations: Readonly<Record<string, string>>): void {
    this.#patch(name, { metadata: { annotations } });
  }

  status(name: string, replicas: number): void {
    this.#patch(`${name}/status`, { status: { replicas } });
  }

  /** With a finalizer of somebody else the object stays a while, and is about to go. */
  hold(name: string, holds: boolean): void {
    const { object } = this.server.store.get('widgets.example.com', `shop/${name}`) ?? {};
    const { finalizers = [] } = (object?.['metadata'] ?? {}) as { readonly finalizers?: readonly string[] };
    const others = finalizers.filter((one) => one !== OTHER);
    const all = holds ? [...others, OTHER] : others;
    this.#patch(name, { metadata: { finalizers: all.length > 0 ? all : null } });
  }

  /** Annotates every dead letter; says what each is about. */
  replayLetters(): { readonly trigger: string; readonly uid: string }[] {
    return this.server.store.list('deadletters.statewire.dev').map(({ object }) => {
      const { metadata, spec } = object as unknown as Letter;
      const patch = { metadata: { annotations: { 'statewire.dev/replay': String(this.writes) } } };
      this.#send('PATCH', `${LETTERS_PATH}/${metadata.name}`, patch, 'application/merge-patch+json');
      return { trigger: `shop/${spec.trigger.name}`, uid: spec.object.uid };
    });
  }

  remove(name: string): void {
    this.#write('DELETE', `${WIDGETS_PATH}/${name}`);
  }

  #patch(name: string, patch: object): void {
    this.#write('PATCH', `${WIDGETS_PATH}/${name}`, patch, 'application/merge-patch+json');
  }

  #write(method: string, path: string, body?: object, type?: string): void {
    const before = this.server.store.revision;
    this.#send(method, path, body, type);
    if (this.server.store.revision > before) this.writes++;
  }

  #send(
    method: string,
    path: string,
    body?: object,
    type: string = 'application/json',
  ): { readonly status: number } {
    return this.server.handle({
      method,
      path,
      query: { fieldManager: 'writer' },
      headers: { 'content-type': type },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }
}
