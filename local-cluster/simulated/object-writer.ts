import type { Clock } from '../../forwarder/lib/clock.ts';
import type { Random } from '../../forwarder/lib/random.ts';
import { fieldOf, isObject, type Json } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { applied, ApplyConflict, managedAfterUpdate, sameObject, type Writer } from './managed-fields.ts';
import type { ObjectStore, Stored } from './object-store.ts';
import { jsonPatch, mergePatch, PATCH_TYPES, strategicMergePatch } from './patches.ts';
import { type ResourcePath, storeKey } from './request.ts';
import { alreadyExists, conflict, invalid, notFound, StatusError } from './status-error.ts';
import type { Schema } from './schema.ts';
import { prepareCreate, prepareUpdate, structured, validate } from './strategy.ts';
import { checkTyped, TypedValueError } from './typed-value.ts';
import { newUid } from './uid.ts';
import {
  applyConflict,
  checkNamespace,
  checkType,
  checkUid,
  checkVersion,
  fits,
  isHeld,
  isNamespace,
  ownedRoots,
  statement,
  isUntidy,
  tidy,
  unknownFormat,
} from './write-checks.ts';

/** Who writes, and how: the query of a write. */
export interface WriteOptions {
  readonly fieldManager: string;
  readonly force?: boolean;
  /** Everything but the write itself. */
  readonly dryRun?: boolean;
}

/** What a write leads to; an object that is gone has no version in the store any more. */
export interface Written {
  readonly object: Json;
  readonly created: boolean;
}

/** Creates, updates, patches and deletes objects by the rules of the API server. Throws StatusError. */
export class ObjectWriter {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #random: Random;
  /** As which schema has them objects are stored. */
  readonly #schemas = new WeakMap<Json, Schema>();
  /** Stored with empty parts that no reader is shown: after any other write the bytes in etcd are not the same. */
  readonly #untidy = new WeakSet<Json>();

