/** An API server that holds dead letters and nothing else, with a watch; test/integration/dead-letters.test.ts has the real one. */
import type { LetterSources } from '../../forwarder/dead-letter/dead-letters.ts';
import { ApiError } from '../../forwarder/lib/errors.ts';
import type { KubeClient, KubeRequest, KubeResponse } from '../../forwarder/model/kube-client.ts';
import { type KubeObject, objectKey } from '../../forwarder/model/kube-object.ts';

type Subscriber = Parameters<LetterSources['subscribe']>[1];
export type LetterObject = KubeObject & {
  readonly spec: { readonly trigger: string; readonly object: Readonly<Record<string, string>> };
  readonly status?: Readonly<Record<string, unknown>>;
};

export class LetterServer implements KubeClient, LetterSources {
  readonly requests: string[] = [];
  readonly letters: Map<string, LetterObject> = new Map();
  /** Decides on each request before it is carried out. */
  fault: (request: KubeRequest) => ApiError | undefined = () => undefined;
  /** Answers that get lost after the request was carried out. */
  lose: (request: KubeRequest) => boolean = () => false;
  /** Each answer waits for it. */
  hold: Promise<void> | undefined;
  inFlight = 0;
  mostInFlight = 0;
  readonly #subscribers = new Set<Subscriber>();
  #version = 100;

  async request(request: KubeRequest): Promise<KubeResponse> {
    const { method, path } = request;
    this.requests.push(`${method} ${path.replace(/.*\/deadletters\/?/, '')}`);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    await this.hold;
    this.inFlight -= 1;
    request.signal?.throwIfAborted();
    const fault = this.fault(request);
    if (fault !== undefined) throw fault;
    const text = this.#carryOut(request);
    if (this.lose(request)) throw new ApiError('API_UNAVAILABLE', 'connection lost');
    return { status: 200, text };
  }

  subscribe(_key: unknown, subscriber: Subscriber): { unsubscribe(): void } {
    this.#subscribers.add(subscriber);
    queueMicrotask(() => {
      if (!this.#subscribers.has(subscriber)) return;
      for (const letter of this.letters.values()) subscriber.delta(seen('Listed', letter));
      subscriber.synced();
    });
    return { unsubscribe: () => void this.#subscribers.delete(subscriber) };
  }

  /** Watches that are open. */
  get watches(): number {
    return this.#subscribers.size;
  }

  /** The only letter. */
  get letter(): LetterObject {
    const [letter] = this.letters.values();
    if (letter === undefined || this.letters.size > 1) throw new Error(`${this.letters.size} letters`);
    return letter;
  }

  /** Puts a letter there, or changes it, as somebody else. */
  put(letter: Omit<LetterObject, 'metadata'> & { readonly metadata: object }): void {
    const metadata = { ...letter.metadata, resourceVersion: String((this.#version += 1)) };
    const stored = { ...letter, metadata } as LetterObject;
    const { namespace = '', name } = stored.metadata;
    const path = `${namespace}/${name}`;
    const type = this.letters.has(path) ? 'Modified' : 'Added';
    this.letters.set(path, stored);
    for (const subscriber of this.#subscribers) subscriber.delta(seen(type, stored));
  }

  annotate(value: string | undefined): void {
    const { metadata, ...rest } = this.letter;
    const annotations = value === undefined ? {} : { 'statewire.dev/replay': value };
    this.put({ ...rest, metadata: { ...metadata, annotations } });
  }

  remove(letter: LetterObject): void {
    const { namespace = '', name } = letter.metadata;
    this.letters.delete(`${namespace}/${name}`);
    for (const subscriber of this.#subscribers)
      subscriber.delta({ ...seen('Added', letter), type: 'Deleted' });
  }

  /** As after a watch had to begin anew. */
  sync(): void {
    for (const subscriber of this.#subscribers) subscriber.synced();
  }

  #carryOut({ method, path, body = '{}' }: KubeRequest): string {
    const [, namespace = '', name = '', subresource] =
      /namespaces\/([^/]+)\/deadletters(?:\/([^/]+)(?:\/(status))?)?$/.exec(path) ?? [];
    const given = JSON.parse(body) as LetterObject & { readonly preconditions?: { readonly uid?: string } };
    if (method === 'POST') {
      const id = `${namespace}/${given.metadata.name}`;
      if (this.letters.has(id)) throw new ApiError('API_CONFLICT', 'exists', { reason: 'AlreadyExists' });
      this.put({ ...given, metadata: { ...given.metadata, uid: `uid-${this.#version}` } });
      return JSON.stringify(this.letters.get(id));
    }
    const known = this.letters.get(`${namespace}/${name}`);
    if (known === undefined) throw new ApiError('API_NOT_FOUND', `deadletters "${name}" not found`);
    const { metadata } = known;
    if (method === 'DELETE') {
      const wanted = given.preconditions?.uid ?? metadata.uid;
      if (wanted !== metadata.uid) throw new ApiError('API_CONFLICT', 'another uid');
      this.remove(known);
      return '{}';
    }
    if (method === 'PATCH' && subresource === 'status') this.put({ ...known, status: given.status ?? {} });
    else if (method === 'PATCH') {
      if (given.metadata.resourceVersion !== metadata.resourceVersion)
        throw new ApiError('API_CONFLICT', 'another version');
      this.put({ ...known, metadata: { ...metadata, annotations: {} } });
    }
    return JSON.stringify(this.letters.get(`${namespace}/${name}`));
  }
}

function seen(
  type: 'Listed' | 'Added' | 'Modified',
  letter: LetterObject,
): Parameters<Subscriber['delta']>[0] {
  const { uid, namespace = '', name, resourceVersion } = letter.metadata;
  return {
    type,
    head: { key: objectKey(uid), uid, namespace, name, resourceVersion, deleting: false },
    raw: JSON.stringify(letter),
  };
}
