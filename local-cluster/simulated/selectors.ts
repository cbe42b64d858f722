/** Label and field selectors, as a query writes them. */
import { fieldOf, type Json } from './json.ts';
import type { ServedKind } from './kinds.ts';
import { StatusError } from './status-error.ts';

/** Whether an object is selected. */
export type Selector = (object: Json) => boolean;

const SET = /^\s*(\S+?)\s+(in|notin)\s*\(([^)]*)\)\s*$/;
const EQUAL = /^\s*([^\s!=]+)\s*(==|=|!=)\s*(\S*)\s*$/;
const EXISTS = /^\s*(!?)\s*([^\s!=(),]+)\s*$/;

/** Undefined where a query selects everything. Throws StatusError for one that cannot be read. */
export function selectorOf(query: Readonly<Record<string, string>>, kind: ServedKind): Selector | undefined {
  const parts = [
    ...split(query['labelSelector'] ?? '').map((part) => labelPart(part)),
    ...split(query['fieldSelector'] ?? '').map((part) => fieldPart(part, kind)),
  ];
  return parts.length === 0 ? undefined : (object) => parts.every((part) => part(object));
}

/** At commas outside of parentheses. */
function split(text: string): string[] {
  return text.trim() === '' ? [] : text.split(/,(?![^(]*\))/);
}

function labelPart(part: string): Selector {
  const label = (object: Json, key: string): string | undefined =>
    fieldOf(object['metadata'].labels, key) as string | undefined;
  const set = SET.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (object) => {
      const value = label(object, key);
      return (value !== undefined && values.has(value)) === (operator === 'in');
    };
  }
  const equal = EQUAL.exec(part);
  if (equal !== null) {
    const [, key = '', operator, value = ''] = equal;
    return (object) => (label(object, key) === value) === (operator !== '!=');
  }
  const exists = EXISTS.exec(part);
  if (exists !== null) {
    const [, not, key = ''] = exists;
    return (object) => (label(object, key) !== undefined) === (not === '');
  }
  throw new StatusError(400, `unable to parse requirement: ${part}`);
}

function fieldPart(part: string, kind: ServedKind): Selector {
  const equal = EQUAL.exec(part);
  if (equal === null) throw new StatusError(400, `invalid selector: '${part}'; can't understand '${part}'`);
  const [, field = '', operator, value = ''] = equal;
  const known =
    field === 'metadata.name' || field === 'metadata.namespace' || kind.selectableFields.includes(field);
  // Which fields of built-in kinds can be selected is their own matter.
  if (!known && kind.custom) {
    throw new StatusError(400, `field label not supported: ${field}`);
  }
  const path = field.split('.');
  return (object) => {
    const found: unknown = path.reduce<unknown>((at, key) => fieldOf(at, key), object);
    const text = typeof found === 'string' ? found : found == null ? '' : JSON.stringify(found);
    return (text === value) === (operator !== '!=');
  };
}
