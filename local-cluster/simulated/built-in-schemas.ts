/** Schemas of kinds that are built in: which fields there are as far as ownership and merging of lists need it. */
import { ANYTHING, type Schema } from './schema.ts';

const STRING: Schema = { type: 'string' };
const INTEGER: Schema = { type: 'integer' };
const BOOLEAN: Schema = { type: 'boolean' };
const STRINGS: Schema = { type: 'object', additionalProperties: STRING };

function struct(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties };
}

/** A struct of which only some fields are listed here. */
function open(properties: Readonly<Record<string, Schema>>): Schema {
  return { ...struct(properties), 'x-kubernetes-preserve-unknown-fields': true };
}

function byKey(keys: readonly string[], items: Schema): Schema {
  return {
    type: 'array',
    items,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
  };
}

const CONDITIONS = byKey(['type'], open({ type: STRING, status: STRING }));
const SELECTOR: Schema = { ...open({}), 'x-kubernetes-map-type': 'atomic' };
const PROTOCOL: Schema = { type: 'string', default: 'TCP' };

const CONTAINER = open({
  name: STRING,
  image: STRING,
  env: byKey(['name'], open({ name: STRING, value: STRING })),
  ports: byKey(['containerPort', 'protocol'], open({ containerPort: INTEGER, protocol: PROTOCOL })),
  volumeMounts: byKey(['mountPath'], open({ mountPath: STRING, name: STRING })),
});

const POD_SPEC = open({
  containers: byKey(['name'], CONTAINER),
  initContainers: byKey(['name'], CONTAINER),
  volumes: byKey(['name'], open({ name: STRING })),
  nodeName: STRING,
});

/** By kind. Kinds that are not here take anything. */
export const BUILT_IN_SCHEMAS: Readonly<Record<string, Schema>> = {
  Namespace: struct({ spec: open({}), status: open({ phase: STRING, conditions: CONDITIONS }) }),
  ConfigMap: struct({ data: STRINGS, binaryData: STRINGS, immutable: BOOLEAN }),
  Secret: struct({ data: STRINGS, stringData: STRINGS, type: STRING, immutable: BOOLEAN }),
  Service: struct({
    spec: open({
      selector: { ...STRINGS, 'x-kubernetes-map-type': 'atomic' },
      ports: byKey(['port', 'protocol'], open({ port: INTEGER, protocol: PROTOCOL })),
    }),
    status: open({ conditions: CONDITIONS }),
  }),
  Pod: struct({ spec: POD_SPEC, status: open({ phase: STRING, conditions: CONDITIONS }) }),
  Deployment: struct({
    spec: struct({
      replicas: INTEGER,
      selector: SELECTOR,
      template: struct({
        metadata: open({ labels: STRINGS, annotations: STRINGS }),
        spec: POD_SPEC,
      }),
      strategy: open({}),
      minReadySeconds: INTEGER,
      revisionHistoryLimit: INTEGER,
      paused: BOOLEAN,
      progressDeadlineSeconds: INTEGER,
    }),
    status: open({
      observedGeneration: INTEGER,
      replicas: INTEGER,
      updatedReplicas: INTEGER,
      readyReplicas: INTEGER,
      availableReplicas: INTEGER,
      unavailableReplicas: INTEGER,
      conditions: CONDITIONS,
    }),
  }),
  Lease: struct({ spec: open({ holderIdentity: STRING }) }),
  CustomResourceDefinition: struct({
    spec: ANYTHING,
    status: open({ conditions: CONDITIONS }),
  }),
};
