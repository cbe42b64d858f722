/** Schemas in the shapes of resources that many clusters have: routes, certificates, workloads, and some that are odd. */
import type { CrdSchema } from '../../cli/types/crd.ts';
import type { SchemaCase } from './crd-schemas.ts';

const object = (properties: Record<string, CrdSchema>, rest: CrdSchema = {}): CrdSchema => ({
  type: 'object',
  properties,
  ...rest,
});
const list = (items: CrdSchema, rest: CrdSchema = {}): CrdSchema => ({ type: 'array', items, ...rest });
const text = (rest: CrdSchema = {}): CrdSchema => ({ type: 'string', ...rest });

const DNS = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const QUANTITY = String.raw`^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`;
const quantity: CrdSchema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  pattern: QUANTITY,
  'x-kubernetes-int-or-string': true,
};
const port: CrdSchema = { type: 'integer', format: 'int32', minimum: 1, maximum: 65_535 };
const secretRef = object({ name: text({ default: '' }), key: text(), optional: { type: 'boolean' } }, {
  required: ['key'],
  'x-kubernetes-map-type': 'atomic',
} as CrdSchema);

/** As HTTPRoute: defaults within defaults, lists by key, patterns. */
const route = object({
  parentRefs: list(
    object(
      {
        group: text({ default: 'gateway.example.com', maxLength: 253, pattern: `^$|${DNS.slice(1)}` }),
        kind: text({ default: 'Gateway', minLength: 1, pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$' }),
        name: text({ minLength: 1, maxLength: 253 }),
        port,
      },
      { required: ['name'] },
    ),
    { maxItems: 32 },
  ),
  rules: list(
    object({
      matches: list(
        object({
          path: object(
            {
              type: text({ enum: ['Exact', 'PathPrefix', 'a', 'ab'], default: 'PathPrefix' }),
              value: text({ default: '/', maxLength: 1024 }),
            },
            { default: { type: 'PathPrefix', value: '/' } },
          ),
          headers: list(
            object(
              { name: text({ minLength: 1, maxLength: 256 }), value: text({ minLength: 1 }) },
              { required: ['name', 'value'] },
            ),
            { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
          ),
        }),
        { default: [{ path: { type: 'PathPrefix', value: '/' } }], maxItems: 8 },
      ),
      timeouts: object({ request: text({ pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' }) }),
      weight: { type: 'integer', format: 'int32', default: 1, minimum: 0, maximum: 1_000_000 },
    }),
    { default: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }], minItems: 1 },
  ),
});

/** As Certificate and Issuer: exactly one of several, words, references. */
const certificate = object(
  {
    duration: text(),
    usages: list(text({ enum: ['a', 'ab', 'digital signature'] }), { 'x-kubernetes-list-type': 'atomic' }),
    privateKey: object({
      algorithm: text({ enum: ['RSA', 'a'] }),
      size: { type: 'integer' },
      rotationPolicy: text({ nullable: true, enum: ['Never', 'Always'], default: 'Always' }),
    }),
    dnsNames: list(text({ pattern: DNS }), { maxItems: 3, 'x-kubernetes-list-type': 'set' }),
    ca: object({ secretName: text() }, { required: ['secretName'] }),
    selfSigned: object({ crl: list(text()) }),
    vault: object(
      { path: text(), caBundle: text({ maxLength: 2 }), auth: secretRef },
      {
        required: ['path'],
        oneOf: [
          { required: ['caBundle'] },
          { required: ['auth'] },
          { not: { anyOf: [{ required: ['caBundle'] }, { required: ['auth'] }] } },
        ],
      },
    ),
  },
  { oneOf: [{ required: ['ca'] }, { required: ['selfSigned'] }, { required: ['vault'] }] },
);

/** As workloads with a pod template: quantities, keys of several fields, what is not said, resources in resources. */
const workload = object(
  {
    replicas: { type: 'integer', format: 'int32', minimum: 0, nullable: true, default: 1 },
    maxUnavailable: {
      'x-kubernetes-int-or-string': true,
      default: '25%',
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      allOf: [{ pattern: '^[0-9]+%?$' }, { maximum: 10 }],
    },
    limits: { type: 'object', additionalProperties: quantity },
    labels: { type: 'object', additionalProperties: text({ nullable: true }) },
    table: { type: 'object', additionalProperties: list(list({ type: 'integer' })) },
    template: object(
      {
        metadata: object({
          name: text({ maxLength: 3 }),
          labels: { type: 'object', additionalProperties: text() },
        }),
        spec: object({ nodeName: text() }, { 'x-kubernetes-preserve-unknown-fields': true }),
      },
      { 'x-kubernetes-preserve-unknown-fields': true },
    ),
    containers: list(
      object(
        {
          name: text(),
          ports: list(
            object(
              { containerPort: port, protocol: text({ default: 'TCP' }) },
              { required: ['containerPort'] },
            ),
            {
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
            },
          ),
        },
        { required: ['name'] },
      ),
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    ),
    values: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    any: { type: 'object', additionalProperties: true },
  },
  {
    anyOf: [
      { required: ['replicas'] },
      { properties: { limits: { minProperties: 1 } }, required: ['limits'] },
    ],
  },
);

/** Fifteen levels, each with a default. */
const deep = Array.from({ length: 15 }).reduce<CrdSchema>(
  (inner, _none, level) =>
    object(
      { [`level${level}`]: inner, flag: { type: 'boolean' }, count: { type: 'integer', default: level } },
      { default: {} },
    ),
  object({ leaf: text({ default: 'ab', maxLength: 2 }), number: { type: 'number' } }),
);

/** What nobody should write, and somebody has. */
const odd = object(
  {
    constructor: text({ maxLength: 2 }),
    toString: { type: 'integer', maximum: 5 },
    default: text({ description: 'Has `ticks`, ${braces}, */ and \\ in it.' }),
    'with space': { type: 'boolean' },
    'dash-ed': { type: 'integer' },
    dashEd: { type: 'integer' },
    DashEd: object({ a: { type: 'integer' } }),
    'Dash-ed': object({ a: text() }),
    1: { type: 'integer' },
    nothing: text({ nullable: true, default: null }),
    mixed: { 'x-kubernetes-int-or-string': true, enum: [1, 'a', 'ab'] },
    zero: { type: 'number', enum: [0, 0.5, -1] },
    none: object({}, { maxProperties: 0 }),
    tuple: list({ 'x-kubernetes-int-or-string': true }, { minItems: 1, maxItems: 2 }),
    huge: { type: 'integer', minimum: 0, maximum: 2 ** 54 },
    free: { 'x-kubernetes-preserve-unknown-fields': true, nullable: true },
    kept: list({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }),
  },
  {
    not: {
      anyOf: [
        { required: ['with space', 'default'] },
        { properties: { 'dash-ed': { minimum: 10 } }, required: ['dash-ed'] },
      ],
    },
    allOf: [
      {
        oneOf: [
          { properties: { dashEd: { maximum: 2 } } },
          { properties: { dashEd: { minimum: 9 } }, required: ['dashEd'] },
        ],
      },
      { not: { properties: { tuple: { minItems: 2 } }, required: ['tuple'] } },
    ],
  },
);

export const SCHEMAS_OF_OTHERS: readonly SchemaCase[] = [
  { name: 'Route', exact: true, spec: route },
  { name: 'Certificate', exact: true, spec: certificate },
  { name: 'Workload', exact: true, spec: workload },
  { name: 'Deep', exact: true, spec: deep },
  { name: 'Odd', exact: true, spec: odd },
];
