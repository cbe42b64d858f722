/**
 * What the Lambda target gets from a host that runs the functions of test/fixtures/lambda: held by our fake of the
 * Invoke API, by it with AWS's own Node runtime, and by `serverless offline` as far as that goes.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { systemClock } from '../../forwarder/lib/clock.ts';
import type { Reply, Target } from '../../forwarder/model/target.ts';
import type { LambdaTarget } from '../../forwarder/model/trigger.ts';
import { createAddressGuard } from '../../forwarder/target/address-guard.ts';
import { lambdaTargets } from '../../forwarder/target/lambda.ts';
import { invocationAt, SAMPLE_DATA_JSON } from '../support/invocations.ts';
import { principalWith } from '../support/principals.ts';
import { useLambdaEndpoint } from '../support/lambda-endpoint.ts';
import { assertFails } from './target.contract.ts';

/** Exports of test/fixtures/lambda/handlers.ts. `slow` may run once at a time; `hangs` and `hangsOnce` have 1 s. */
export const LAMBDA_FUNCTIONS = [
  'echo',
  'nothing',
  'throws',
  'hangs',
  'hangsOnce',
  'exits',
  'large',
  'slow',
] as const;
export type LambdaFunctionName = (typeof LAMBDA_FUNCTIONS)[number];

export interface RunningHost extends AsyncDisposable {
  readonly endpoint: string;
  /** As the host names the function. */
  nameOf(name: LambdaFunctionName): string;
}

/** What a host cannot do, each with the reason; the promise is then not tested there. */
export interface HostGaps {
  readonly errorType?: string;
  readonly timeoutType?: string;
  readonly exits?: string;
  readonly qualifiers?: string;
  readonly arns?: string;
  readonly concurrency?: string;
  readonly asyncLimit?: string;
  readonly asyncFailure?: string;
}

export interface HostSuite {
  readonly name: string;
  readonly start: () => Promise<RunningHost>;
  readonly without?: HostGaps;
}

const guard = createAddressGuard({ inPod: false, apiServers: [], deniedCidrs: [] });

