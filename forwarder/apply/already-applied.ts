/**
 * Whether an apply would change nothing, found out without a request: every stated field stands in the live object
 * with the stated value and is owned by us, and we own nothing that is not stated (which the apply would remove).
 */
import { equalJson } from '../lib/equal-json.ts';
import { type FieldSet, itemElements } from '../lib/fields-v1.ts';
import { isPlainObject } from './declared-fields.ts';

/** @param owned what our manager owns at and beneath this value */
export function alreadyApplied(stated: unknown, live: unknown, owned: FieldSet | undefined): boolean {
  if (owned === undefined || owned.isEmpty) return isPlainObject(stated) && Object.keys(stated).length === 0;
  if (!owned.hasChildren) return owned.isMember && equalOrEmpty(stated, live);
  if (Array.isArray(stated)) return Array.isArray(live) && itemsApplied(stated, live, owned);
  if (!isPlainObject(stated) || !isPlainObject(live)) return false;
  for (const [element] of owned.elements()) {
    if (!element.startsWith('f:') || !Object.hasOwn(stated, element.slice(2))) return false;
  }
  return Object.entries(stated).every(
    ([key, value]) =>
      owned.child(`f:${key}`) !== undefined && alreadyApplied(value, live[key], owned.child(`f:${key}`)),
  );
}

/** An empty map that we own as such is unchanged whatever others have put into it since. */
function equalOrEmpty(stated: unknown, live: unknown): boolean {
  if (isPlainObject(stated) && Object.keys(stated).length === 0) return isPlainObject(live);
  return equalJson(stated, live);
}

function itemsApplied(stated: readonly unknown[], live: readonly unknown[], owned: FieldSet): boolean {
  const elementOf = itemElements(owned);
  const statedItems = new Map(stated.map((item) => [ownedElement(item, elementOf(item), owned), item]));
  const liveItems = new Map(live.map((item) => [elementOf(item), item]));
  for (const [element] of owned.elements()) if (!statedItems.has(element)) return false;
  return [...statedItems].every(([element, item]) => {
    const ownedItem = owned.child(element);
    return (
      ownedItem !== undefined &&
      liveItems.has(element) &&
      alreadyApplied(item, liveItems.get(element), ownedItem)
    );
  });
}

/** The element of a stated item; one that leaves a key field to its default (`protocol` of a port) is found by the others. */
function ownedElement(item: unknown, element: string, owned: FieldSet): string {
  if (owned.child(element) !== undefined || !isPlainObject(item)) return element;
  const matching: string[] = [];
  for (const [candidate] of owned.elements()) {
    const keys: unknown = candidate.startsWith('k:') ? JSON.parse(candidate.slice(2)) : undefined;
    if (!isPlainObject(keys)) continue;
    const differs = Object.entries(keys).some(
      ([key, value]) => Object.hasOwn(item, key) && !equalJson(item[key], value),
    );
    if (!differs) matching.push(candidate);
  }
  return matching.length === 1 ? (matching[0] ?? element) : element;
}
