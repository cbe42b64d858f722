/**
 * `allOf`, `anyOf`, `oneOf` and `not`: in a CRD they hold limits alone, and the types are said outside of them. So each
 * form is given the types of what it limits, becomes a schema of its own, and is a check on the value.
 */
import type { CrdSchema } from './crd.ts';
import type { Helper } from './helpers.ts';
import { fieldOf, type Rendering } from './rendering.ts';
import { integerOf, intOrStringOf, numberOf, stringOf, enumOf } from './scalars.ts';
import { key } from './text.ts';

/** `.check(…)` for each of the four that a schema has. */
export function formsOf(schema: CrdSchema, rendering: Rendering): string {
  const { allOf = [], anyOf, oneOf, not } = schema;
  let zod = '';
  const add = (helper: Helper, forms: readonly CrdSchema[], mustBeExact: boolean): void => {
    let isExact = true;
    const noting = { ...rendering, loosened: () => void (isExact = false) };
    const texts = forms.map((form) => formOf(limited(schema, form), noting));
    if (!isExact) rendering.loosened();
    // A form that takes too much would make these two refuse what is valid.
    if (isExact || !mustBeExact) zod += `.check(${rendering.use(helper)}(${texts.join(', ')}))`;
  };
  for (const form of allOf) add('anyOf', [form], false);
  if (anyOf !== undefined && !saysIntOrString(schema, anyOf)) add('anyOf', anyOf, false);
  if (oneOf !== undefined) add('oneOf', oneOf, true);
  if (not !== undefined) add('not', [not], true);
  return zod;
}

/** The one use of `type` within forms, which says what `x-kubernetes-int-or-string` says. */
function saysIntOrString(schema: CrdSchema, forms: readonly CrdSchema[]): boolean {
  const types = new Set(forms.map(({ type }) => type));
  return schema['x-kubernetes-int-or-string'] === true && types.isSubsetOf(new Set(['integer', 'string']));
}

/** The limits of a form with the types of the schema that has it. */
function limited(schema: CrdSchema, form: CrdSchema): CrdSchema {
  const { type } = schema;
  const intOrString = schema['x-kubernetes-int-or-string'];
  const { properties, items, additionalProperties, allOf, anyOf, oneOf, not } = form;
  const inner = schema.additionalProperties;
  const all = (forms: readonly CrdSchema[]): readonly CrdSchema[] => forms.map((one) => limited(schema, one));
  return {
    ...(type !== undefined && { type }),
    ...(intOrString === true && form.type === undefined && { 'x-kubernetes-int-or-string': true }),
    ...(schema.nullable === true && { nullable: true }),
    ...form,
    // Forms within forms are about the same value.
    ...(allOf && { allOf: all(allOf) }),
    ...(anyOf && { anyOf: all(anyOf) }),
    ...(oneOf && { oneOf: all(oneOf) }),
    ...(not && { not: limited(schema, not) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, limits]) => [
          name,
          limited(schema.properties?.[name] ?? {}, limits),
        ]),
      ),
    }),
    ...(items && { items: limited(schema.items ?? {}, items) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: limited(typeof inner === 'object' ? inner : {}, additionalProperties),
    }),
  };
}

/** One expression without names: nobody sees its type. */
function formOf(form: CrdSchema, rendering: Rendering): string {
  const zod = plainForm(form, rendering) + formsOf(form, rendering);
  return form.nullable === true && form.enum === undefined ? `${zod}.nullable()` : zod;
}

function plainForm(form: CrdSchema, rendering: Rendering): string {
  if (form.enum !== undefined) {
    const values = enumOf(form.enum);
    if (values !== undefined) return values.zod;
    rendering.loosened();
    return 'z.unknown()';
  }
  if (form['x-kubernetes-int-or-string'] === true) return intOrStringOf(form, rendering).zod;
  switch (form.type) {
    case 'string':
      return stringOf(form, rendering).zod;
    case 'integer':
      return integerOf(form, rendering).zod;
    case 'number':
      return numberOf(form, rendering).zod;
    case 'boolean':
      return 'z.boolean()';
    case 'array': {
      const { minItems = 0, maxItems = Infinity, items } = form;
      const item = items === undefined ? 'z.unknown()' : formOf(items, rendering);
      return `z.array(${item}).min(${minItems}).max(${maxItems})`;
    }
    case 'object':
      return objectForm(form, rendering);
    default:
      rendering.loosened();
      return 'z.unknown()';
  }
}

function objectForm(form: CrdSchema, rendering: Rendering): string {
  const {
    properties = {},
    required = [],
    additionalProperties,
    minProperties = 0,
    maxProperties = Infinity,
  } = form;
  const size =
    minProperties > 0 || maxProperties < Infinity
      ? `.check(${rendering.use('size')}(${minProperties}, ${maxProperties}))`
      : '';
  if (typeof additionalProperties === 'object') {
    return `z.record(z.string(), ${formOf(additionalProperties, rendering)})${size}`;
  }
  const names = [...new Set([...Object.keys(properties), ...required])];
  const fields = names.map((name) => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const zod = property === undefined ? 'z.unknown()' : formOf(property, rendering);
    const whole = required.includes(name) ? zod : `${zod}.optional()`;
    return `${key(name)}: ${fieldOf(name, whole, rendering)}`;
  });
  return `z.looseObject({ ${fields.join(', ')} })${size}`;
}
