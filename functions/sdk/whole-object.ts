import type { EventType } from '../../protocol/event.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { KubernetesObject } from './custom-resource.ts';
import { messageOf } from './one-line.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object that an event only names, because it was too large (`dataref`), as it is now: read with the access that the
 * event or this pod has. Undefined where a later event is on its way instead: it is gone, being deleted, or made anew. In
 * deletions, what is gone is what the event says of it.
 *
 * Rejects where it cannot be read; that is worth another try, because rights can be granted meanwhile.
 */
export async function wholeObject(
  cluster: Pick<Cluster, 'get'>,
  type: EventType,
  named: KubernetesObject,
): Promise<KubernetesObject | undefined> {
  const { apiVersion, kind, metadata } = named;
  const { name, namespace, uid } = metadata;
  const found = await cluster.get({ apiVersion, kind, name, namespace }).catch((cause: unknown) => {
    throw new Error(`the object is too large for the event and cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  });
  if (found?.metadata.uid !== uid) return type === 'Deleted' ? named : undefined;
  if (type !== 'Deleted' && found.metadata['deletionTimestamp'] !== undefined) return undefined;
  return asSent(found);
}

/** Without what events never hold. */
function asSent(object: KubernetesObject): KubernetesObject {
  const { managedFields: _managedFields, annotations, ...metadata } = object.metadata;
  const { [LAST_APPLIED]: _lastApplied, ...others } = annotations ?? {};
  const kept = Object.keys(others).length > 0 && { annotations: others };
  return { ...object, metadata: { ...metadata, ...kept } };
}
