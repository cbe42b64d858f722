/** Who owns which field of an object: `metadata.managedFields`, as updates and server-side applies change it. */
import { equalJson } from '../../forwarder/lib/equal-json.ts';
import { FieldSet } from './field-set.ts';
import { isObject, type Json } from './json.ts';
import type { Schema } from './schema.ts';
import { compareTyped, mergeTyped, pruneUnstated, statedFields } from './typed-value.ts';

/** Fields that belong to nobody. */
const SYSTEM_METADATA: ReadonlySet<string> = new Set([
  'f:name',
  'f:namespace',
  'f:creationTimestamp',
  'f:selfLink',
  'f:uid',
  'f:generation',
  'f:managedFields',
  'f:resourceVersion',
]);

/** Whether a write owns a field at the object's root: `f:spec`. */
export type Owns = (element: string) => boolean;

export interface Writer {
  readonly manager: string;
  /** Of the version that the request speaks. */
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** Seconds since 1970, as RFC 3339. */
  readonly time: string;
}

interface Entry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string;
  readonly fields: FieldSet;
}

/** Sets by the `fieldsV1` that they were written as. */
const written = new WeakMap<Json, FieldSet>();

/** Another manager owns what an apply without force would change. */
export class ApplyConflict extends Error {
  readonly fields: readonly { readonly by: string; readonly path: string }[];

  constructor(fields: readonly { readonly by: string; readonly path: string }[]) {
    super('conflict');
    this.fields = fields;
  }
}

/** `metadata.managedFields` after a write that turned `before` into `after` other than by apply. */
export function managedAfterUpdate(options: {
  readonly before: Json | undefined;
  readonly after: Json;
  readonly writer: Writer;
  readonly schema: Schema;
  readonly owns: Owns;
}): unknown[] {
  const { before, after, writer, schema, owns } = options;
  const stated = after['metadata'].managedFields as Json[] | undefined;
  const entries = readEntries(stated ?? (before?.['metadata'].managedFields as Json[] | undefined));
  // An object that nobody is known to own anything of is not tracked, until the first apply.
  if (before !== undefined && entries.length === 0) return [];
  const { changed, removed } = compareTyped(before ?? blank(after), after, schema);
  const gained = owned(changed, owns);
  const lost = owned(removed, owns);
  if (gained.isEmpty && lost.isEmpty) return writeEntries(entries);
  const mine = (entry: Entry): boolean => isOf(entry, writer, 'Update');
  const own = entries.find(mine)?.fields ?? new FieldSet();
  const others = entries
    .filter((entry) => !mine(entry))
    .map((entry) => ({ ...entry, fields: entry.fields.difference(gained).difference(lost) }));
  return writeEntries([...others, entryOf(writer, 'Update', own.difference(lost).union(gained), entries)]);
}

/** The object after a server-side apply, with its managedFields. Throws ApplyConflict. */
export function applied(options: {
  readonly live: Json | undefined;
  readonly stated: Json;
  readonly force: boolean;
  readonly writer: Writer;
  readonly schema: Schema;
  readonly owns: Owns;
}): Json {
  const { stated, force, writer, schema, owns } = options;
  const live = options.live ?? blank(stated);
  const known = readEntries(live['metadata'].managedFields as Json[] | undefined);
  const entries = options.live && known.length === 0 ? beforeFirstApply(live, options) : known;
  const mine = (entry: Entry): boolean => isOf(entry, writer, 'Apply');
  const before = entries.find(mine)?.fields ?? new FieldSet();
  const all = statedFields(stated, schema);
  const now = owned(all, owns);
  const others = entries.filter((entry) => !mine(entry));
  const merged = mergeTyped(live, stated, schema);
  const managed = others.reduce((union, { fields }) => union.union(fields), all);
  const object = pruneUnstated(merged, before, managed, schema) as Json;
  const { changed, removed } = compareTyped(live, object, schema);
  const contested = owned(changed, owns);
  const conflicts = others.map((entry) => ({ entry, fields: entry.fields.intersection(contested) }));
  if (!force && conflicts.some(({ fields }) => !fields.isEmpty)) {
    throw new ApplyConflict(
      conflicts.flatMap(({ entry, fields }) =>
        fields.paths().map((path) => ({ by: described(entry), path })),
      ),
    );
  }
  const left = others.map((entry) => ({
    ...entry,
    fields: entry.fields.difference(contested).difference(removed),
  }));
  const managedFields = writeEntries([...left, entryOf(writer, 'Apply', now, entries)]);
  return { ...object, metadata: { ...object['metadata'], managedFields } };
}

