/** Kinds that are served without a CustomResourceDefinition, as far as Statewire and its demo use them. */
import { BUILT_IN_SCHEMAS } from './built-in-schemas.ts';
import type { ServedKind } from './kinds.ts';
import { ANYTHING, objectSchema } from './schema.ts';

interface Row {
  readonly group?: string;
  readonly kind: string;
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  readonly cluster?: true;
  readonly status?: true;
  readonly generation?: true;
}

const ROWS: readonly Row[] = [
  { kind: 'Namespace', shortNames: ['ns'], cluster: true, status: true },
  { kind: 'ConfigMap', shortNames: ['cm'] },
  { kind: 'Secret' },
  { kind: 'Service', shortNames: ['svc'], status: true },
  { kind: 'ServiceAccount', shortNames: ['sa'] },
  { kind: 'Event', shortNames: ['ev'] },
  { kind: 'Pod', shortNames: ['po'], status: true, generation: true },
  { kind: 'Event', group: 'events.k8s.io', shortNames: ['ev'] },
  { kind: 'Deployment', group: 'apps', shortNames: ['deploy'], status: true, generation: true },
  { kind: 'Lease', group: 'coordination.k8s.io' },
  { kind: 'Role', group: 'rbac.authorization.k8s.io' },
  { kind: 'RoleBinding', group: 'rbac.authorization.k8s.io' },
  { kind: 'ClusterRole', group: 'rbac.authorization.k8s.io', cluster: true },
  { kind: 'ClusterRoleBinding', group: 'rbac.authorization.k8s.io', cluster: true },
  {
    kind: 'CustomResourceDefinition',
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    cluster: true,
    status: true,
    generation: true,
  },
];

function served({ group = '', kind, plural, shortNames, cluster, status, generation }: Row): ServedKind {
  const singular = kind.toLowerCase();
  const named = plural ?? `${singular}s`;
  return {
    group,
    version: 'v1',
    apiVersion: group === '' ? 'v1' : `${group}/v1`,
    kind,
    plural: named,
    singular,
    shortNames: shortNames ?? [],
    categories: [],
    namespaced: cluster !== true,
    statusSubresource: status === true,
    generation: generation === true,
    custom: false,
    schema: objectSchema(BUILT_IN_SCHEMAS[kind] ?? ANYTHING),
    selectableFields: [],
    // Both groups serve the same events.
    resource: group === '' || kind === 'Event' ? named : `${named}.${group}`,
  };
}

export const BUILT_IN_KINDS: readonly ServedKind[] = ROWS.map((row) => served(row));
