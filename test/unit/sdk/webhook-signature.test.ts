import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import * as z from 'zod';
import { toAzure } from '../../../functions/sdk/azure.ts';
import { toCloudFunction } from '../../../functions/sdk/cloud-function.ts';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction } from '../../../functions/sdk/define-function.ts';
import { toExpress } from '../../../functions/sdk/express.ts';
import { toFetch } from '../../../functions/sdk/fetch.ts';
import type { HttpHostOptions } from '../../../functions/sdk/host-options.ts';
import { toHttp } from '../../../functions/sdk/http.ts';
import { toKnative } from '../../../functions/sdk/knative.ts';
import { toOpenFaaS } from '../../../functions/sdk/openfaas.ts';
import { keysOf, signatureProblem } from '../../../functions/sdk/webhook-signature.ts';

/** The example of the Standard Webhooks specification. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const EXAMPLE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  body: '{"test": 2432232314}',
};
const NOW_MS = 1_614_265_330_000;

function sign(key: string | Uint8Array, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

describe('signatureProblem', () => {
  it('finds nothing wrong with the example of the specification', () => {
    assert.equal(signatureProblem(SECRET, EXAMPLE, NOW_MS), undefined);
  });

  it('takes raw bytes and plain text as secrets, too', () => {
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
    assert.equal(signatureProblem(key, EXAMPLE, NOW_MS), undefined);
    const signature = sign('a plain secret', EXAMPLE.id, EXAMPLE.timestamp, EXAMPLE.body);
    assert.equal(signatureProblem('a plain secret', { ...EXAMPLE, signature }, NOW_MS), undefined);
  });

  it('takes any of several secrets, and any of several signatures', () => {
    assert.equal(signatureProblem(['new', SECRET], EXAMPLE, NOW_MS), undefined);
    const signature = `v1a,AAAA v1,AAAA ${EXAMPLE.signature}`;
    assert.equal(signatureProblem(SECRET, { ...EXAMPLE, signature }, NOW_MS), undefined);
  });

  const wrong: readonly {
    reason: string;
    change: Partial<typeof EXAMPLE>;
    offS?: number;
    problem: string;
  }[] = [
    {
      reason: 'another body',
      change: { body: '{"test": 2432232315}' },
      problem: 'its signature is not ours',
    },
    { reason: 'another id', change: { id: 'msg_other' }, problem: 'its signature is not ours' },
    { reason: 'another time', change: { timestamp: '1614265331' }, problem: 'its signature is not ours' },
    { reason: 'an empty signature', change: { signature: '' }, problem: 'its signature is not ours' },
    { reason: 'a short signature', change: { signature: 'v1,g0hM' }, problem: 'its signature is not ours' },
    {
      reason: 'a signature of another version',
      change: { signature: EXAMPLE.signature.replace('v1', 'v2') },
      problem: 'its signature is not ours',
    },
    { reason: 'an old request', change: {}, offS: 301, problem: 'its webhook-timestamp is too far from now' },
    {
      reason: 'a request from the future',
      change: {},
      offS: -301,
      problem: 'its webhook-timestamp is too far from now',
    },
    {
      reason: 'a time that is no number',
      change: { timestamp: '1e9' },
      problem: 'webhook-timestamp is no number of seconds',
    },
  ];
  for (const { reason, change, offS = 0, problem } of wrong) {
    it(`refuses ${reason}`, () => {
      assert.equal(signatureProblem(SECRET, { ...EXAMPLE, ...change }, NOW_MS + offS * 1000), problem);
    });
  }

  for (const name of ['id', 'timestamp', 'signature'] as const) {
    it(`refuses a request without webhook-${name}`, () => {
      assert.equal(signatureProblem(SECRET, { ...EXAMPLE, [name]: undefined }, NOW_MS), 'it is not signed');
    });
  }

  it('takes what was signed with the secret, and nothing that was changed since', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string(),
        fc.string(),
        fc.string(),
        (secret, id, body, other) => {
          fc.pre(!secret.startsWith('whsec_'));
          const request = {
            id,
            timestamp: EXAMPLE.timestamp,
            signature: sign(secret, id, EXAMPLE.timestamp, body),
            body,
          };
          assert.equal(signatureProblem(secret, request, NOW_MS), undefined);
          assert.equal(
            signatureProblem(secret, { ...request, body: other }, NOW_MS) === undefined,
            other === body,
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  for (const empty of ['', 'whsec_', [], new Uint8Array()]) {
    it(`refuses ${JSON.stringify(empty)} as a secret`, () => {
      assert.throws(() => keysOf(empty), { message: 'webhookSecret is empty' });
    });
  }

  for (const make of [toHttp, toExpress, toFetch, toAzure, toOpenFaaS, toKnative, toCloudFunction]) {
    it(`stops ${make.name} where the secret that it shall check by is not set`, () => {
      const fn = defineFunction(
        customResource({ group: '', version: 'v1', kind: 'A', spec: z.object({}) }),
        {},
      );
      const options = { webhookSecret: process.env['NO_SUCH_VARIABLE'] } as HttpHostOptions;
      assert.throws(() => make(fn, options), { message: 'webhookSecret is empty' });
    });
  }
});
