/** Objects of a made-up kind. */
import type { KubeObject, ObjectMeta } from '../../forwarder/model/kube-object.ts';
import type { Resource } from '../../forwarder/model/resource.ts';

export const APPLICATIONS: Resource = {
  group: 'example.com',
  version: 'v1',
  kind: 'Application',
  plural: 'applications',
  namespaced: true,
  statusSubresource: true,
};

/** The Application shop/web, with the given parts. */
export function objectOf({
  metadata,
  ...rest
}: {
  readonly metadata?: Partial<ObjectMeta>;
  readonly [field: string]: unknown;
}): KubeObject {
  return {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'uid-web',
      resourceVersion: '42',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    ...rest,
  };
}
