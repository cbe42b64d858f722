/**
 * Reads what identifies an object from its raw bytes, without parsing it: whatever the order of keys, with escapes in
 * them, duplicates (the last one counts, as in JSON.parse) and however deep the rest is nested.
 */
import type { ObjectHead } from '../model/delta.ts';
import { objectKey } from '../model/kube-object.ts';
import { JsonCursor } from './json-cursor.ts';

/** Marks the BOOKMARK that ends the first part of a streaming list. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** What `metadata` says. Absent fields, and fields of an unexpected type, are undefined. */
export interface ScannedMetadata {
  uid: string | undefined;
  namespace: string | undefined;
  name: string | undefined;
  resourceVersion: string | undefined;
  generation: number | undefined;
  deleting: boolean;
  /** Whether the annotation `k8s.io/initial-events-end` is `"true"`. */
  endsInitialEvents: boolean;
}

export interface ScannedObject {
  readonly metadata: ScannedMetadata;
  readonly hasApiVersion: boolean;
  readonly hasKind: boolean;
}

export interface ScannedEvent {
  /** ADDED, MODIFIED, DELETED, BOOKMARK, ERROR, or what a future server may say. */
  readonly type: string | undefined;
  readonly object: ScannedObject | undefined;
  /** The object's bytes as offsets into the event's; equal where there is none. */
  readonly objectStart: number;
  readonly objectEnd: number;
}

/** Scans one watch event, `{"type":…,"object":{…}}`. Throws JsonCursorError for what cannot be walked. */
export function scanEvent(bytes: Buffer): ScannedEvent {
  const cursor = new JsonCursor(bytes);
  let type: string | undefined;
  let object: ScannedObject | undefined;
  let objectStart = 0;
  let objectEnd = 0;
  if (cursor.enterObject()) {
    while (cursor.nextKey()) {
      if (cursor.keyIs('type')) {
        type = cursor.readString();
      } else if (cursor.keyIs('object')) {
        cursor.peek();
        objectStart = cursor.at;
        object = scanObjectAt(cursor);
        objectEnd = cursor.at;
      } else {
        cursor.skip();
      }
    }
  }
  return { type, object, objectStart, objectEnd };
}

/** Scans one object. Throws JsonCursorError for what cannot be walked; undefined where the bytes are no JSON object. */
export function scanObject(bytes: Buffer): ScannedObject | undefined {
  return scanObjectAt(new JsonCursor(bytes));
}

/** The head of an object of a list or watch; undefined where name, uid or resourceVersion is missing. */
export function headOf({ metadata }: ScannedObject): ObjectHead | undefined {
  const { uid, namespace, name, resourceVersion, generation, deleting } = metadata;
  if (!uid || !name || !resourceVersion) return undefined;
  return {
    key: objectKey(uid),
    uid,
    ...(namespace !== undefined && namespace !== '' && { namespace }),
    name,
    resourceVersion,
    ...(generation !== undefined && { generation }),
    deleting,
  };
}

/** The uids in `metadata.ownerReferences`, in their order. */
export function ownerUids(raw: Buffer): readonly string[] {
  let uids: string[] = [];
  const cursor = new JsonCursor(raw);
  if (!cursor.enterObject()) return uids;
  while (cursor.nextKey()) {
    if (!cursor.keyIs('metadata')) {
      cursor.skip();
      continue;
    }
    uids = [];
    if (!cursor.enterObject()) {
      cursor.skip();
      continue;
    }
    while (cursor.nextKey()) {
      if (cursor.keyIs('ownerReferences')) uids = readOwnerUids(cursor);
      else cursor.skip();
    }
  }
  return uids;
}

function readOwnerUids(cursor: JsonCursor): string[] {
  const uids: string[] = [];
  if (!cursor.enterArray()) {
    cursor.skip();
    return uids;
  }
  while (cursor.nextElement()) {
    let uid: string | undefined;
    if (!cursor.enterObject()) {
      cursor.skip();
      continue;
    }
    while (cursor.nextKey()) {
      if (cursor.keyIs('uid')) uid = cursor.readString();
      else cursor.skip();
    }
    if (uid !== undefined) uids.push(uid);
  }
  return uids;
}

function scanObjectAt(cursor: JsonCursor): ScannedObject | undefined {
  if (!cursor.enterObject()) {
    cursor.skip();
    return undefined;
  }
  let metadata = emptyMetadata();
  let hasApiVersion = false;
  let hasKind = false;
  while (cursor.nextKey()) {
    if (cursor.keyIs('metadata')) {
      metadata = scanMetadata(cursor);
    } else {
      if (cursor.keyIs('apiVersion')) hasApiVersion = true;
      else if (cursor.keyIs('kind')) hasKind = true;
      cursor.skip();
    }
  }
  return { metadata, hasApiVersion, hasKind };
}

function emptyMetadata(): ScannedMetadata {
  return {
    uid: undefined,
    namespace: undefined,
    name: undefined,
    resourceVersion: undefined,
    generation: undefined,
    deleting: false,
    endsInitialEvents: false,
  };
}

function scanMetadata(cursor: JsonCursor): ScannedMetadata {
  const metadata = emptyMetadata();
  if (!cursor.enterObject()) {
    cursor.skip();
    return metadata;
  }
  while (cursor.nextKey()) {
    if (cursor.keyIs('name')) metadata.name = cursor.readString();
    else if (cursor.keyIs('namespace')) metadata.namespace = cursor.readString();
    else if (cursor.keyIs('uid')) metadata.uid = cursor.readString();
    else if (cursor.keyIs('resourceVersion')) metadata.resourceVersion = cursor.readString();
    else if (cursor.keyIs('generation')) metadata.generation = cursor.readNumber();
    else if (cursor.keyIs('deletionTimestamp')) metadata.deleting = cursor.readString() !== undefined;
    else if (cursor.keyIs('annotations')) metadata.endsInitialEvents = scanAnnotations(cursor);
    else cursor.skip();
  }
  return metadata;
}

function scanAnnotations(cursor: JsonCursor): boolean {
  let ends = false;
  if (!cursor.enterObject()) {
    cursor.skip();
    return ends;
  }
  while (cursor.nextKey()) {
    if (cursor.keyIs(INITIAL_EVENTS_END)) ends = cursor.readString() === 'true';
    else cursor.skip();
  }
  return ends;
}
