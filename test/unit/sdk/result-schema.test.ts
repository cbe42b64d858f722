import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { customResource, type CustomResource } from '../../../functions/sdk/custom-resource.ts';
import { readResult } from '../../../functions/sdk/result-schema.ts';
import { done, requeue } from '../../../functions/sdk/results.ts';

const Widget: CustomResource = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({}),
  status: z.object({ ready: z.number().int() }).partial(),
});
const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };

describe('readResult', () => {
  const full = {
    status: { ready: 1, unknownToTheSchema: { a: [1] } },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Available', message: '' }],
    apply: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { b: 'c' } }, data: { d: 'e' } },
    ],
    events: [{ type: 'Normal', reason: 'Scaled', message: 'to 3' }],
    requeueAfter: '1m30s',
    finalized: false,
  };
  const accepted: readonly { reason: string; given: unknown; expected: object }[] = [
    { reason: 'nothing returned', given: undefined, expected: stamp },
    { reason: 'null', given: null, expected: stamp },
    { reason: 'an empty object', given: {}, expected: stamp },
    { reason: 'done()', given: done(), expected: stamp },
    { reason: 'requeue()', given: requeue('30s'), expected: { ...stamp, requeueAfter: '30s' } },
    { reason: 'a result with every field', given: full, expected: { ...stamp, ...full } },
    {
      reason: 'status beside an error',
      given: { status: { ready: 0 }, error: { message: 'm' } },
      expected: { ...stamp, status: { ready: 0 }, error: { message: 'm' } },
    },
    {
      reason: 'fields that are undefined, as left out',
      given: { status: undefined, requeueAfter: undefined },
      expected: stamp,
    },
  ];
  for (const { reason, given, expected } of accepted) {
    it(`stamps ${reason}`, () => {
      assert.deepEqual(readResult(given, Widget), expected);
    });
  }

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const refused: readonly { reason: string; given: unknown; names: string }[] = [
    { reason: 'a text', given: 'done', names: 'expected object' },
    { reason: 'a function', given: () => 1, names: 'not JSON' },
    { reason: 'a circle', given: { status: circular }, names: 'not JSON' },
    { reason: 'a bigint', given: { status: { ready: 1n } }, names: 'not JSON' },
    { reason: 'a misspelt field', given: { requeAfter: '30s' }, names: 'requeAfter' },
    { reason: 'another kind', given: { kind: 'Result' }, names: 'kind: ' },
    { reason: 'a requeue in seconds', given: { requeueAfter: 30 }, names: 'requeueAfter: ' },
    {
      reason: 'a requeue that is no duration',
      given: { requeueAfter: '30 s' },
      names: 'requeueAfter: expected a duration',
    },
    { reason: 'a status that is a text', given: { status: 'Ready' }, names: 'status: ' },
    { reason: 'a status of another shape', given: { status: { ready: 'yes' } }, names: 'status.ready: ' },
    {
      reason: 'a status number that JSON cannot hold',
      given: { status: { ready: Number.NaN } },
      names: 'status.ready: ',
    },
    {
      reason: 'a condition that is true',
      given: { conditions: [{ type: 'Ready', status: true, reason: 'A' }] },
      names: 'conditions[0].status: ',
    },
    {
      reason: 'a condition with a sentence as reason',
      given: { conditions: [{ type: 'Ready', status: 'True', reason: 'all is well' }] },
      names: 'conditions[0].reason: ',
    },
    {
      reason: 'a manifest without a name',
      given: { apply: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }] },
      names: 'apply[0].metadata.name: ',
    },
    { reason: 'apply beside error', given: { apply: [], error: { message: 'm' } }, names: 'apply: ' },
    { reason: 'an error without a message', given: { error: {} }, names: 'error.message: ' },
  ];
  for (const { reason, given, names } of refused) {
    it(`refuses ${reason} and names ${names}`, () => {
      assert.throws(
        () => readResult(given, Widget),
        (error: Error) =>
          error.name === 'InvalidResult' && error.message.includes(names) && !error.message.includes('\n'),
      );
    });
  }

  it('takes 1 MiB, as much as the forwarder reads, and says how much more is too much', () => {
    const fill = (bytes: number) => ({
      events: [{ type: 'Normal', reason: 'A', message: 'é'.repeat(bytes / 2) }],
    });
    const rest = Buffer.byteLength(JSON.stringify(readResult(fill(2), Widget))) - 2;
    const most = 1024 * 1024 - rest - ((1024 * 1024 - rest) % 2);
    readResult(fill(most), Widget);
    assert.throws(() => readResult(fill(most + 2), Widget), {
      message: new RegExp(`invalid result: ${rest + most + 2} bytes, more than the 1048576`),
    });
  });

  it('takes any status where the kind declares none', () => {
    const { status: _status, ...Bare } = Widget;
    assert.deepEqual(readResult({ status: { ready: 'yes' } }, { ...Bare, status: undefined }), {
      ...stamp,
      status: { ready: 'yes' },
    });
  });
});
