/**
 * Applies one child, and takes it from nobody.
 *
 * Two objects of one trigger write under one field manager: an apply for the second would silently replace the owner
 * reference of the first. So a child that is not known to be this object's is looked at before, and every apply is
 * bound to the very object that was seen.
 */
import type { Manifest } from '../../protocol/result.ts';
import { ApiError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import { ownedBy } from '../lib/fields-v1.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { kindName } from '../model/resource.ts';
import { alreadyApplied } from './already-applied.ts';
import { applyRequest, yamlSafeJson } from './apply-body.ts';
import type { ApplyTask, ResourceResolver } from './apply-task.ts';
import { buildChild, type Child, childKey, ChildRefused } from './child-manifest.ts';
import type { RememberedChild, StatementMemory } from './statement-memory.ts';
import type { WriteLoop } from './write-loop.ts';

export interface ChildWriteOptions {
  readonly loop: WriteLoop;
  readonly resources: ResourceResolver;
  readonly memory: StatementMemory;
  readonly fieldManager: string;
  /** Value of the label that names the trigger. */
  readonly label: string;
}

export interface AppliedManifest {
  readonly key: string;
  readonly child: RememberedChild;
}

/** What the request is bound to, as fields of metadata; the empty one creates. */
interface Guard {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export class ChildWrite {
  readonly #task: ApplyTask;
  readonly #manifest: Manifest;
  readonly #options: ChildWriteOptions;
  readonly #creating: Map<string, string>;
  /** What was known of the child has turned out wrong. */
  #lookFirst = false;

  /** @param creating shared by all writes of a trigger: key of a child → uid of the object that is creating it */
  constructor(
    task: ApplyTask,
    manifest: Manifest,
    options: ChildWriteOptions,
    creating: Map<string, string>,
  ) {
    this.#task = task;
    this.#manifest = manifest;
    this.#options = options;
    this.#creating = creating;
  }

  /** Throws ApiError, or ChildRefused. */
  async attempt(): Promise<AppliedManifest> {
    const { label, loop, memory, resources } = this.#options;
    const { apiVersion, kind, metadata } = this.#manifest;
    const resource = await resources.resolve(apiVersion, kind);
    const child = buildChild(this.#manifest, resource, this.#task, label);
    const key = childKey(this.#manifest, child.namespace, metadata.name);
    const last = memory.children(this.#task.uid).known.get(key);
    const children = this.#task.childrenRead?.get(kindName(this.#manifest));
    const read = children?.find((object) => isNamed(object, child.namespace, metadata.name));
    if (this.#lookFirst) return this.#lookAndApply(key, child);
    if (read !== undefined && this.#isApplied(child, read, last)) {
      loop.count('child', 'unchanged');
      return { key, child: this.#remembered(child, read) };
    }
    const isOurs = read !== undefined && controllerOf(read) === this.#task.uid;
    const uid = isOurs ? read.metadata.uid : children === undefined ? last?.uid : undefined;
    return uid === undefined ? this.#lookAndApply(key, child) : this.#apply(key, child, { uid });
  }

  async #lookAndApply(key: string, child: Child): Promise<AppliedManifest> {
    // Between the look and the apply no other object of this trigger may create it; of other triggers, whose manager is
    // another, the API server itself refuses a second controller.
    if ((this.#creating.get(key) ?? this.#task.uid) !== this.#task.uid) {
      throw new ApiError('API_CONFLICT', 'another object is creating it', { status: 409 });
    }
    this.#creating.set(key, this.#task.uid);
    try {
      const live = await this.#look(child);
      const controller = live === undefined ? undefined : controllerOf(live);
      if (controller !== undefined && controller !== this.#task.uid) {
        throw new ChildRefused('another object controls it', 'ChildNotOwned');
      }
      const { uid, resourceVersion } = live?.metadata ?? {};
      const guard = uid === undefined || resourceVersion === undefined ? {} : { uid, resourceVersion };
      return await this.#apply(key, child, guard);
    } finally {
      this.#creating.delete(key);
    }
  }

  async #look(child: Child): Promise<KubeObject | undefined> {
    try {
      const { text } = await this.#options.loop.read(child.path, this.#task.signal);
      return JSON.parse(text) as KubeObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #apply(key: string, child: Child, guard: Guard): Promise<AppliedManifest> {
    const { fieldManager, loop } = this.#options;
    const body = yamlSafeJson({ ...child.object, metadata: { ...child.object.metadata, ...guard } });
    try {
      const { text } = await loop.write(applyRequest(child.path, fieldManager, body), this.#task.signal);
      loop.count('child', 'written');
      const { hash, ...applied } = this.#remembered(child, parseExact(text) as KubeObject);
      this.#task.onChild?.(applied);
      return { key, child: { ...applied, hash } };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isAnother = error.causes.some(({ field }) => field === 'metadata.uid');
      this.#lookFirst = isAnother || error.code === 'API_CONFLICT';
      throw isAnother ? new ApiError('API_CONFLICT', error.message, { status: 409, cause: error }) : error;
    }
  }

  /** Applied just so before and untouched since; or what managedFields says is ours is all of it and has these values. */
  #isApplied(child: Child, read: KubeObject, last: RememberedChild | undefined): boolean {
    if (last?.hash === child.hash && last.resourceVersion === read.metadata.resourceVersion) return true;
    const own = ownedBy(
      read.metadata.managedFields,
      ({ manager, operation, subresource }) =>
        manager === this.#options.fieldManager && operation === 'Apply' && (subresource ?? '') === '',
    );
    const { apiVersion: _apiVersion, kind: _kind, metadata, ...fields } = child.object;
    const { name: _name, namespace: _namespace, ...meta } = metadata;
    return alreadyApplied({ ...fields, metadata: meta }, read, own);
  }

  #remembered(child: Child, live: KubeObject): RememberedChild {
    const { apiVersion, kind, metadata } = this.#manifest;
    return {
      apiVersion,
      kind,
      name: metadata.name,
      ...(child.namespace !== undefined && { namespace: child.namespace }),
      uid: live.metadata.uid,
      resourceVersion: live.metadata.resourceVersion,
      hash: child.hash,
    };
  }
}

function isNamed({ metadata }: KubeObject, namespace: string | undefined, name: string): boolean {
  return metadata.name === name && metadata.namespace === namespace;
}

/** The uid of the object that controls this one. */
function controllerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}
