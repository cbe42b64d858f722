import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type Blame, TargetError, type TargetErrorDetails } from '../../../forwarder/lib/errors.ts';
import { classify } from '../../../forwarder/outcome/classify.ts';
import type { Outcome } from '../../../forwarder/model/outcome.ts';
import type { Reply } from '../../../forwarder/model/target.ts';

const RESULT = { reply: 'Result' } as const;
const IGNORE = { reply: 'Ignore' } as const;

const body = (value: unknown): Reply => ({ kind: 'body', text: JSON.stringify(value) });

describe('classify, of replies', () => {
  const result = { kind: 'FunctionResult', status: { phase: 'Ready' } } as const;
  const ROWS: readonly { reason: string; reply: Reply; expected: Outcome }[] = [
    {
      reason: 'an empty reply is a success',
      reply: { kind: 'empty' },
      expected: { kind: 'success', warnings: [] },
    },
    {
      reason: 'a reply that is only accepted is a success',
      reply: { kind: 'accepted' },
      expected: { kind: 'success', warnings: [] },
    },
    {
      reason: 'a blank body is a success',
      reply: { kind: 'body', text: '\n' },
      expected: { kind: 'success', warnings: [] },
    },
    { reason: 'null is a success', reply: body(null), expected: { kind: 'success', warnings: [] } },
    { reason: '{} is a success', reply: body({}), expected: { kind: 'success', warnings: [] } },
    {
      reason: 'a result is a success',
      reply: body(result),
      expected: { kind: 'success', result, warnings: [] },
    },
    {
      reason: 'requeueAfter is a success with a wake-up',
      reply: body({ ...result, requeueAfter: '1m30s' }),
      expected: {
        kind: 'success',
        result: { ...result, requeueAfter: '1m30s' },
        requeueAfterMs: 90_000,
        warnings: [],
      },
    },
    {
      reason: 'an unknown field is a warning',
      reply: body({ ...result, extra: 1 }),
      expected: { kind: 'success', result, warnings: ['extra: ignored, a result has no such field'] },
    },
    {
      reason: 'an error in the result is tried again, and what stands beside it is kept',
      reply: body({ ...result, error: { message: 'quota\n exhausted' } }),
      expected: {
        kind: 'retry',
        failure: { code: 'FUNCTION_ERROR', message: 'quota exhausted' },
        result: { ...result, error: { message: 'quota\n exhausted' } },
        warnings: [],
      },
    },
    {
      reason: 'an error may name its wait',
      reply: body({ kind: 'FunctionResult', error: { message: 'no', retryable: true, retryAfter: '60s' } }),
      expected: {
        kind: 'retry',
        failure: { code: 'FUNCTION_ERROR', message: 'no', retryAfterMs: 60_000 },
        result: { kind: 'FunctionResult', error: { message: 'no', retryable: true, retryAfter: '60s' } },
        warnings: [],
      },
    },
    {
      reason: 'an error that must not be retried is permanent',
      reply: body({ kind: 'FunctionResult', error: { message: '', retryable: false, retryAfter: '60s' } }),
      expected: {
        kind: 'permanent',
        failure: { code: 'FUNCTION_ERROR', message: 'the function named no reason' },
        suspect: false,
        result: { kind: 'FunctionResult', error: { message: '', retryable: false, retryAfter: '60s' } },
        warnings: [],
      },
    },
    {
      reason: 'no result wakes up beside an error',
      reply: body({ kind: 'FunctionResult', requeueAfter: '5s', error: { message: 'no' } }),
      expected: {
        kind: 'retry',
        failure: { code: 'FUNCTION_ERROR', message: 'no' },
        result: { kind: 'FunctionResult', requeueAfter: '5s', error: { message: 'no' } },
        warnings: [],
      },
    },
    {
      reason: 'a bad field is a bad reply that names it',
      reply: body({ kind: 'FunctionResult', requeueAfter: 'soon' }),
      expected: {
        kind: 'retry',
        failure: { code: 'TARGET_BAD_REPLY', message: 'requeueAfter: must be a duration like 30s' },
        warnings: [],
      },
    },
    {
      reason: 'what is no JSON is a bad reply, and its text is not repeated',
      reply: { kind: 'body', text: 'password=hunter2' },
      expected: {
        kind: 'retry',
        failure: { code: 'TARGET_BAD_REPLY', message: 'the reply is not JSON' },
        warnings: [],
      },
    },
    {
      reason: "another kind of object is a bad reply, such as a gateway's answer",
      reply: body({ statusCode: 200, body: '{}' }),
      expected: {
        kind: 'retry',
        failure: { code: 'TARGET_BAD_REPLY', message: 'kind: is missing' },
        warnings: [],
      },
    },
  ];
  for (const { reason, reply, expected } of ROWS) {
    it(reason, () => assert.deepEqual(classify(reply, RESULT), expected));
  }

  it('reads no body where the reply is to be ignored', () => {
    for (const reply of [
      body({ statusCode: 500 }),
      body({ kind: 'FunctionResult', error: { message: 'no' } }),
    ]) {
      assert.deepEqual(classify(reply, IGNORE), { kind: 'success', warnings: [] });
    }
    assert.deepEqual(classify({ kind: 'body', text: '<html>' }, IGNORE), { kind: 'success', warnings: [] });
  });
});

