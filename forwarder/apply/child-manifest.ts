/** Makes of a manifest in a result what is sent to the API server: a child that its owner controls. */
import { createHash } from 'node:crypto';
import type { Manifest } from '../../protocol/result.ts';
import { foreignText } from '../lib/errors.ts';
import { apiVersionOf, kindName, parseApiVersion, type Resource, resourcePath } from '../model/resource.ts';
import { TRIGGER_LABEL } from '../model/trigger.ts';
import { yamlSafeJson } from './apply-body.ts';
import { isPlainObject } from './declared-fields.ts';

export interface ChildOwner {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
}

export interface Child {
  readonly path: string;
  /** The object that is applied. */
  readonly object: Readonly<Record<string, unknown>> & {
    readonly metadata: Readonly<Record<string, unknown>>;
  };
  /** Of the object. */
  readonly hash: string;
  readonly namespace: string | undefined;
}

/** Fields of metadata that are the API server's or ours to set. */
const NOT_A_FUNCTIONS: ReadonlySet<string> = new Set([
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

/** A manifest that does not become a child of this object; the message says why. */
export class ChildRefused extends Error {
  override readonly name = 'ChildRefused';
  readonly reason: 'Invalid' | 'ChildNotOwned';
  constructor(message: string, reason: 'Invalid' | 'ChildNotOwned' = 'Invalid') {
    super(message);
    this.reason = reason;
  }
}

/** `Deployment.apps/v1 "web"`. */
export function childName(manifest: Manifest): string {
  return foreignText(`${kindName(manifest)} "${manifest.metadata.name}"`);
}

/** Equal for manifests that mean the same object, also in another version of its kind. */
export function childKey(
  of: { readonly apiVersion: string; readonly kind: string },
  namespace: string | undefined,
  name: string,
): string {
  return JSON.stringify([parseApiVersion(of.apiVersion).group, of.kind, namespace ?? '', name]);
}

/** Throws ChildRefused. @param label value of the label that names the trigger */
export function buildChild(
  manifest: Manifest,
  resource: Resource | undefined,
  owner: ChildOwner,
  label: string,
): Child {
  if (resource === undefined) throw new ChildRefused('the API server serves no such kind');
  const namespace = childNamespace(manifest, resource, owner);
  if (
    childKey(manifest, namespace, manifest.metadata.name) ===
    childKey(
      { apiVersion: apiVersionOf(owner.resource), kind: owner.resource.kind },
      owner.namespace,
      owner.name,
    )
  ) {
    throw new ChildRefused('an object cannot be its own child');
  }
  const { metadata, status: _status, ...rest } = manifest;
  const kept = Object.entries(metadata).filter(([field]) => !NOT_A_FUNCTIONS.has(field));
  const labels = isPlainObject(metadata.labels) ? metadata.labels : {};
  const object = {
    ...rest,
    metadata: {
      ...Object.fromEntries(kept),
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [TRIGGER_LABEL]: label },
      ownerReferences: [
        {
          apiVersion: apiVersionOf(owner.resource),
          kind: owner.resource.kind,
          name: owner.name,
          uid: owner.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
  };
  return {
    path: resourcePath(resource, { namespace, name: manifest.metadata.name }),
    object,
    hash: createHash('sha256').update(yamlSafeJson(object)).digest('base64url').slice(0, 22),
    namespace,
  };
}

function childNamespace(manifest: Manifest, resource: Resource, owner: ChildOwner): string | undefined {
  const { namespace } = manifest.metadata;
  if (owner.namespace === undefined) {
    if (!resource.namespaced) return undefined;
    if (namespace === undefined)
      throw new ChildRefused('metadata.namespace is missing: its owner is cluster-scoped');
    return namespace;
  }
  if (!resource.namespaced) {
    throw new ChildRefused('a cluster-scoped object cannot be the child of a namespaced one');
  }
  if (namespace !== undefined && namespace !== owner.namespace) {
    throw new ChildRefused(`metadata.namespace is "${foreignText(namespace)}", not that of its owner`);
  }
  return owner.namespace;
}
