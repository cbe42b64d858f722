/**
 * Paths into an object, as triggers write them: `spec.replicas`, `metadata.labels["a.b/c"]`,
 * `spec.containers[*].image`, `spec.list[0]`.
 *
 * Only own fields of plain objects and items of lists are followed, so no path reaches a prototype.
 */
import { isRawNumber } from './exact-json.ts';

export type PathStep =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  /** `[*]`: every item of a list. */
  | { readonly kind: 'every' };

export interface FieldPath {
  readonly text: string;
  readonly steps: readonly PathStep[];
}

/** Longer paths are refused; the deepest field of a CRD's schema is far nearer. */
const MAX_PATH_LENGTH = 512;

const BARE_NAME = /[^.[\]"'\s*]+/y;
const BRACKET = /\[(?:(?<every>\*)|(?<index>\d{1,9})|"(?<double>[^"]+)"|'(?<single>[^']+)')\]/y;

/** Reads a path. `problem` is one line that completes `<field>: `. */
export function parseFieldPath(text: string): FieldPath | { readonly problem: string } {
  if (text.length > MAX_PATH_LENGTH) return { problem: `longer than ${MAX_PATH_LENGTH} characters` };
  const steps: PathStep[] = [];
  for (let at = 0; at < text.length;) {
    const bracket = matchAt(BRACKET, text, at);
    if (bracket !== undefined && steps.length > 0) {
      steps.push(bracketStep(bracket.groups ?? {}));
      at += bracket[0].length;
      continue;
    }
    const dotted = steps.length > 0;
    if (dotted && text[at] !== '.') return badAt(text, at);
    const name = matchAt(BARE_NAME, text, dotted ? at + 1 : at);
    if (name === undefined) return badAt(text, at);
    steps.push({ kind: 'field', name: name[0] });
    at = name.index + name[0].length;
  }
  return steps.length === 0 ? { problem: 'empty path' } : { text, steps };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function bracketStep(groups: Readonly<Record<string, string | undefined>>): PathStep {
  if (groups['every'] !== undefined) return { kind: 'every' };
  if (groups['index'] !== undefined) return { kind: 'index', index: Number(groups['index']) };
  return { kind: 'field', name: groups['double'] ?? groups['single'] ?? '' };
}

function badAt(text: string, at: number): { readonly problem: string } {
  return {
    problem: `"${text}" is no field path (character ${at + 1}); write spec.replicas, metadata.labels["a.b/c"] or spec.list[*].name`,
  };
}

/** Every value at a path, in order; nothing for what is absent. */
export function valuesAt(object: unknown, path: FieldPath): unknown[] {
  let values = [object];
  for (const step of path.steps) values = values.flatMap((value) => valuesOfStep(value, step));
  return values;
}

// Wrapped, because flatMap would otherwise open a list that is itself the value.
function valuesOfStep(value: unknown, step: PathStep): unknown[] {
  if (step.kind === 'field')
    return isFields(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
  if (!Array.isArray(value)) return [];
  if (step.kind === 'every') return value;
  return step.index < value.length ? [value[step.index]] : [];
}

/** A copy without what is at the path; the same object where there is nothing. Never changes `object`. */
export function removeFieldPath<T extends object>(object: T, path: FieldPath): T {
  return without(object, path.steps, 0) as T;
}

function without(value: unknown, steps: readonly PathStep[], at: number): unknown {
  const step = steps[at];
  if (step === undefined) return value;
  const last = at === steps.length - 1;
  if (step.kind === 'field') {
    if (!isFields(value) || !Object.hasOwn(value, step.name)) return value;
    const inner = value[step.name];
    const left = last ? undefined : without(inner, steps, at + 1);
    if (!last && left === inner) return value;
    // From entries: a field named __proto__ stays a field.
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, item]) =>
        name !== step.name ? [[name, item]] : last ? [] : [[name, left]],
      ),
    );
  }
  if (!Array.isArray(value)) return value;
  const meant = (index: number): boolean => step.kind === 'every' || step.index === index;
  if (last) return value.some((_, index) => meant(index)) ? value.filter((_, index) => !meant(index)) : value;
  const items = value.map((item: unknown, index) => (meant(index) ? without(item, steps, at + 1) : item));
  return items.some((item, index) => item !== value[index]) ? items : value;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}