describe('classify, of errors', () => {
  const failed = (details: TargetErrorDetails): TargetError =>
    new TargetError('TARGET_FAILED', 'status 500', details);
  const failure = { code: 'TARGET_FAILED', message: 'status 500' };
  const ROWS: readonly { reason: string; details: TargetErrorDetails; expected: Outcome }[] = [
    {
      reason: 'a failed delivery is tried again',
      details: { blame: 'delivery' },
      expected: { kind: 'retry', failure, warnings: [] },
    },
    {
      reason: 'a permanent one is not',
      details: { blame: 'delivery', permanent: true },
      expected: { kind: 'permanent', failure, suspect: false, warnings: [] },
    },
    {
      reason: 'a suspect one is permanent for the one object',
      details: { blame: 'delivery', suspect: true },
      expected: { kind: 'permanent', failure, suspect: true, warnings: [] },
    },
    {
      reason: 'a failure of the target is its own',
      details: { blame: 'target' },
      expected: { kind: 'target_unavailable', failure, conclusive: false, warnings: [] },
    },
    {
      reason: 'a failure of the target is never permanent',
      details: { blame: 'target', permanent: true, conclusive: true },
      expected: { kind: 'target_unavailable', failure, conclusive: true, warnings: [] },
    },
    {
      reason: 'waits that the target asks for go along',
      details: { blame: 'target', retryAfterMs: 0, minWaitMs: 1000 },
      expected: {
        kind: 'target_unavailable',
        failure: { ...failure, retryAfterMs: 0, minWaitMs: 1000 },
        conclusive: false,
        warnings: [],
      },
    },
  ];
  for (const { reason, details, expected } of ROWS) {
    it(reason, () => {
      assert.deepEqual(classify(failed(details), RESULT), expected);
      assert.deepEqual(classify(failed(details), IGNORE), expected);
    });
  }
});

describe('classify, whatever comes', () => {
  /** JSON that looks like a result here and there. */
  const resultLike = fc.record(
    {
      kind: fc.constantFrom('FunctionResult', 'Other'),
      apiVersion: fc.oneof(fc.constant('statewire.dev/v1alpha1'), fc.jsonValue()),
      status: fc.jsonValue(),
      conditions: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.dictionary(fc.constantFrom('type', 'status', 'reason'), fc.jsonValue())),
      ),
      apply: fc.oneof(
        fc.jsonValue(),
        fc.array(fc.dictionary(fc.constantFrom('apiVersion', 'kind', 'metadata'), fc.jsonValue())),
      ),
      events: fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
      requeueAfter: fc.oneof(fc.constantFrom('30s', '1h1m', ''), fc.jsonValue()),
      finalized: fc.oneof(fc.boolean(), fc.jsonValue()),
      error: fc.oneof(fc.record({ message: fc.string(), retryable: fc.boolean() }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );

  it('makes an outcome of any reply, whose messages are single lines of at most 256 characters', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          resultLike.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const outcome = classify({ kind: 'body', text }, RESULT);
          if (outcome.kind === 'success') return;
          const { message } = outcome.failure;
          assert.ok(message.length > 0 && message.length <= 256 && !/[\r\n]/.test(message), message);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives the same outcome for the same reply', () => {
    fc.assert(
      fc.property(resultLike, (value) => {
        assert.deepEqual(classify(body(value), RESULT), classify(body(value), RESULT));
      }),
    );
  });

  it('writes the status out as it came in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (status) => {
        const text = JSON.stringify({ kind: 'FunctionResult', status });
        const outcome = classify({ kind: 'body', text }, RESULT);
        assert.equal(JSON.stringify(outcome.result?.status), JSON.stringify(status));
      }),
    );
  });

  it('never lets a failure of the target use attempts, nor one of the delivery be the target’s', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Blame>('delivery', 'target'),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (blame, permanent, suspect, conclusive) => {
          const error = new TargetError('TARGET_FAILED', 'm', { blame, permanent, suspect, conclusive });
          assert.equal(classify(error, RESULT).kind === 'target_unavailable', blame === 'target');
        },
      ),
    );
  });
});
