/** The CRD that a project starts with, where none is given: small, and with everything that a good one has. */

const SIBILANT = /(?:s|x|z|ch|sh)$/;

function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  if (SIBILANT.test(singular)) return `${singular}es`;
  return /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

/** Its text, with comments for those who go on from there. */
export function starterCrd(group: string, kind: string): string {
  const plural = pluralOf(kind);
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${plural}.${group}
spec:
  group: ${group}
  scope: Namespaced
  names:
    kind: ${kind}
    listKind: ${kind}List
    plural: ${plural}
    singular: ${kind.toLowerCase()}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
      additionalPrinterColumns:
        - { name: Copies, type: integer, jsonPath: .spec.copies }
        - { name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
      schema:
        openAPIV3Schema:
          type: object
          description: A message in a ConfigMap.
          required: [spec]
          properties:
            spec:
              type: object
              required: [message]
              x-kubernetes-validations:
                - rule: size(self.message) * self.copies <= 10000
                  message: message and copies make more than 10000 characters
              properties:
                message:
                  type: string
                  minLength: 1
                  maxLength: 1000
                  description: What the ConfigMap says.
                copies:
                  type: integer
                  minimum: 1
                  maximum: 100
                  default: 1
                  description: How often it says so.
            status:
              type: object
              properties:
                characters:
                  type: integer
                  minimum: 0
                  description: Length of what was published.
                observedGeneration:
                  type: integer
                  format: int64
                  description: Generation of the spec that the rest of the status is about.
                conditions:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [type]
                  items:
                    type: object
                    required: [type, status, lastTransitionTime, reason, message]
                    properties:
                      type: { type: string, maxLength: 316 }
                      status: { type: string, enum: ['True', 'False', Unknown] }
                      observedGeneration: { type: integer, format: int64, minimum: 0 }
                      lastTransitionTime: { type: string, format: date-time }
                      reason: { type: string, minLength: 1, maxLength: 1024 }
                      message: { type: string, maxLength: 32768 }
`;
}
