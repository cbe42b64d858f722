/** Objects, maps and lists. */
import type { CrdSchema } from './crd.ts';
import { fieldOf, type Rendered, type Rendering } from './rendering.ts';
import { isChecked } from './scalars.ts';
import { camel, comment, field, key, literal, pascal } from './text.ts';

const ANY_FIELDS: Rendered = {
  type: 'Readonly<Record<string, unknown>>',
  zod: 'z.record(z.string(), z.unknown())',
};

export function arrayOf(schema: CrdSchema, name: string, rendering: Rendering): Rendered {
  const { minItems, maxItems, items = {} } = schema;
  const item = rendering.render(items, `${name}Item`);
  let zod = `z.array(${item.zod})`;
  if (minItems !== undefined && minItems > 0) zod += `.min(${minItems})`;
  if (maxItems !== undefined) zod += `.max(${maxItems})`;
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set' || listType === 'map') {
    const keys = listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
    zod += `.check(${rendering.use('distinct')}(${keys.map(literal).join(', ')}))`;
  }
  return { type: `readonly ${item.type.includes(' ') ? `(${item.type})` : item.type}[]`, zod };
}

export function objectOf(schema: CrdSchema, name: string, rendering: Rendering): Rendered {
  const known = schema['x-kubernetes-embedded-resource'] === true ? withKind(schema) : schema;
  const { properties = {}, additionalProperties } = known;
  if (Object.keys(properties).length > 0) return namedObject(known, name, rendering);
  if (typeof additionalProperties !== 'object') {
    return { ...ANY_FIELDS, zod: ANY_FIELDS.zod + sizeOf(known, rendering) };
  }
  const value = rendering.render(additionalProperties, `${name}Value`);
  const zod = `z.record(z.string(), ${value.zod})${sizeOf(known, rendering)}`;
  return { type: `Readonly<Record<string, ${value.type}>>`, zod };
}

/** An interface and a constant of the module, named after the place of the schema. */
function namedObject(schema: CrdSchema, wanted: string, rendering: Rendering): Rendered {
  const type = rendering.unique(wanted);
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const members: string[] = [];
  const shape: string[] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const { presence, ...rendered } = propertyOf(schema, name, `${type}${pascal(name)}`, rendering);
    const told = comment(commentOf(property), '  ');
    const optional = presence === 'optional';
    members.push(
      `${told}  readonly ${field(name)}${optional ? '?' : ''}: ${rendered.type}${optional ? ' | undefined' : ''};`,
    );
    shape.push(`  ${key(name)}: ${fieldOf(name, rendered.zod, rendering)},`);
  }
  if (isOpen) members.push('  readonly [field: string]: unknown;');
  const start = isOpen ? 'z.looseObject' : 'z.object';
  const both = rendering.defaults === 'optional' ? `${type}, ${type}` : type;
  rendering.declare(
    `${comment(commentOf(schema))}export interface ${type} {\n${members.join('\n')}\n}\n\n` +
      // With its type: the compiler would give up on what it has to find out through many levels.
      `const ${camel(type)}: z.ZodType<${both}> = ${start}({\n${shape.join('\n')}\n})${sizeOf(schema, rendering)};\n`,
  );
  return { type, zod: camel(type) };
}

function propertyOf(
  { properties = {}, required = [] }: CrdSchema,
  name: string,
  typeName: string,
  rendering: Rendering,
): Rendered & { readonly presence: 'optional' | 'required' } {
  const property = properties[name] ?? {};
  const { type, zod } = rendering.render(property, typeName);
  // The API server fills in no null.
  const fallback = property.default ?? undefined;
  if (fallback !== undefined && rendering.defaults === 'filled') {
    // A default that is an object has the defaults of its own fields filled in.
    const fill = typeof fallback === 'object' && fallback !== null ? 'prefault' : 'default';
    return { type, zod: `${zod}.${fill}(${literal(fallback)})`, presence: 'required' };
  }
  return required.includes(name) && fallback === undefined
    ? { type, zod, presence: 'required' }
    : { type, zod: `${zod}.optional()`, presence: 'optional' };
}

/** What people read above a field or a type. */
function commentOf(schema: CrdSchema): readonly string[] {
  const { description = '', format } = schema;
  const rules = (schema['x-kubernetes-validations'] ?? []).map(
    ({ rule, message }) => `Rule: ${message ?? rule.replaceAll(/\s+/g, ' ')}`,
  );
  return [description, ...(format === undefined || isChecked(format) ? [] : [`Format: ${format}`]), ...rules];
}

function sizeOf({ minProperties, maxProperties }: CrdSchema, rendering: Rendering): string {
  if (minProperties === undefined && maxProperties === undefined) return '';
  return `.check(${rendering.use('size')}(${minProperties ?? 0}, ${maxProperties ?? 'Infinity'}))`;
}

/** An embedded resource always says what it is. */
function withKind(schema: CrdSchema): CrdSchema {
  const { properties = {}, required = [] } = schema;
  const word: CrdSchema = { type: 'string', minLength: 1 };
  return {
    ...schema,
    properties: {
      apiVersion: { ...word, ...properties['apiVersion'] },
      kind: { ...word, ...properties['kind'] },
      metadata: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, ...properties['metadata'] },
      ...Object.fromEntries(
        Object.entries(properties).filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name)),
      ),
    },
    required: [...new Set([...required, 'apiVersion', 'kind'])],
  };
}
