import { $ZodUnknown, clone, type $ZodType, type $ZodTypes } from 'zod/v4/core';

type Def = $ZodTypes['_zod']['def'];

/**
 * The same schema, whose objects keep the fields they do not name: a custom resource may have fields that this function
 * has never heard of.
 *
 * Objects that forbid or describe further fields (`z.strictObject`, `.catchall`) stay as they are, and so do maps and
 * sets, which no JSON holds.
 */
export function loosen<T extends $ZodType>(schema: T): T {
  return loosened(schema, new Map()) as T;
}

/** `seen` ends recursion: a schema that holds itself, by a getter or `z.lazy`, is loosened once. */
function loosened(schema: $ZodType, seen: Map<$ZodType, $ZodType>): $ZodType {
  const known = seen.get(schema);
  if (known !== undefined) return known;
  const def = schema._zod.def as Def;
  const part = loosePart(def, (child) => loosened(child as $ZodType, seen));
  const copy = part === undefined ? schema : clone(schema, { ...def, ...part });
  seen.set(schema, copy);
  return copy;
}

/** What differs in the loose form of a schema; undefined for one that holds no other. */
function loosePart(def: Def, inner: (child: unknown) => $ZodType): object | undefined {
  switch (def.type) {
    case 'object': {
      const shape = {};
      for (const name of Object.keys(def.shape)) {
        // Read when it is asked for, as zod does, so that a shape may name its own schema.
        Object.defineProperty(shape, name, { get: () => inner(def.shape[name]), enumerable: true });
      }
      return { shape, catchall: def.catchall ?? new $ZodUnknown({ type: 'unknown' }) };
    }
    case 'array':
      return { element: inner(def.element) };
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'default':
    case 'prefault':
    case 'catch':
    case 'readonly':
      return { innerType: inner(def.innerType) };
    case 'union':
      return { options: def.options.map(inner) };
    case 'intersection':
      return { left: inner(def.left), right: inner(def.right) };
    case 'record':
      return { valueType: inner(def.valueType) };
    case 'tuple':
      return { items: def.items.map(inner), rest: def.rest === null ? null : inner(def.rest) };
    case 'pipe':
      return { in: inner(def.in), out: inner(def.out) };
    case 'lazy':
      return { getter: () => inner(def.getter()) };
    default:
      return undefined;
  }
}
