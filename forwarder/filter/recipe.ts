/**
 * What counts for a trigger, as a recipe for digests: the same recipe makes comparable digests.
 *
 * A record keeps the recipe its digests were made with, so that editing a trigger does not send handled objects again.
 */
import type { ChangeClass } from '../../protocol/event.ts';
import { type FieldPath, parseFieldPath } from '../lib/field-path.ts';
import type { Counting } from '../model/trigger.ts';

/** What one part of a digest is made of: a whole class, or those of the counted paths that lie in it. */
export interface RecipePart {
  readonly name: ChangeClass | 'Metadata';
  /** Undefined: everything in the class. */
  readonly paths: readonly FieldPath[] | undefined;
}

export interface Recipe {
  /** Changes whenever what counts changes. */
  readonly id: string;
  /** As the trigger says it: from these two the recipe can be made again. */
  readonly counting: Counting;
  /** What this manager owns does not count. */
  readonly fieldManager: string;
  readonly parts: readonly RecipePart[];
  /** Nothing outside the spec counts: an equal generation then means unchanged. */
  readonly onlySpec: boolean;
}

/** The order of parts in a digest. `Metadata`: counted paths in metadata beside labels and annotations. */
const PARTS = ['Spec', 'Status', 'Labels', 'Annotations', 'Metadata'] as const;

/** Raised when digests of the same recipe come out differently than in an earlier release. */
const FORM = 1;

/** Fields that change with every write, or say nothing of the object: counting them would make own writes fire. */
const UNCOUNTABLE = new Set(['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp']);

/** Why a path cannot be counted; undefined where it can. Completes `<field>: `. */
export function countedFieldProblem({ text, steps: [first, second] }: FieldPath): string | undefined {
  if (first?.kind !== 'field') return `"${text}" must begin with a field`;
  if (first.name !== 'metadata') return undefined;
  if (second?.kind !== 'field') return `"${text}" must name a field of metadata`;
  return UNCOUNTABLE.has(second.name) ? `"${text}" cannot be counted` : undefined;
}

/** The recipe of a trigger; paths must have been checked before, a bad one throws. */
export function recipeOf(counting: Counting, fieldManager: string): Recipe {
  const parts = counting.kind === 'changes' ? classParts(counting.classes) : pathParts(counting.paths);
  return {
    id: JSON.stringify([FORM, fieldManager, ...parts.map(partKey)]),
    counting,
    fieldManager,
    parts,
    onlySpec: parts.every(({ name }) => name === 'Spec'),
  };
}

/** Equal for parts that make equal digests. */
export function partKey({ name, paths }: RecipePart): string {
  return paths === undefined ? name : `${name}:${paths.map(pathKey).join()}`;
}

/** However the path is written. */
function pathKey({ steps }: FieldPath): string {
  return JSON.stringify(steps);
}

function classParts(classes: readonly ChangeClass[]): RecipePart[] {
  return PARTS.filter((name) => (classes as readonly string[]).includes(name)).map((name) => ({
    name,
    paths: undefined,
  }));
}

function pathParts(texts: readonly string[]): RecipePart[] {
  const byKey = new Map<string, FieldPath>();
  for (const text of texts) {
    const path = parseFieldPath(text);
    if ('problem' in path) throw new Error(`unchecked field path: ${path.problem}`);
    byKey.set(pathKey(path), path);
  }
  const paths = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  return PARTS.map((name) => ({ name, paths: paths.filter((path) => partOf(path) === name) })).filter(
    (part) => part.paths.length > 0,
  );
}

function partOf({ steps: [first, second] }: FieldPath): RecipePart['name'] {
  if (first?.kind !== 'field') return 'Spec';
  if (first.name === 'status') return 'Status';
  if (first.name !== 'metadata') return 'Spec';
  if (second?.kind === 'field' && second.name === 'labels') return 'Labels';
  return second?.kind === 'field' && second.name === 'annotations' ? 'Annotations' : 'Metadata';
}
