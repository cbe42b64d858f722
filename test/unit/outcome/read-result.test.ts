import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BadField } from '../../../forwarder/outcome/fields.ts';
import { readResult } from '../../../forwarder/outcome/read-result.ts';

const K = { kind: 'FunctionResult' };
const READY = { type: 'Ready', status: 'True', reason: 'Available' };
const MANIFEST = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } };
const EVENT = { type: 'Normal', reason: 'Scaled', message: 'to 3 replicas' };

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

describe('readResult', () => {
  for (const [reason, text] of [
    ['nothing', ''],
    ['blank lines', ' \r\n\t'],
    ['null', 'null'],
    ['an empty object', ' {} '],
    ['a byte order mark alone', '\uFEFF'],
    ['an empty object after a byte order mark', '\uFEFF{}'],
  ] as const) {
    it(`takes ${reason} for done`, () => {
      assert.deepEqual(readResult(text), { warnings: [] });
    });
  }

  it('reads every field', () => {
    const result = {
      apiVersion: 'statewire.dev/v1alpha1',
      kind: 'FunctionResult',
      status: { phase: 'Ready', nested: { list: [1, 'two', null] } },
      conditions: [
        { ...READY, message: '3 of 3 replicas' },
        { ...READY, type: 'example.com/Synced', status: 'Unknown' },
      ],
      apply: [
        { ...MANIFEST, spec: { replicas: 3 } },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } },
      ],
      events: [EVENT],
      requeueAfter: '1m30s',
      finalized: false,
    };
    assert.deepEqual(readResult(JSON.stringify(result)), { result, warnings: [] });
  });

  it('reads an error with its wait', () => {
    const error = { message: 'quota exhausted', retryable: true, retryAfter: '60s' };
    assert.deepEqual(readResult(JSON.stringify({ ...K, error })).result, { ...K, error });
  });

  it('takes null for an absent field', () => {
    const text = JSON.stringify({
      ...K,
      apiVersion: null,
      status: null,
      conditions: null,
      apply: null,
      requeueAfter: null,
      error: null,
    });
    assert.deepEqual(readResult(text), { result: K, warnings: [] });
  });

  it('keeps an empty list of children, which prunes, apart from none, which does not', () => {
    assert.deepEqual(readResult(JSON.stringify({ ...K, apply: [] })).result, { ...K, apply: [] });
  });

  it('keeps numbers in status and manifests exactly as they were sent', () => {
    const status = '{"big":9007199254740993,"float":1.0,"huge":1e400,"negative":-0,"small":0.1}';
    const apply = `[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"n":12345678901234567890}]`;
    const { result } = readResult(`{"kind":"FunctionResult","status":${status},"apply":${apply}}`);
    assert.equal(JSON.stringify(result?.status), status);
    assert.equal(JSON.stringify(result?.apply), apply);
  });

  it('leaves unknown fields out and names each of them', () => {
    const text = JSON.stringify({
      ...K,
      phase: 'Ready',
      conditions: [{ ...READY, lastTransitionTime: 'now' }],
      events: [{ ...EVENT, count: 3 }],
      error: { message: 'no', cause: 'x' },
    });
    assert.deepEqual(readResult(text), {
      result: { ...K, conditions: [READY], events: [EVENT], error: { message: 'no' } },
      warnings: [
        'phase: ignored, a result has no such field',
        'error.cause: ignored, a result has no such field',
        'conditions[0].lastTransitionTime: ignored, a result has no such field',
        'events[0].count: ignored, a result has no such field',
      ],
    });
  });

  it('names at most ten unknown fields, each in one short line', () => {
    const fields = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`f${index}\n${'x'.repeat(500)}`, 1]),
    );
    const { warnings } = readResult(JSON.stringify({ ...K, ...fields }));
    assert.equal(warnings.length, 11);
    assert.equal(warnings.at(-1), '20 more unknown fields: ignored');
    for (const warning of warnings) assert.ok(warning.length < 320 && !warning.includes('\n'));
  });

  it('names ten unknown fields without a rest', () => {
    const fields = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`f${index}`, 1]));
    assert.equal(readResult(JSON.stringify({ ...K, ...fields })).warnings.length, 10);
  });

  it('ignores children beside an error, and says so', () => {
    const { result, warnings } = readResult(
      JSON.stringify({ ...K, apply: [MANIFEST], error: { message: 'no' } }),
    );
    assert.deepEqual(result, { ...K, error: { message: 'no' } });
    assert.deepEqual(warnings, ['apply: ignored, because there is an error']);
  });

  it('is not confused by names that objects have anyway', () => {
    const { result, warnings } = readResult(
      '{"kind":"FunctionResult","__proto__":{"finalized":false},"constructor":1,"status":{"__proto__":{"x":1}}}',
    );
    assert.equal(result?.finalized, undefined);
    assert.deepEqual(warnings, [
      '__proto__: ignored, a result has no such field',
      'constructor: ignored, a result has no such field',
    ]);
    assert.equal(Object.getPrototypeOf(result?.status), Object.prototype);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    assert.throws(() => readResult('{"__proto__":{"kind":"FunctionResult"}}'), {
      message: 'kind: is missing',
    });
  });

  it('takes a status of many fields, but none nested without end', () => {
    const list = Array.from({ length: 1000 }, () => ({ empty: [] }));
    assert.deepEqual(readResult(JSON.stringify({ ...K, status: { list } })).result?.status, { list });
    assert.ok(readResult(`{"kind":"FunctionResult","status":${nested(199)}}`).result?.status !== undefined);
    const tooDeep = { message: 'the reply: is nested deeper than 200 levels' };
    assert.throws(() => readResult(`{"kind":"FunctionResult","status":${nested(200)}}`), tooDeep);
    assert.throws(() => readResult('['.repeat(1_000_000)), tooDeep);
    assert.ok(
      readResult(JSON.stringify({ ...K, status: { text: `"${'['.repeat(500)}` } })).result !== undefined,
    );
  });

  for (const text of ['<html>', '{"kind":"FunctionResult"', "{'kind':1}", 'undefined', 'NaN', '{} {}']) {
    it(`refuses what is no JSON: ${text}`, () => {
      assert.throws(() => readResult(text), SyntaxError);
    });
  }

  const BAD: readonly (readonly [reply: unknown, message: string])[] = [
    ['done', 'the reply: must be empty or a JSON object with kind FunctionResult'],
    ['', 'the reply: must be empty or a JSON object with kind FunctionResult'],
    [42, 'the reply: must be empty or a JSON object with kind FunctionResult'],
    [false, 'the reply: must be empty or a JSON object with kind FunctionResult'],
    [[], 'the reply: must be empty or a JSON object with kind FunctionResult'],
    [{ statusCode: 200, body: 'ok' }, 'kind: is missing'],
    [{ status: { phase: 'Ready' } }, 'kind: is missing'],
    [{ kind: 'Status' }, 'kind: must be one of FunctionResult'],
    [{ kind: 1 }, 'kind: must be one of FunctionResult'],
    [{ ...K, apiVersion: 'statewire.dev/v2' }, 'apiVersion: must be one of statewire.dev/v1alpha1'],
    [{ ...K, status: 'Ready' }, 'status: must be an object'],
    [{ ...K, status: [] }, 'status: must be an object'],
    [{ ...K, conditions: READY }, 'conditions: must be a list'],
    [{ ...K, conditions: [null] }, 'conditions[0]: must be an object'],
    [{ ...K, conditions: [{ ...READY, type: undefined }] }, 'conditions[0].type: is missing'],
    [
      { ...K, conditions: [READY, { ...READY, type: 'not ready' }] },
      'conditions[1].type: must be a condition type like Ready, at most 316 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, type: `Example.com/${'x'.repeat(10)}` }] },
      'conditions[0].type: must be a condition type like Ready, at most 316 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, type: 'x'.repeat(317) }] },
      'conditions[0].type: must be a condition type like Ready, at most 316 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, status: true }] },
      'conditions[0].status: must be one of True, False, Unknown',
    ],
    [
      { ...K, conditions: [{ ...READY, status: 'true' }] },
      'conditions[0].status: must be one of True, False, Unknown',
    ],
    [{ ...K, conditions: [{ type: 'Ready', status: 'True' }] }, 'conditions[0].reason: is missing'],
    [
      { ...K, conditions: [{ ...READY, reason: '' }] },
      'conditions[0].reason: must be a word like MinimumReplicasAvailable, at most 1024 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, reason: 'not a word' }] },
      'conditions[0].reason: must be a word like MinimumReplicasAvailable, at most 1024 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, reason: 'x'.repeat(1025) }] },
      'conditions[0].reason: must be a word like MinimumReplicasAvailable, at most 1024 characters',
    ],
    [
      { ...K, conditions: [{ ...READY, message: 'x'.repeat(32_769) }] },
      'conditions[0].message: must be a text of at most 32768 characters',
    ],
    [{ ...K, conditions: [READY, READY] }, 'conditions[1].type: stands in another condition too'],
    [{ ...K, apply: MANIFEST }, 'apply: must be a list'],
    [{ ...K, apply: [{ ...MANIFEST, apiVersion: undefined }] }, 'apply[0].apiVersion: is missing'],
    [
      { ...K, apply: [{ ...MANIFEST, apiVersion: 'a/b/c' }] },
      'apply[0].apiVersion: must be an API version like apps/v1',
    ],
    [
      { ...K, apply: [{ ...MANIFEST, apiVersion: '../v1' }] },
      'apply[0].apiVersion: must be an API version like apps/v1',
    ],
    [{ ...K, apply: [{ ...MANIFEST, kind: '' }] }, 'apply[0].kind: must be a kind like Deployment'],
    [{ ...K, apply: [{ ...MANIFEST, metadata: undefined }] }, 'apply[0].metadata: is missing'],
    [
      { ...K, apply: [{ ...MANIFEST, metadata: { generateName: 'web-' } }] },
      'apply[0].metadata.name: is missing',
    ],
    ...['', '.', '..', 'a/b', 'a%2fb', 'a\nb', 'x'.repeat(254)].map(
      (name) =>
        [
          { ...K, apply: [{ ...MANIFEST, metadata: { name } }] },
          'apply[0].metadata.name: must be the name of an object',
        ] as const,
    ),
    ...['..', 'a/b', 'A', 'kube-system/secrets'].map(
      (namespace) =>
        [
          { ...K, apply: [{ ...MANIFEST, metadata: { name: 'web', namespace } }] },
          'apply[0].metadata.namespace: must be the name of a namespace',
        ] as const,
    ),
    [
      { ...K, apply: [{ ...MANIFEST, metadata: { name: 'web', labels: { tier: 1 } } }] },
      'apply[0].metadata.labels["tier"]: must be a string',
    ],
    [
      { ...K, apply: [{ ...MANIFEST, metadata: { name: 'web', annotations: ['a'] } }] },
      'apply[0].metadata.annotations: must be an object',
    ],
    [
      { ...K, apply: [MANIFEST, { ...MANIFEST, spec: {} }] },
      'apply[1]: is the same object as an entry before it',
    ],
    [{ ...K, events: [{ ...EVENT, type: 'Error' }] }, 'events[0].type: must be one of Normal, Warning'],
    [
      { ...K, events: [{ ...EVENT, reason: '' }] },
      'events[0].reason: must be a word of at most 128 characters',
    ],
    [{ ...K, events: [{ type: 'Normal', reason: 'Scaled' }] }, 'events[0].message: is missing'],
    [{ ...K, requeueAfter: 30 }, 'requeueAfter: must be a duration like 30s'],
    [{ ...K, requeueAfter: '30 seconds' }, 'requeueAfter: must be a duration like 30s'],
    [{ ...K, requeueAfter: '-1s' }, 'requeueAfter: must be a duration like 30s'],
    [{ ...K, requeueAfter: '1.5s' }, 'requeueAfter: must be a duration like 30s'],
    [{ ...K, finalized: 'yes' }, 'finalized: must be true or false'],
    [{ ...K, error: 'no' }, 'error: must be an object'],
    [{ ...K, error: {} }, 'error.message: is missing'],
    [{ ...K, error: { message: 'no', retryable: 'false' } }, 'error.retryable: must be true or false'],
    [{ ...K, error: { message: 'no', retryAfter: 60 } }, 'error.retryAfter: must be a duration like 30s'],
  ];
  for (const [reply, message] of BAD) {
    const text = JSON.stringify(reply);
    it(`refuses ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`, () => {
      assert.throws(
        () => readResult(text),
        (error) => {
          assert.ok(error instanceof BadField);
          assert.equal(error.message, message);
          return true;
        },
      );
    });
  }

  const GOOD: readonly (readonly [reason: string, result: object])[] = [
    ['a message of the greatest length', { conditions: [{ ...READY, message: 'x'.repeat(32_768) }] }],
    [
      'a message of as many characters outside the basic plane',
      { conditions: [{ ...READY, message: '😀'.repeat(32_768) }] },
    ],
    ['a condition type with a domain', { conditions: [{ ...READY, type: `${'a.'.repeat(126)}b/Ready` }] }],
    [
      'a cluster-scoped name with colons',
      { apply: [{ ...MANIFEST, metadata: { name: 'system:web:reader' } }] },
    ],
    [
      'one name in two namespaces',
      { apply: ['a', 'b'].map((namespace) => ({ ...MANIFEST, metadata: { name: 'web', namespace } })) },
    ],
    ['a requeue at once', { requeueAfter: '0s' }],
    ['the longest duration', { requeueAfter: '99999h99999m99999s99999ms' }],
    ['an event without words', { events: [{ ...EVENT, message: '' }] }],
  ];
  for (const [reason, fields] of GOOD) {
    it(`takes ${reason}`, () => {
      const result = { ...K, ...fields };
      assert.deepEqual(readResult(JSON.stringify(result)), { result, warnings: [] });
    });
  }
});