/** What there was before anybody's first apply belongs to nobody in particular. */
function beforeFirstApply(
  live: Json,
  { writer, schema, owns }: { readonly writer: Writer; readonly schema: Schema; readonly owns: Owns },
): Entry[] {
  const fields = owned(compareTyped(blank(live), live, schema).changed, owns);
  const { apiVersion, time } = writer;
  const manager = 'before-first-apply';
  return fields.isEmpty
    ? []
    : [{ manager, operation: 'Update', apiVersion, subresource: writer.subresource, time, fields }];
}

/** What an object is compared with that did not exist: one without content. */
function blank(object: Json): Json {
  return { apiVersion: object['apiVersion'], kind: object['kind'], metadata: {} };
}

function owned(set: FieldSet, owns: Owns): FieldSet {
  const result = new FieldSet();
  for (const [element, child] of set.children) {
    if (element === 'f:apiVersion' || element === 'f:kind' || !owns(element)) continue;
    const isMetadata = element === 'f:metadata';
    result.put(element, isMetadata ? child.filter((one) => !SYSTEM_METADATA.has(one)) : child);
  }
  return result;
}

function isOf(entry: Entry, writer: Writer, operation: Entry['operation']): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === operation &&
    entry.subresource === writer.subresource &&
    (operation === 'Apply' || entry.apiVersion === writer.apiVersion)
  );
}

/** The writer's entry; it keeps its time where its fields are as they were. */
function entryOf(
  writer: Writer,
  operation: Entry['operation'],
  fields: FieldSet,
  entries: readonly Entry[],
): Entry {
  const { manager, apiVersion, subresource } = writer;
  const before = entries.find((entry) => isOf(entry, writer, operation));
  if (before !== undefined && before.apiVersion === apiVersion && before.fields.equals(fields)) return before;
  return { manager, operation, apiVersion, subresource, time: writer.time, fields };
}

function described({ manager, operation, apiVersion, subresource, time }: Entry): string {
  const with_ = subresource === undefined ? '' : ` with subresource "${subresource}"`;
  const quoted = JSON.stringify(manager);
  return operation === 'Apply' ? `${quoted}${with_}` : `${quoted}${with_} using ${apiVersion} at ${time}`;
}

function readEntries(managedFields: readonly Json[] | undefined): Entry[] {
  return (managedFields ?? []).map((entry) => ({
    manager: (entry['manager'] as string | undefined) ?? '',
    operation: entry['operation'] as Entry['operation'],
    apiVersion: (entry['apiVersion'] as string | undefined) ?? '',
    subresource: entry['subresource'] as string | undefined,
    time: (entry['time'] as string | undefined) ?? '',
    fields: fieldsOf(isObject(entry['fieldsV1']) ? entry['fieldsV1'] : {}),
  }));
}

function fieldsOf(fieldsV1: Json): FieldSet {
  return written.get(fieldsV1) ?? FieldSet.parse(fieldsV1);
}

function fieldsV1Of(fields: FieldSet): Json {
  const fieldsV1 = fields.toFieldsV1();
  written.set(fieldsV1, fields);
  return fieldsV1;
}

function writeEntries(entries: readonly Entry[]): unknown[] {
  return entries
    .filter(({ fields }) => !fields.isEmpty)
    .toSorted(
      (a, b) =>
        order(a.operation, b.operation) ||
        order(a.time, b.time) ||
        order(a.manager, b.manager) ||
        order(a.apiVersion, b.apiVersion) ||
        order(a.subresource ?? '', b.subresource ?? ''),
    )
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      ...(time !== '' && { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: fieldsV1Of(fields),
      ...(subresource !== undefined && { subresource }),
    }));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether two states of an object are the same to a reader: the times of managedFields aside. */
export function sameObject(before: Json, after: Json): boolean {
  if (!equalJson({ ...before, metadata: 0 }, { ...after, metadata: 0 })) return false;
  return equalJson(timeless(before['metadata'] as Json), timeless(after['metadata'] as Json));
}

function timeless({ managedFields, resourceVersion: _version, ...metadata }: Json): Json {
  const entries = (managedFields as Json[] | undefined) ?? [];
  return { ...metadata, managedFields: entries.map(({ time: _time, ...entry }) => entry) };
}