export function lambdaHostContract({ name, start, without = {} }: HostSuite): void {
  describe(`Lambda target on ${name}`, async () => {
    const host = await start();
    useLambdaEndpoint(host.endpoint);
    const targets = lambdaTargets({ clock: systemClock, guard, env: { AWS_REGION: 'eu-central-1' } });

    const targetOf = (functionName: string, more: Partial<LambdaTarget> = {}): Target =>
      targets.create(
        { type: 'lambda', functionName, invocationType: 'RequestResponse', ...more },
        { reply: 'Result' },
        principalWith(),
      );
    const call = (target: Target, dataJson = SAMPLE_DATA_JSON): Promise<Reply> =>
      target.invoke(invocationAt(systemClock, { dataJson }), new AbortController().signal);

    after(async () => {
      await targets[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    });

    it('hands the event to the function as a structured CloudEvent, and its result back', async () => {
      const invocation = invocationAt(systemClock);
      const reply = await targetOf(host.nameOf('echo')).invoke(invocation, new AbortController().signal);
      const { kind, status } = resultOf(reply);
      assert.equal(kind, 'FunctionResult');
      assert.deepEqual(status?.['event'], {
        ...invocation.attributes,
        data: JSON.parse(invocation.dataJson) as unknown,
      });
    });

    it('tells attempt, deadline and idempotency key in the client context', async () => {
      const invocation = invocationAt(systemClock);
      const reply = await targetOf(host.nameOf('echo')).invoke(invocation, new AbortController().signal);
      assert.partialDeepStrictEqual(resultOf(reply).status?.['clientContext'], {
        custom: {
          attempt: '1',
          deadline: invocation.attributes.statewiredeadline,
          idempotencyKey: invocation.idempotencyKey,
        },
      });
    });

    it('takes a function that returns nothing as done', async () => {
      assertDone(await call(targetOf(host.nameOf('nothing'))));
    });

    it('fails the delivery of a function that throws', async () => {
      await assertFails(call(targetOf(host.nameOf('throws'))), {
        code: 'TARGET_FAILED',
        blame: 'delivery',
        permanent: false,
      });
    });

    it('names the class of what a function throws', { skip: without.errorType ?? false }, async () => {
      const functionName = host.nameOf('throws');
      await assert.rejects(call(targetOf(functionName)), {
        message: `lambda ${functionName} failed: TypeError: boom`,
      });
    });

    it('fails the delivery of a function that outlasts its own timeout', async () => {
      await assertFails(call(targetOf(host.nameOf('hangs'))), { blame: 'delivery', permanent: false });
    });

    it('tells such a timeout from other failures', { skip: without.timeoutType ?? false }, async () => {
      const functionName = host.nameOf('hangs');
      await assert.rejects(call(targetOf(functionName)), {
        code: 'TARGET_TIMEOUT',
        message: `lambda ${functionName} failed: Sandbox.Timedout: Error: Task timed out after 1.00 seconds`,
      });
    });

    it('serves the next call after one that timed out', async () => {
      const target = targetOf(host.nameOf('hangsOnce'));
      await assertFails(call(target, '{"mark":"hang"}'), { blame: 'delivery', permanent: false });
      assert.equal((await call(target, '{}')).kind, 'body');
    });

    it(
      'fails the delivery of a function that ends its process',
      { skip: without.exits ?? false },
      async () => {
        await assertFails(call(targetOf(host.nameOf('exits'))), {
          code: 'TARGET_FAILED',
          blame: 'delivery',
          permanent: false,
        });
      },
    );

    it('does not read a result of 2 MB', async () => {
      await assertFails(call(targetOf(host.nameOf('large'))), {
        code: 'TARGET_BAD_REPLY',
        blame: 'delivery',
      });
    });

    it("is the target's failure, at once conclusive, where there is no such function", async () => {
      await assertFails(call(targetOf(`${host.nameOf('echo')}-not`)), {
        code: 'TARGET_NOT_FOUND',
        blame: 'target',
        conclusive: true,
      });
    });

    it('takes the payload that the target allows', async () => {
      const target = targetOf(host.nameOf('nothing'));
      const filler = 'x'.repeat((target.maxDataBytes ?? 0) - '{"filler":""}'.length);
      assertDone(await call(target, JSON.stringify({ filler })));
    });

    it('fails for good where the payload is larger than Lambda takes', async () => {
      const dataJson = JSON.stringify({ filler: 'x'.repeat(6 * 1024 * 1024) });
      await assertFails(call(targetOf(host.nameOf('nothing')), dataJson), {
        code: 'TARGET_TOO_LARGE',
        blame: 'delivery',
        permanent: true,
      });
    });

    it('leaves an Event with Lambda', async () => {
      const target = targetOf(host.nameOf('echo'), { invocationType: 'Event' });
      assert.deepEqual(await call(target), { kind: 'accepted' });
    });

    it('is not told of an Event that fails', { skip: without.asyncFailure ?? false }, async () => {
      const target = targetOf(host.nameOf('throws'), { invocationType: 'Event' });
      assert.deepEqual(await call(target), { kind: 'accepted' });
    });

    it(
      'fails for good where an Event is larger than Lambda takes',
      { skip: without.asyncLimit ?? false },
      async () => {
        const target = targetOf(host.nameOf('echo'), { invocationType: 'Event' });
        const dataJson = JSON.stringify({ filler: 'x'.repeat(1024 * 1024) });
        await assertFails(call(target, dataJson), {
          code: 'TARGET_TOO_LARGE',
          blame: 'delivery',
          permanent: true,
        });
      },
    );

    it('calls by alias', { skip: without.qualifiers ?? false }, async () => {
      const functionName = host.nameOf('nothing');
      assertDone(await call(targetOf(functionName, { qualifier: 'live' })));
      assertDone(await call(targetOf(`${functionName}:live`)));
      await assertFails(call(targetOf(functionName, { qualifier: 'gone' })), { code: 'TARGET_NOT_FOUND' });
    });

    it('calls by ARN and partial ARN', { skip: without.arns ?? false }, async () => {
      const partial = `123456789012:function:${host.nameOf('nothing')}`;
      assertDone(await call(targetOf(partial)));
      assertDone(await call(targetOf(`arn:aws:lambda:eu-central-1:${partial}`)));
      await assertFails(call(targetOf(`arn:aws:lambda:eu-central-1:9${partial.slice(1)}`)), {
        code: 'TARGET_FORBIDDEN',
        blame: 'target',
      });
    });

    it('is throttled by Lambda, and told for how long', { skip: without.concurrency ?? false }, async () => {
      const target = targetOf(host.nameOf('slow'));
      const running = call(target, '{"mark":"first"}');
      let throttled: Promise<Reply> = call(target, '{"mark":"second"}');
      const [first, second] = await Promise.allSettled([running, throttled]);
      assert.deepEqual([first.status, second.status].toSorted(), ['fulfilled', 'rejected']);
      throttled = first.status === 'rejected' ? running : throttled;
      await assertFails(throttled, {
        code: 'TARGET_THROTTLED',
        blame: 'target',
        retryAfterMs: 1000,
        minWaitMs: 1000,
      });
    });

    it('gives each of many calls at once its own answer', async () => {
      const target = targetOf(host.nameOf('echo'));
      const marks = Array.from({ length: 20 }, (_, index) => `mark-${index}`);
      const replies = await Promise.all(marks.map((mark) => call(target, JSON.stringify({ mark }))));
      const seen = replies.map(
        (reply) => (resultOf(reply).status?.['event'] as { data?: { mark: string } } | undefined)?.data?.mark,
      );
      assert.deepEqual(seen, marks);
    });
  });
}

/** Lambda makes `null` of nothing; an empty payload means the same to us. */
function assertDone(reply: Reply): void {
  assert.ok(
    reply.kind === 'empty' || (reply.kind === 'body' && reply.text === 'null'),
    JSON.stringify(reply),
  );
}

function resultOf(reply: Reply): {
  readonly kind?: string;
  readonly status?: Readonly<Record<string, unknown>>;
} {
  assert.equal(reply.kind, 'body');
  return JSON.parse((reply as { readonly text: string }).text) as ReturnType<typeof resultOf>;
}
