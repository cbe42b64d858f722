/** Kinds on which a status is applied differently, with one place of every shape in it. */
const CONDITION = `{type: object, required: [type, status], properties: {type: {type: string}, status: {type: string}, reason: {type: string},
  message: {type: string}, lastTransitionTime: {type: string, format: date-time}, observedGeneration: {type: integer, format: int64}}}`;
const PROPERTIES = `phase: {type: string}, replicas: {type: integer}, big: {type: integer, format: int64}, nested: {type: object, properties: {a: {type: string}, b: {type: string}}},
  labels: {type: object, additionalProperties: {type: string}}, addresses: {type: array, items: {type: string}},
  free: {type: object, x-kubernetes-preserve-unknown-fields: true}, tags: {type: array, x-kubernetes-list-type: set, items: {type: string}},
  ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, required: [port], properties: {port: {type: integer}, protocol: {type: string, default: TCP}, name: {type: string}}}}`;

const MERGED = `observedGeneration: {type: integer, format: int64}, ${PROPERTIES}, conditions: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: ${CONDITION}}`;
const ATOMIC = `${PROPERTIES}, conditions: {type: array, items: ${CONDITION}}`;

/** Whether conditions merge by type or are one value, whether there is a status subresource, and a namespace. */
export type ApplyKind = 'Merged' | 'Atomic' | 'Bare' | 'Wide';

const KINDS: Readonly<Record<ApplyKind, Readonly<Record<'scope' | 'status' | 'subresources', string>>>> = {
  Merged: { scope: 'Namespaced', status: MERGED, subresources: '{status: {}}' },
  Atomic: { scope: 'Namespaced', status: ATOMIC, subresources: '{status: {}}' },
  Bare: { scope: 'Namespaced', status: ATOMIC, subresources: '{}' },
  Wide: { scope: 'Cluster', status: MERGED, subresources: '{status: {}}' },
};

export function applyKindCrd(group: string, kind: ApplyKind): string {
  const { scope, status, subresources } = KINDS[kind];
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${plural}.${group}}
spec:
  group: ${group}
  scope: ${scope}
  names: {kind: ${kind}, plural: ${plural}, singular: ${singular}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: ${subresources}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, properties: {${status}}}
---`;
}
