/** Texts, numbers, booleans, and values of an enumeration. */
import type { CrdSchema } from './crd.ts';
import { fromGoPattern } from './go-pattern.ts';
import type { Rendered, Rendering } from './rendering.ts';
import { literal, quote } from './text.ts';

/**
 * What the API server checks of a format, less strict in doubt: nothing that it takes may be refused. Formats that are
 * not here are told in the comment of their field.
 */
const FORMATS: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  'date-time': /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/,
  uuid: /^[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}$/i,
  byte: /^[A-Za-z0-9+/]+={0,2}$/,
  ipv4: /^[\d.:A-Fa-f]*\.\d+$/,
  ipv6: /^[\d.:A-Fa-f]*:[\d.:A-Fa-f]*$/,
  cidr: /^[\d.:A-Fa-f]+\/\d+$/,
  mac: /^[\dA-Fa-f]{2,4}([:.-][\dA-Fa-f]{2,4})+$/,
  email: /@/,
};

/** Whether the generated schema looks at the format at all. */
export function isChecked(format: string): boolean {
  return Object.hasOwn(FORMATS, format) || ['int32', 'int64', 'float', 'double'].includes(format);
}

export function stringOf(schema: CrdSchema, rendering: Rendering): Rendered {
  const { minLength = 0, maxLength, pattern, format } = schema;
  let zod = 'z.string()';
  if (maxLength !== undefined || minLength > 1) {
    zod += `.check(${rendering.use('length')}(${minLength}, ${maxLength ?? 'Infinity'}))`;
  } else if (minLength === 1) zod += '.min(1)';
  if (pattern !== undefined) {
    const translated = fromGoPattern(pattern);
    if (translated === undefined) rendering.loosened();
    else zod += `.regex(${String(translated)})`;
  }
  if (format !== undefined) {
    rendering.loosened();
    const check = FORMATS[format];
    if (check !== undefined) zod += `.regex(${String(check)}, ${quote(`expected the format ${format}`)})`;
  }
  return { type: 'string', zod };
}

export function integerOf(schema: CrdSchema, rendering: Rendering): Rendered {
  const { minimum = -Infinity, maximum = Infinity, format } = schema;
  const isSafe = Number.isSafeInteger(minimum) && Number.isSafeInteger(maximum);
  const start = format === 'int32' ? 'z.int32()' : isSafe ? 'z.int()' : rendering.use('integer');
  return { type: 'number', zod: start + boundsOf(schema, rendering) };
}

export function numberOf(schema: CrdSchema, rendering: Rendering): Rendered {
  const start = schema.format === 'float' ? 'z.float32()' : 'z.number()';
  return { type: 'number', zod: start + boundsOf(schema, rendering) };
}

export function intOrStringOf(schema: CrdSchema, rendering: Rendering): Rendered {
  const options = [integerOf(schema, rendering), stringOf(schema, rendering)];
  return { type: 'number | string', zod: `z.union([${options.map(({ zod }) => zod).join(', ')}])` };
}

/** Undefined where the values are none that a type can name. A null among them counts for nothing in the API server. */
export function enumOf(all: readonly unknown[]): Rendered | undefined {
  const values = all.filter((value) => value !== null);
  if (values.length === 0) return undefined;
  if (values.some((value) => typeof value === 'object')) return undefined;
  const type = values.map(literal).join(' | ');
  const isText = values.every((value) => typeof value === 'string');
  return { type, zod: `${isText ? 'z.enum' : 'z.literal'}(${literal(values)})` };
}

function boundsOf(schema: CrdSchema, rendering: Rendering): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  let zod = '';
  if (minimum !== undefined) zod += `.${exclusiveMinimum === true ? 'gt' : 'min'}(${minimum})`;
  if (maximum !== undefined) zod += `.${exclusiveMaximum === true ? 'lt' : 'max'}(${maximum})`;
  if (multipleOf !== undefined) {
    rendering.loosened();
    zod += `.check(${rendering.use('multipleOf')}(${multipleOf}))`;
  }
  return zod;
}
