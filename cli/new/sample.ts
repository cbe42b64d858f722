/** Specs that a schema takes, and does not: the samples of a project whose CRD was given. */
import type { CrdSchema } from '../types/crd.ts';
import { fromGoPattern } from '../types/go-pattern.ts';

/** Tried in this order where a pattern has to be met. */
const WORDS: readonly string[] = [
  'example',
  'a',
  'A',
  '1',
  '1.0.0',
  'v1',
  'example.com',
  'https://example.com/',
  'example.com/a:1',
  '1Gi',
  '100m',
  '30s',
  '1h',
  '10.0.0.1',
  '10.0.0.0/8',
  '0 0 * * *',
  '2026-01-01',
  '/a',
  'a@example.com',
  'a/b',
  'A_B',
  'example/a',
  '#ffffff',
  '50%',
  'sha256:'.padEnd(71, '0'),
];
const BY_FORMAT: Readonly<Record<string, string>> = {
  date: '2026-01-01',
  'date-time': '2026-01-01T00:00:00Z',
  uuid: '90fd8c09-1c3d-4574-9b09-fb03aa1fe58b',
  byte: 'aGVsbG8=',
  ipv4: '10.0.0.1',
  ipv6: '2001:db8::1',
  cidr: '10.0.0.0/8',
  mac: '00:00:5e:00:53:01',
  email: 'a@example.com',
  uri: 'https://example.com/',
  hostname: 'example.com',
  duration: '30s',
};

export interface Sample {
  readonly value: unknown;
  /** Fields whose rules a guess may not meet. */
  readonly doubtful: readonly string[];
}

/** The smallest value that the schema takes, as far as can be told. */
export function sampleOf(schema: CrdSchema, path: string): Sample {
  const doubtful: string[] = [];
  return { value: valueOf(schema, path, doubtful), doubtful };
}

/** The same with one field of a type that it cannot have; undefined where any value is taken. */
export function badSampleOf(schema: CrdSchema, good: unknown): unknown {
  const fields = Object.entries(schema.properties ?? {});
  const [name, property] = fields.find(([, one]) => one.type !== undefined) ?? [];
  if (name !== undefined) {
    return { ...(good as object), [name]: property?.type === 'object' ? 'no object' : { is: 'no value' } };
  }
  return schema.type === 'object' ? 'no object' : undefined;
}

function valueOf(schema: CrdSchema, path: string, doubtful: string[]): unknown {
  const given = schema.default ?? schema.example ?? schema.enum?.find((value) => value !== null);
  if (given !== undefined) return given;
  const hasForms = [schema.allOf, schema.anyOf, schema.oneOf, schema.not].some(
    (forms) => forms !== undefined,
  );
  const isText = schema['x-kubernetes-int-or-string'] === true;
  if ((hasForms && !isText) || schema['x-kubernetes-validations'] !== undefined) doubtful.push(path);
  switch (schema.type) {
    case 'string':
      return textOf(schema, path, doubtful);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, (_, index) =>
        valueOf(schema.items ?? {}, `${path}[${index}]`, doubtful),
      );
    case 'object':
      return objectOf(schema, path, doubtful);
    default:
      return isText ? 1 : {};
  }
}

function objectOf(schema: CrdSchema, path: string, doubtful: string[]): unknown {
  const { properties = {}, required = [], minProperties = 0, additionalProperties } = schema;
  const embedded =
    schema['x-kubernetes-embedded-resource'] === true ? { apiVersion: 'v1', kind: 'ConfigMap' } : {};
  const fields = required.map((name) => [name, valueOf(properties[name] ?? {}, `${path}.${name}`, doubtful)]);
  const value: Record<string, unknown> = { ...embedded, ...Object.fromEntries(fields) };
  if (typeof additionalProperties === 'object') {
    for (let count = 0; Object.keys(value).length < minProperties; count++) {
      value[`key${count}`] = valueOf(additionalProperties, `${path}.key${count}`, doubtful);
    }
  } else if (Object.keys(value).length < minProperties) doubtful.push(path);
  return value;
}

function textOf(
  { pattern, format, minLength = 0, maxLength = Infinity }: CrdSchema,
  path: string,
  doubtful: string[],
): string {
  const regular = pattern === undefined ? undefined : fromGoPattern(pattern);
  const fits = (text: string): boolean =>
    text.length >= minLength && text.length <= maxLength && (regular?.test(text) ?? true);
  const word = format === undefined ? undefined : BY_FORMAT[format];
  const candidates = [...(word === undefined ? [] : [word]), ...WORDS, 'a'.repeat(minLength)];
  const found = candidates.find(fits);
  if (found === undefined || (pattern !== undefined && regular === undefined)) doubtful.push(path);
  return found ?? 'change-me';
}

function numberOf({ minimum, maximum, exclusiveMinimum, multipleOf = 1 }: CrdSchema): number {
  if (minimum === undefined) return maximum !== undefined && maximum < multipleOf ? maximum : multipleOf;
  const least = Math.ceil(minimum / multipleOf) * multipleOf;
  return exclusiveMinimum === true && least === minimum ? least + multipleOf : least;
}
