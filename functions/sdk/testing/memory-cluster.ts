import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../../../protocol/result.ts';
import { systemClock, type Clock } from '../clock.ts';
import type {
  Cluster,
  KindRef,
  ObjectRef,
  PatchStatusOptions,
  StatusOutcome,
  StatusStatement,
  StatusSubject,
} from '../cluster/cluster.ts';
import { statesNewer, statusBody } from '../cluster/status-body.ts';
import type { KubernetesObject } from '../custom-resource.ts';
import { labelMatcher } from './label-matcher.ts';
import { type Fields, mergeApplied } from './merge-applied.ts';

interface Stored {
  object: KubernetesObject;
  /** What was applied last. */
  applied: Fields;
  /** What each part stated last, by its name. */
  readonly stated: Map<string, Fields>;
}

/**
 * A cluster in memory, for tests of handlers that read or write: names, uids, versions, generations, labels, applying with
 * what was left out removed, statuses. No schemas, no admission, no controllers: lists are replaced as a whole, but for
 * conditions, which merge by type.
 */
export class MemoryCluster implements Cluster {
  readonly #objects = new Map<string, Stored>();
  readonly #clock: Clock;
  #version = 0;
  #uids = 0;

  /** @param objects as they were made by somebody else; uid and versions are added where they are missing */
  constructor(objects: readonly Manifest[] = [], { clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#clock = clock;
    for (const object of objects) this.add(object);
  }

  /** Makes an object, or replaces one, status included, as somebody else does. */
  add(object: Manifest): KubernetesObject {
    const key = keyOf({ ...object, ...object.metadata });
    const before = this.#objects.get(key)?.object;
    const made = {
      ...structuredClone(object),
      metadata: {
        uid: before?.metadata.uid ?? `uid-${++this.#uids}`,
        generation: (before?.metadata.generation ?? 0) + 1,
        creationTimestamp: new Date(this.#clock.now()).toISOString(),
        ...object.metadata,
        resourceVersion: this.#nextVersion(),
      },
    };
    this.#objects.set(key, { object: made, applied: {}, stated: new Map() });
    return structuredClone(made);
  }

  /** Every object, in the order in which they came. */
  objects(): KubernetesObject[] {
    return [...this.#objects.values()].map(({ object }) => structuredClone(object));
  }

  async get(ref: ObjectRef): Promise<KubernetesObject | undefined> {
    return structuredClone(this.#objects.get(keyOf(ref))?.object);
  }

  async list({
    apiVersion,
    kind,
    namespace,
    labelSelector,
  }: KindRef & {
    readonly namespace?: string | undefined;
    readonly labelSelector?: string | undefined;
  }): Promise<KubernetesObject[]> {
    const matches = labelMatcher(labelSelector);
    return this.objects().filter(
      (object) =>
        object.apiVersion === apiVersion &&
        object.kind === kind &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        matches(object.metadata.labels ?? {}),
    );
  }

  async apply(object: Manifest): Promise<KubernetesObject> {
    const key = keyOf({ ...object, ...object.metadata });
    const applied: Record<string, unknown> = structuredClone(object);
    delete applied['status'];
    const known = this.#objects.get(key);
    if (known === undefined) {
      this.add(applied as Manifest);
      const stored = this.#objects.get(key);
      if (stored !== undefined) stored.applied = applied;
    } else {
      this.#update(known, mergeApplied(known.object, known.applied, applied) as KubernetesObject);
      known.applied = applied;
    }
    return structuredClone(this.#objects.get(key)?.object as KubernetesObject);
  }

  async delete(ref: ObjectRef): Promise<void> {
    this.#objects.delete(keyOf(ref));
  }

  async patchStatus(
    subject: StatusSubject,
    statement: StatusStatement,
    { part = '' }: PatchStatusOptions = {},
  ): Promise<StatusOutcome> {
    const known = this.#objects.get(keyOf({ ...subject, ...subject.metadata }));
    if (known === undefined || known.object.metadata.uid !== subject.metadata.uid) return 'gone';
    const before = known.stated.get(part) ?? {};
    const { object } = known;
    const owner = { manager: part, fieldsV1: { 'f:status': {} } };
    const input = {
      current: {
        ...object,
        metadata: { ...object.metadata, managedFields: known.stated.has(part) ? [owner] : [] },
      },
      statement,
      fieldManager: part,
      generation: subject.metadata.generation,
      nowMs: this.#clock.now(),
      additions: 'all',
    } as const;
    if (statesNewer(input)) return 'older';
    // Through JSON, as it would travel.
    const stated = JSON.parse(JSON.stringify(statusBody(input))) as Fields;
    const status = mergeApplied((object['status'] ?? {}) as Fields, before, stated);
    const version = object.metadata.resourceVersion;
    this.#update(known, {
      ...object,
      ...(Object.keys(status).length > 0 || object['status'] ? { status } : {}),
    });
    known.stated.set(part, stated);
    return known.object.metadata.resourceVersion === version ? 'unchanged' : 'written';
  }

  /** Stores a new state; one that differs outside metadata and status is a new generation. */
  #update(stored: Stored, next: KubernetesObject): void {
    const { object } = stored;
    if (isDeepStrictEqual(next, object)) return;
    const generation =
      (object.metadata.generation ?? 1) + (isDeepStrictEqual(specOf(next), specOf(object)) ? 0 : 1);
    stored.object = {
      ...next,
      metadata: { ...next.metadata, generation, resourceVersion: this.#nextVersion() },
    };
  }

  #nextVersion(): string {
    return String(++this.#version);
  }
}

function specOf(object: KubernetesObject): unknown {
  return { ...object, metadata: undefined, status: undefined };
}

function keyOf({ apiVersion, kind, name, namespace }: ObjectRef): string {
  return [apiVersion, kind, namespace ?? '', name].join('\n');
}
