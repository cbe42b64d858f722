/** Children as a function states them, and as an API server has them by then. */
import { parseExact } from '../../forwarder/lib/exact-json.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { triggerLabelValue } from '../../forwarder/model/trigger.ts';
import type { Manifest } from '../../protocol/result.ts';
import { CHILD_PATH, type Harness, OBJECT_PATH } from './apply-harness.ts';

export const LABEL: string = triggerLabelValue({ namespace: 'shop', name: 'app' });
export const LABELS: Readonly<Record<string, string>> = { 'statewire.dev/trigger': LABEL };
export const OWNER = {
  apiVersion: 'example.com/v1',
  kind: 'App',
  name: 'web',
  uid: 'u1',
  controller: true,
  blockOwnerDeletion: true,
};

export function deployment(name: string, more: Partial<Manifest> = {}): Manifest {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 2 }, ...more };
}

/** The children as they are now, as a delivery reads them. */
export function childrenRead(harness: Harness): ReadonlyMap<string, readonly KubeObject[]> {
  const found = [...harness.server.objects].filter(([path]) => path.startsWith(CHILD_PATH));
  return new Map([
    ['Deployment.apps/v1', found.map(([, object]) => parseExact(JSON.stringify(object)) as KubeObject)],
  ]);
}

/** Names of what exists beside the object itself. */
export function childNames(harness: Harness): string[] {
  return [...harness.server.objects.keys()]
    .filter((path) => path !== OBJECT_PATH)
    .map((path) => path.split('/').at(-1) ?? '');
}
