/** What a write has to keep to, and how the API server says so where it does not. */
import { fieldOf, isObject, type Json } from './json.ts';
import type { ServedKind } from './kinds.ts';
import type { ApplyConflict } from './managed-fields.ts';
import type { ObjectStore, Stored } from './object-store.ts';
import { PATCH_TYPES } from './patches.ts';
import { type ResourcePath, storeKey } from './request.ts';
import { fieldSchema } from './schema.ts';
import { conflict, invalid, MODIFIED, notFound, type StatusDetails, StatusError } from './status-error.ts';
import { checkTyped, TypedValueError } from './typed-value.ts';

/** The body of an apply, if it is one. */
export function statement(
  { kind, namespace, name }: ResourcePath,
  body: unknown,
  { fieldManager }: { readonly fieldManager: string },
): Json {
  if (!isObject(body)) throw new StatusError(400, 'the patch is no object');
  if (fieldManager === '' || fieldManager.length > 128) {
    const message = 'Required value: is required for apply patch';
    const what = { group: 'meta.k8s.io', plural: 'patchoptions', kind: 'PatchOptions' };
    throw invalid(what, '', [{ reason: 'FieldValueRequired', message, field: 'fieldManager' }]);
  }
  checkType(kind, body);
  const metadata: Json = isObject(body['metadata']) ? body['metadata'] : {};
  if ((metadata['name'] ?? name) !== name || (metadata['namespace'] ?? namespace) !== namespace) {
    throw new StatusError(
      400,
      `the name of the object (${metadata['name']}) does not match the name on the URL (${name})`,
    );
  }
  if (metadata['managedFields'] !== undefined) {
    throw new StatusError(400, 'metadata.managedFields must be nil');
  }
  return { ...body, metadata: { ...metadata, name, ...(kind.namespaced && { namespace }) } };
}

export function checkVersion(live: Stored, wanted: string, { kind, name }: ResourcePath): void {
  if (wanted !== '' && wanted !== String(live.revision)) throw conflict(kind, name, MODIFIED);
}

/** A patch of the object itself may not name another uid; one of its status is not looked at. */
export function checkUid({ kind, name, subresource }: ResourcePath, live: Stored, { uid }: Json): void {
  const liveUid = live.object['metadata'].uid as string;
  if (subresource !== undefined || uid === undefined || uid === liveUid) return;
  const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  throw invalid(kind, name, [{ reason: 'FieldValueInvalid', message, field: 'metadata.uid' }]);
}

/** Nothing new is made in a namespace that is not there, or is on its way out. */
export function checkNamespace(store: ObjectStore, kind: ServedKind, namespace: string, name: string): void {
  if (!kind.namespaced) return;
  const found = store.get('namespaces', storeKey('', namespace));
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
  if (found.object['metadata'].deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  const what = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
  const details: StatusDetails = { name, group: kind.group, kind: kind.plural, causes: [cause] };
  throw new StatusError(403, `${what} "${name}" is forbidden: ${why}`, { details });
}

/** Which fields at the root a write through this path may own. */
export function ownedRoots(kind: ServedKind, subresource: string | undefined): (element: string) => boolean {
  if (subresource === 'status') return (element) => element === 'f:status';
  return (element) => !kind.statusSubresource || element !== 'f:status';
}

const TIDIED = ['finalizers', 'ownerReferences', 'labels', 'annotations'];

/** Without what a reader is not shown: empty lists and maps of metadata. */
export function tidy(object: Json): Json {
  const metadata: Json = { ...object['metadata'] };
  for (const field of ['managedFields', ...TIDIED]) if (isEmpty(metadata[field])) delete metadata[field];
  return { ...object, metadata };
}

/** Whether what an apply has merged is stored with parts that `tidy` leaves out. Built-in kinds have no such bytes. */
export function isUntidy({ custom }: ServedKind, { metadata }: Json): boolean {
  return custom && TIDIED.some((field) => isEmpty((metadata as Json)[field]));
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Whether finalizers keep an object that is to go. */
export function isHeld(kind: ServedKind, object: Json): boolean {
  const held = (finalizers: unknown): boolean => Array.isArray(finalizers) && finalizers.length > 0;
  return (
    held(object['metadata'].finalizers) || (isNamespace(kind) && held(fieldOf(object['spec'], 'finalizers')))
  );
}

export function isNamespace(kind: ServedKind): boolean {
  return kind.group === '' && kind.kind === 'Namespace';
}

export function checkType(kind: ServedKind, body: Json): void {
  const { apiVersion = kind.apiVersion, kind: named = kind.kind } = body as {
    apiVersion?: string;
    kind?: string;
  };
  if (apiVersion !== kind.apiVersion) {
    throw new StatusError(
      400,
      `the API version in the data (${apiVersion}) does not match the expected API version (${kind.apiVersion})`,
    );
  }
  if (named !== kind.kind) {
    throw new StatusError(
      400,
      `the kind in the data (${named}) does not match the expected kind (${kind.kind})`,
    );
  }
}

export function unknownFormat(kind: ServedKind): StatusError {
  const types = Object.values(PATCH_TYPES).filter((type) => type !== PATCH_TYPES.strategic || !kind.custom);
  return new StatusError(
    415,
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  );
}

export function applyConflict({ fields }: ApplyConflict): StatusError {
  const causes = fields.map(({ by, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${by}`,
    field: path,
  }));
  const many = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  const message = `Apply failed with ${many}: ${conflictList(fields)}`;
  return new StatusError(409, message, { details: { causes } });
}

/** By manager, each with its fields. */
function conflictList(fields: ApplyConflict['fields']): string {
  const paths = new Map<string, string[]>();
  for (const { by, path } of fields) paths.set(by, [...(paths.get(by) ?? []), path]);
  return [...paths]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([by, of]) =>
      of.length === 1 ? `conflict with ${by}: ${of[0]}` : `conflicts with ${by}:\n- ${of.join('\n- ')}`,
    )
    .join('\n');
}

/** Whether what was stated and will not be stored has the types of the schema. */
export function fits(stated: Json, next: Json, { schema }: ServedKind): boolean {
  try {
    for (const key of Object.keys(stated)) {
      if (stated[key] !== next[key] && key !== 'metadata')
        checkTyped(stated[key], fieldSchema(schema, key) ?? {});
    }
    return true;
  } catch (error) {
    if (error instanceof TypedValueError) return false;
    throw error;
  }
}