  constructor(options: { readonly store: ObjectStore; readonly clock: Clock; readonly random: Random }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  create({ kind, namespace }: ResourcePath, body: Json, options: WriteOptions): Json {
    checkType(kind, body);
    const stated = fieldOf(body['metadata'], 'namespace') as unknown;
    if (kind.namespaced && stated !== undefined && stated !== namespace) {
      throw new StatusError(
        400,
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    const created = structured(kind, prepareCreate(kind, namespace, body, this.#identity()));
    const owned = this.#updated(kind, undefined, created, undefined, options);
    return this.#insert(kind, namespace, owned, options);
  }

  /** PUT. */
  update(at: ResourcePath, body: Json, options: WriteOptions): Json {
    const { kind, name } = at;
    checkType(kind, body);
    const live = this.#find(at);
    const metadata: Json = isObject(body['metadata']) ? body['metadata'] : {};
    if (metadata['name'] !== undefined && metadata['name'] !== name) {
      throw new StatusError(
        400,
        `the name of the object (${metadata['name']}) does not match the name on the URL (${name})`,
      );
    }
    const { uid, resourceVersion = '' } = metadata;
    const liveUid = live.object['metadata'].uid as string;
    if (uid !== undefined && uid !== '' && uid !== liveUid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${liveUid}`;
      throw conflict(kind, name, why);
    }
    if (resourceVersion === '' && kind.custom) {
      const message = 'Invalid value: 0: must be specified for an update';
      throw invalid(kind, name, [
        { reason: 'FieldValueInvalid', message, field: 'metadata.resourceVersion' },
      ]);
    }
    checkVersion(live, resourceVersion as string, at);
    const body_ = {
      ...body,
      metadata: { ...metadata, name, ...(kind.namespaced && { namespace: at.namespace }) },
    };
    const stated = structured(kind, body_, this.#known(kind, live));
    return this.#replace(at, live, this.#changed(at, live, stated, options), options);
  }

  /** A patch of any type. */
  patch(at: ResourcePath, type: string, body: unknown, options: WriteOptions): Written {
    const { kind } = at;
    if (type === PATCH_TYPES.apply) return this.#apply(at, body, options);
    const live = this.#find(at);
    const { object } = live;
    let patched: unknown;
    if (type === PATCH_TYPES.merge) patched = mergePatch(object, body);
    else if (type === PATCH_TYPES.json) patched = jsonPatch(object, body);
    else if (type === PATCH_TYPES.strategic && !kind.custom) {
      patched = strategicMergePatch(object, body, kind.schema);
    } else throw unknownFormat(kind);
    if (!isObject(patched) || !isObject(patched['metadata'])) {
      throw new StatusError(422, 'the patched object is none', { reason: 'Invalid' });
    }
    checkUid(at, live, patched['metadata']);
    checkVersion(live, (patched['metadata']['resourceVersion'] as string | undefined) ?? '', at);
    const stated = structured(kind, patched, this.#known(kind, live));
    const next = this.#changed(at, live, stated, options);
    return { object: this.#replace(at, live, next, options), created: false };
  }

  /** Undefined: it is gone. An object with finalizers stays, and says since when it is to go. */
  delete(at: ResourcePath, body: Json, options: Pick<WriteOptions, 'dryRun'> = {}): Json | undefined {
    const { kind, name } = at;
    const live = this.#find(at);
    const metadata = live.object['metadata'] as Json;
    const { uid, resourceVersion } = (body['preconditions'] ?? {}) as Json;
    if (uid !== undefined && uid !== metadata['uid']) {
      throw conflict(
        kind,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata['uid']}`,
      );
    }
    if (resourceVersion !== undefined && resourceVersion !== metadata['resourceVersion']) {
      const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata['resourceVersion']}`;
      throw conflict(kind, name, why);
    }
    if (options.dryRun === true) return undefined;
    if (!isHeld(kind, live.object)) {
      this.#store.commit(kind.resource, live.key, undefined);
      return undefined;
    }
    if (metadata['deletionTimestamp'] !== undefined) return live.object;
    const generation = metadata['generation'] as number | undefined;
    const terminating: Json = {
      ...live.object,
      metadata: {
        ...metadata,
        deletionTimestamp: this.#time(),
        ...(!isNamespace(kind) && { deletionGracePeriodSeconds: 0 }),
        ...(generation !== undefined && { generation: generation + 1 }),
      },
      ...(isNamespace(kind) && { status: { ...live.object['status'], phase: 'Terminating' } }),
    };
    return this.#store.commit(kind.resource, live.key, terminating).object;
  }

  #apply(at: ResourcePath, body: unknown, options: WriteOptions): Written {
    const { kind, namespace, name, subresource } = at;
    const stated = statement(at, body, options);
    const key = storeKey(namespace, name);
    const live = this.#store.get(kind.resource, key);
    const { uid, resourceVersion } = stated['metadata'] as Json;
    if (live === undefined) {
      if (subresource !== undefined) throw notFound(kind, name);
      if (uid !== undefined && uid !== '') {
        throw conflict(
          kind,
          name,
          `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
        );
      }
    }
    const { resourceVersion: _version, uid: _uid, ...metadata } = stated['metadata'] as Json;
    const owns = ownedRoots(kind, subresource);
    try {
      checkTyped(stated, kind.schema);
      const { force = false } = options;
      const config = { ...stated, metadata };
      const base = live?.object;
      const writer = this.#writer(kind, subresource, options);
      const merged = applied({ live: base, stated: config, force, writer, schema: kind.schema, owns });
      if (live === undefined) {
        const created = structured(kind, prepareCreate(kind, namespace, merged, this.#identity()));
        return { object: this.#insert(kind, namespace, created, options), created: true };
      }
      // Only what could be merged is held against the version.
      checkUid(at, live, stated['metadata'] as Json);
      checkVersion(live, (resourceVersion as string | undefined) ?? '', at);
      const next = structured(kind, merged, this.#known(kind, live));
      const updated = prepareUpdate(kind, live.object, next, subresource);
      return { object: this.#replace(at, live, updated, options), created: false };
    } catch (error) {
      if (error instanceof ApplyConflict) throw applyConflict(error);
      if (!(error instanceof TypedValueError)) throw error;
      const of = `${namespace}/${name}; ${kind.apiVersion}, Kind=${kind.kind}`;
      throw new StatusError(500, `failed to create typed patch object (${of}): ${error.message}`, {
        reason: '',
      });
    }
  }

  #find({ kind, namespace, name }: ResourcePath): Stored {
    const live = this.#store.get(kind.resource, storeKey(namespace, name));
    if (live === undefined) throw notFound(kind, name);
    return live;
  }

  /** The next state of an object, with who owns it then. */
  #changed({ kind, subresource }: ResourcePath, live: Stored, stated: Json, options: WriteOptions): Json {
    const next = prepareUpdate(kind, live.object, stated, subresource);
    if (fits(stated, next, kind)) return this.#updated(kind, live.object, next, subresource, options);
    // As the real one: it gives up on ownership where a part that it will not store has a wrong type.
    return tidy({ ...next, metadata: { ...next['metadata'], managedFields: [] } });
  }

  #updated(
    kind: ServedKind,
    before: Json | undefined,
    next: Json,
    subresource: string | undefined,
    options: WriteOptions,
  ): Json {
    const writer = this.#writer(kind, subresource, options);
    const owns = ownedRoots(kind, subresource);
    const after = tidy(next);
    let managedFields: unknown[];
    try {
      managedFields = managedAfterUpdate({ before, after, writer, schema: kind.schema, owns });
    } catch (error) {
      // What does not fit the schema is told by validation.
      if (!(error instanceof TypedValueError)) throw error;
      managedFields = [];
    }
    return { ...after, metadata: { ...after['metadata'], managedFields } };
  }

  #insert(kind: ServedKind, namespace: string, object: Json, { dryRun }: WriteOptions): Json {
    const name = object['metadata'].name as string;
    const key = storeKey(namespace, name);
    checkNamespace(this.#store, kind, namespace, name);
    const made = tidy(object);
    validate(kind, undefined, made);
    if (this.#store.get(kind.resource, key) !== undefined) throw alreadyExists(kind, name);
    return dryRun === true ? made : this.#commit(kind, key, made, object);
  }

  #replace({ kind, name }: ResourcePath, live: Stored, next: Json, { dryRun }: WriteOptions): Json {
    if (next['metadata'].name !== name) {
      throw new StatusError(
        400,
        `the name of the object (${next['metadata'].name}) does not match the name on the URL (${name})`,
      );
    }
    const object = tidy(next);
    validate(kind, live.object, object, this.#known(kind, live));
    if (sameObject(live.object, object) && this.#untidy.has(live.object) === isUntidy(kind, next))
      return live.object;
    if (dryRun === true) return object;
    if (live.object['metadata'].deletionTimestamp !== undefined && !isHeld(kind, object)) {
      this.#store.commit(kind.resource, live.key, undefined);
      return object;
    }
    return this.#commit(kind, live.key, object, next);
  }

  #commit(kind: ServedKind, key: string, object: Json, asWritten: Json): Json {
    const { object: stored } = this.#store.commit(kind.resource, key, object);
    this.#schemas.set(stored, kind.schema);
    if (isUntidy(kind, asWritten)) this.#untidy.add(stored);
    return stored;
  }

  /** The stored object where it is known to be as the kind's schema has it. */
  #known({ schema }: ServedKind, { object }: Stored): Json | undefined {
    return this.#schemas.get(object) === schema ? object : undefined;
  }

  #writer(kind: ServedKind, subresource: string | undefined, { fieldManager }: WriteOptions): Writer {
    return { manager: fieldManager, apiVersion: kind.apiVersion, subresource, time: this.#time() };
  }

  #identity(): Parameters<typeof prepareCreate>[3] {
    const random = this.#random;
    return { uid: newUid(random), time: this.#time(), random };
  }

  #time(): string {
    return `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
  }
}
