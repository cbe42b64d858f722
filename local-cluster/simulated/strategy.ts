/** What the API server makes of an object that is to be written, before it stores it. */
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { isObject, type Json } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { prune, withDefaults } from './schema.ts';
import { invalid, StatusError } from './status-error.ts';
import { invalidFields } from './validation.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Roles and their bindings are named freely. */
const PATH_SEGMENT = /^[^/%]+$/;
const GENERATE_NAME_LENGTH = 5;
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** In the way of a CRD's deletion while there are objects of its kind. */
export const CRD_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** What the server chooses for a new object. */
export interface Identity {
  readonly uid: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
  readonly random: () => number;
}

/**
 * The object as the schema has it: undeclared fields pruned, defaults filled in.
 * @param known one that is as the schema has it: parts that both share are not looked at
 */
export function structured(kind: ServedKind, object: Json, known?: Json): Json {
  const pruned = kind.custom ? (prune(object, kind.schema, known) as Json) : object;
  return withDefaults(pruned, kind.schema, known) as Json;
}

/** A new object with its name and identity; without a status that only the subresource may write. */
export function prepareCreate(kind: ServedKind, namespace: string, body: Json, identity: Identity): Json {
  const stated = isObject(body['metadata']) ? body['metadata'] : {};
  if (stated['resourceVersion'] !== undefined && stated['resourceVersion'] !== '') {
    throw new StatusError(400, 'resourceVersion should not be set on objects to be created');
  }
  const name = nameOf(kind, stated, identity.random);
  const {
    uid: _uid,
    generation: _generation,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    selfLink: _link,
    resourceVersion: _version,
    ...metadata
  } = stated;
  const { status, apiVersion: _a, kind: _k, metadata: _m, ...content } = body;
  const { uid, time } = identity;
  return withSystemFields(kind, {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      ...metadata,
      name,
      ...(kind.namespaced && { namespace }),
      uid,
      creationTimestamp: time,
      ...(kind.generation && { generation: 1 }),
    },
    ...content,
    ...(!kind.statusSubresource && status !== undefined && { status }),
  });
}

function nameOf(kind: ServedKind, { name, generateName }: Json, random: () => number): string {
  let chosen = typeof name === 'string' ? name : '';
  if (chosen === '' && typeof generateName === 'string' && generateName !== '') {
    const letter = (): string => ALPHABET[Math.floor(random() * ALPHABET.length)] as string;
    chosen = generateName + Array.from({ length: GENERATE_NAME_LENGTH }, letter).join('');
  }
  if (chosen === '') {
    const message = 'Required value: name or generateName is required';
    throw invalid(kind, '', [{ reason: 'FieldValueRequired', message, field: 'metadata.name' }]);
  }
  const valid = kind.group === 'rbac.authorization.k8s.io' ? PATH_SEGMENT : SUBDOMAIN;
  if (!valid.test(chosen) || chosen.length > 253) {
    const message = `Invalid value: ${JSON.stringify(chosen)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`;
    throw invalid(kind, chosen, [{ reason: 'FieldValueInvalid', message, field: 'metadata.name' }]);
  }
  return chosen;
}

/** What the API server itself puts into new objects of some kinds. */
function withSystemFields(kind: ServedKind, object: Json): Json {
  if (kind.kind === 'CustomResourceDefinition') return establishedCrd(object);
  if (kind.group !== '' || kind.kind !== 'Namespace') return object;
  const { name, labels } = object['metadata'] as Json;
  return {
    ...object,
    metadata: { ...object['metadata'], labels: { ...labels, 'kubernetes.io/metadata.name': name as string } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

/** A CRD that is served at once; a real one takes a moment. */
function establishedCrd(crd: Json): Json {
  const { metadata, spec } = crd as { metadata: Json; spec: Json };
  const condition = (type: string, reason: string): Json => ({
    type,
    status: 'True',
    reason,
    message: '',
    lastTransitionTime: metadata['creationTimestamp'],
  });
  const storage = ((spec['versions'] ?? []) as Json[]).find((version) => version['storage'] === true);
  return {
    ...crd,
    metadata: { ...metadata, finalizers: [CRD_FINALIZER] },
    status: {
      conditions: [
        condition('NamesAccepted', 'NoConflicts'),
        condition('Established', 'InitialNamesAccepted'),
      ],
      acceptedNames: spec['names'],
      storedVersions: storage === undefined ? [] : [storage['name']],
    },
  };
}

/** The next state of an object: identity and what this request may not write stay as they are. */
export function prepareUpdate(
  kind: ServedKind,
  live: Json,
  next: Json,
  subresource: string | undefined,
): Json {
  const was = live['metadata'] as Json;
  const { managedFields } = next['metadata'] as Json;
  if (subresource === 'status') {
    const { status: _status, ...rest } = live;
    const { status } = next;
    return { ...rest, metadata: { ...was, managedFields }, ...(status !== undefined && { status }) };
  }
  const system = [
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'uid',
    'selfLink',
  ];
  const metadata: Json = { ...next['metadata'] };
  for (const field of system) {
    if (was[field] === undefined) delete metadata[field];
    else metadata[field] = was[field];
  }
  const updated: Json = { ...next, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
  if (kind.statusSubresource) {
    delete updated['status'];
    if (live['status'] !== undefined) updated['status'] = live['status'];
  }
  if (kind.generation && !equalJson(content(kind, live), content(kind, updated))) {
    metadata['generation'] = ((was['generation'] as number | undefined) ?? 0) + 1;
  }
  return updated;
}

/** What generation counts the changes of. */
function content(kind: ServedKind, { apiVersion: _a, kind: _k, metadata: _m, status, ...rest }: Json): Json {
  return kind.statusSubresource || status === undefined ? rest : { ...rest, status };
}

/**
 * Throws StatusError (422) where an object may not be stored like this.
 * @param known one that is as the schema has it: parts that both share are not looked at
 */
export function validate(kind: ServedKind, live: Json | undefined, next: Json, known?: Json): void {
  const { metadata } = next as { metadata: Json };
  const causes = kind.custom ? invalidFields(next, kind.schema, known) : [];
  const owners = (metadata['ownerReferences'] as Json[] | undefined) ?? [];
  if (owners.filter(({ controller }) => controller === true).length > 1) {
    causes.push({
      reason: 'FieldValueInvalid',
      message: 'Invalid value: Only one reference can have Controller set to true.',
      field: 'metadata.ownerReferences',
    });
  }
  const held = (live?.['metadata'].finalizers as string[] | undefined) ?? [];
  const added = ((metadata['finalizers'] as string[] | undefined) ?? []).filter((one) => !held.includes(one));
  if (live?.['metadata'].deletionTimestamp !== undefined && added.length > 0) {
    causes.push({
      reason: 'FieldValueForbidden',
      message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`,
      field: 'metadata.finalizers',
    });
  }
  if (causes.length > 0) throw invalid(kind, metadata['name'] as string, causes);
}
