/**
 * Digests of what counts in an object: equal digests mean that nothing that counts has changed.
 *
 * What managedFields attributes to the trigger's own manager is left out before hashing, also where another manager
 * owns the field too: both then state the same value, and a foreign write of another value takes the ownership away.
 */
import { hash } from 'node:crypto';
import type { ChangeClass } from '../../protocol/event.ts';
import { valuesAt } from '../lib/field-path.ts';
import { type FieldSet, ownedBy, removeOwned } from '../lib/fields-v1.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { canonicalFields, canonicalJson } from './canonical-json.ts';
import { partKey, type Recipe, type RecipePart } from './recipe.ts';

/** One string per object, for memory: 22 base64url characters (128 bits of SHA-256) for each part of the recipe. */
export type Digest = string;

const PART_BYTES = 16;
const PART_LENGTH = 22;

/** Neither the spec nor the status. */
const OUTSIDE_SPEC = new Set(['apiVersion', 'kind', 'metadata', 'status']);
/** Annotations of kubectl and of our own: commands and caches, not state. */
const IGNORED_ANNOTATION = /^(?:kubectl\.kubernetes\.io|statewire\.dev)\//;

export function digestOf(object: KubeObject, recipe: Recipe): Digest {
  const owned = ownership(object, recipe.fieldManager);
  // Joined, not added up: V8 would keep the pieces of a sum beside the sum.
  return recipe.parts.map((part) => shortHash(partJson(object, part, owned))).join('');
}

/** 128 bits of SHA-256 as text. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'buffer').toString('base64url', 0, PART_BYTES);
}

/** The classes in which two digests of one recipe differ; undefined where either is unknown. */
export function changedClasses(from: Digest, to: Digest, recipe: Recipe): ChangeClass[] | undefined {
  const length = recipe.parts.length * PART_LENGTH;
  if (from.length !== length || to.length !== length) return undefined;
  return recipe.parts.flatMap(({ name }, index) =>
    name !== 'Metadata' && partAt(from, index) !== partAt(to, index) ? [name] : [],
  );
}

/** What a digest would be with another recipe, without the object; undefined where that counts more or other things. */
export function projectDigest(digest: Digest, from: Recipe, to: Recipe): Digest | undefined {
  if (from.fieldManager !== to.fieldManager || digest.length !== from.parts.length * PART_LENGTH)
    return undefined;
  const indexes = to.parts.map((part) => from.parts.findIndex((known) => partKey(known) === partKey(part)));
  return indexes.includes(-1) ? undefined : indexes.map((index) => partAt(digest, index)).join('');
}

function partAt(digest: Digest, index: number): string {
  return digest.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH);
}

/** What a manager owns of an object, and what everybody else does. */
export interface Ownership {
  readonly own: FieldSet;
  readonly others: FieldSet;
}

export function ownership(object: KubeObject, fieldManager: string): Ownership | undefined {
  const { managedFields } = object.metadata;
  if (managedFields?.some(({ manager }) => manager === fieldManager) !== true) return undefined;
  return {
    own: ownedBy(managedFields, ({ manager }) => manager === fieldManager),
    others: ownedBy(managedFields, ({ manager }) => manager !== fieldManager),
  };
}

/** A field of an object without what is owned in it; the path names the field. */
export function withoutOwned(value: unknown, owned: Ownership | undefined, path: readonly string[]): unknown {
  return owned === undefined ? value : removeOwned(value, owned.own.at(path), owned.others.at(path));
}

function partJson(object: KubeObject, part: RecipePart, owned: Ownership | undefined): string {
  if (part.paths !== undefined) return pathsJson(object, part, owned);
  switch (part.name) {
    case 'Spec': {
      const fields = Object.keys(object).filter((name) => !OUTSIDE_SPEC.has(name));
      if (owned === undefined) return canonicalFields(object, fields);
      return canonicalJson(
        Object.fromEntries(fields.map((name) => [name, withoutOwned(object[name], owned, [`f:${name}`])])),
      );
    }
    case 'Status':
      return canonicalJson(orNothing(withoutOwned(object['status'], owned, ['f:status'])));
    case 'Labels':
      return canonicalJson(
        orNothing(withoutOwned(object.metadata.labels, owned, ['f:metadata', 'f:labels'])),
      );
    case 'Annotations': {
      const annotations = withoutOwned(object.metadata.annotations, owned, ['f:metadata', 'f:annotations']);
      return canonicalJson(countedAnnotations(annotations));
    }
    case 'Metadata':
      throw new Error('metadata counts by single paths only');
    default:
      throw part.name satisfies never;
  }
}

/** Absent, null and empty are one: the server drops empty maps, and what we own may have been all there was. */
function orNothing(value: unknown): unknown {
  return value === undefined || (isMap(value) && Object.keys(value).length === 0) ? null : value;
}

function countedAnnotations(annotations: unknown): unknown {
  if (!isMap(annotations)) return null;
  return orNothing(
    Object.fromEntries(Object.entries(annotations).filter(([name]) => !IGNORED_ANNOTATION.test(name))),
  );
}

function pathsJson(
  object: KubeObject,
  { name, paths = [] }: RecipePart,
  owned: Ownership | undefined,
): string {
  const left = owned === undefined ? object : removeOwned(object, owned.own, owned.others);
  return canonicalJson(
    paths.map((path) => {
      const values = valuesAt(left, path);
      // The annotations as a whole: as where they count as a class. One that is named counts whatever its name.
      return name === 'Annotations' && path.steps.length === 2 ? values.map(countedAnnotations) : values;
    }),
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
