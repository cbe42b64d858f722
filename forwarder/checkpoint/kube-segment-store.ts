/** Segments as TriggerCheckpoints beside the trigger: `--checkpoint kubernetes`. */
import { createHash } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import type { KubeClient } from '../model/kube-client.ts';
import type { TriggerIdentity } from '../model/trigger.ts';
import { CheckpointFencedError } from './fenced-error.ts';
import type { DamagedSegment, Segment } from './segment.ts';
import { readDocument, writeDocument } from './segment-document.ts';
import type { SegmentStore, SegmentStores } from './segment-store.ts';

const API_VERSION = 'statewire.dev/v1alpha1';
const UID_LABEL = 'statewire.dev/trigger-uid';
/** Objects are up to 256 KB: pages of at most 4 MB. */
const PAGE_SIZE = 16;
const LIST_TIMEOUT_MS = 30_000;

export interface KubeSegmentStoreOptions {
  readonly client: KubeClient;
  readonly trigger: TriggerIdentity;
  /** Whether the trigger is an object, which takes its checkpoint along. False for triggers of a file. */
  readonly owned: boolean;
}

interface CheckpointList {
  readonly metadata?: { readonly continue?: string };
  readonly items: readonly { readonly metadata: { readonly name: string }; readonly spec?: unknown }[];
}

class KubeSegmentStore implements SegmentStore {
  readonly #client: KubeClient;
  readonly #trigger: TriggerIdentity;
  readonly #owned: boolean;
  readonly #path: string;
  readonly #prefix: string;

  constructor({ client, trigger, owned }: KubeSegmentStoreOptions) {
    this.#client = client;
    this.#trigger = trigger;
    this.#owned = owned;
    this.#path = `/apis/${API_VERSION}/namespaces/${encodeURIComponent(trigger.namespace)}/triggercheckpoints`;
    this.#prefix = namePrefix(trigger);
  }

  /** Consistent: as of the first page, which is as of now. Throws `API_EXPIRED` where that took too long. */
  async *list(signal?: AbortSignal): AsyncIterable<Segment | DamagedSegment> {
    let token = '';
    do {
      const { text } = await this.#client.request({
        method: 'GET',
        path: this.#path,
        query: {
          labelSelector: `${UID_LABEL}=${this.#trigger.uid}`,
          limit: String(PAGE_SIZE),
          ...(token !== '' && { continue: token }),
        },
        timeoutMs: LIST_TIMEOUT_MS,
        ...(signal !== undefined && { signal }),
      });
      const page = JSON.parse(text) as CheckpointList;
      // The server orders by name.
      for (const { metadata, spec } of page.items) {
        const seq = this.#seqOf(metadata.name);
        if (seq !== undefined) yield readDocument(seq, spec);
      }
      token = page.metadata?.continue ?? '';
    } while (token !== '');
  }

  async read(seq: number): Promise<Segment | DamagedSegment | undefined> {
    try {
      const { text } = await this.#client.request({ method: 'GET', path: this.#pathOf(seq) });
      return readDocument(seq, (JSON.parse(text) as { readonly spec?: unknown }).spec);
    } catch (error) {
      return unlessAbsent(error);
    }
  }

  async create(segment: Segment): Promise<void> {
    const { name, namespace, uid } = this.#trigger;
    const owner = { apiVersion: API_VERSION, kind: 'FunctionTrigger', name, uid };
    const body = JSON.stringify({
      apiVersion: API_VERSION,
      kind: 'TriggerCheckpoint',
      metadata: {
        name: this.#nameOf(segment.seq),
        namespace,
        labels: { [UID_LABEL]: uid },
        ...(this.#owned && { ownerReferences: [owner] }),
      },
      spec: { trigger: name, ...writeDocument(segment) },
    });
    try {
      await this.#client.request({
        method: 'POST',
        path: this.#path,
        query: { fieldManager: 'statewire' },
        body,
      });
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'AlreadyExists') {
        throw new CheckpointFencedError(segment.seq);
      }
      throw error;
    }
  }

  async remove(seq: number): Promise<void> {
    try {
      await this.#client.request({ method: 'DELETE', path: this.#pathOf(seq) });
    } catch (error) {
      unlessAbsent(error);
    }
  }

  async clear(): Promise<void> {
    for await (const { seq } of this.list()) await this.remove(seq);
  }

  /** Padded, so that the order of names is that of the numbers. */
  #nameOf(seq: number): string {
    return `${this.#prefix}-${String(seq).padStart(10, '0')}`;
  }

  #pathOf(seq: number): string {
    return `${this.#path}/${this.#nameOf(seq)}`;
  }

  /** Undefined for a name that is none of ours. */
  #seqOf(name: string): number | undefined {
    const seq = Number(name.slice(this.#prefix.length + 1));
    return Number.isSafeInteger(seq) && name === this.#nameOf(seq) ? seq : undefined;
  }
}

export class KubeSegmentStores implements SegmentStores {
  readonly isDurable = true;
  readonly #client: KubeClient;
  readonly #owned: boolean;

  /** @param options.owned whether triggers are objects of the API, not of a file */
  constructor({ client, owned }: Omit<KubeSegmentStoreOptions, 'trigger'>) {
    this.#client = client;
    this.#owned = owned;
  }

  open(trigger: TriggerIdentity): SegmentStore {
    return new KubeSegmentStore({ client: this.#client, trigger, owned: this.#owned });
  }

  /** The API server does that: the owner of a checkpoint is its trigger. */
  async sweep(): Promise<void> {}
}

/** The trigger's name, cut at 40 characters, and 10 hex digits of its uid. */
function namePrefix({ name, uid }: TriggerIdentity): string {
  const hex = createHash('sha256').update(uid).digest('hex').slice(0, 10);
  return `${name.slice(0, 40).replace(/[^0-9a-z]+$/, '')}-${hex}`;
}

function unlessAbsent(error: unknown): undefined {
  if (!(error instanceof ApiError && error.code === 'API_NOT_FOUND')) throw error;
}
