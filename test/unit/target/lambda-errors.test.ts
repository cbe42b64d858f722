import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { functionFailure } from '../../../forwarder/target/lambda-errors.ts';

const where = 'lambda application';

describe('functionFailure', () => {
  for (const { reason, payload, message, code = 'TARGET_FAILED' } of [
    {
      reason: 'names the class of what the function threw',
      payload: '{"errorType":"TypeError","errorMessage":"boom","trace":["TypeError: boom"]}',
      message: 'lambda application failed: TypeError: boom',
    },
    {
      reason: 'knows a timeout, and leaves out moment and request id',
      payload:
        '{"errorMessage":"2026-11-21T02:30:00.123Z 3f1d5f4e-8d4f-4c5e-9a59-0b7a2f9d7c11 Task timed out after 3.00 seconds"}',
      message: 'lambda application failed: Error: Task timed out after 3.00 seconds',
      code: 'TARGET_TIMEOUT',
    },
    {
      reason: 'leaves request ids out of the platform’s own errors',
      payload:
        '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 3f1d5f4e-8d4f-4c5e-9a59-0b7a2f9d7c11 Error: Runtime exited with error: exit status 1"}',
      message:
        'lambda application failed: Runtime.ExitError: Error: Runtime exited with error: exit status 1',
    },
    {
      reason: 'does without a type',
      payload: '{"errorMessage":"no"}',
      message: 'lambda application failed: Error: no',
    },
    {
      reason: 'quotes what is no object',
      payload: '"just text"',
      message: 'lambda application failed: Error: "just text"',
    },
    {
      reason: 'quotes what is no JSON',
      payload: 'Segfault',
      message: 'lambda application failed: Error: Segfault',
    },
    { reason: 'does with nothing', payload: '', message: 'lambda application failed: Error' },
    {
      reason: 'cuts long messages and puts them on one line',
      payload: JSON.stringify({ errorType: 'E', errorMessage: `a\nb${'x'.repeat(500)}` }),
      message: `lambda application failed: E: a b${'x'.repeat(252)}…`,
    },
  ]) {
    it(reason, () => {
      const error = functionFailure(payload, where);
      assert.partialDeepStrictEqual(
        { code: error.code, blame: error.blame, permanent: error.permanent, message: error.message },
        { code, blame: 'delivery', permanent: false, message },
      );
    });
  }
});
