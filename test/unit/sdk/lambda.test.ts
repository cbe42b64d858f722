import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import { defineFunction, type StatewireFunction } from '../../../functions/sdk/define-function.ts';
import { toLambda, type LambdaOptions } from '../../../functions/sdk/lambda.ts';
import { functionEvent, widget } from '../../support/function-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { serve } from '../../support/serve.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ size: z.number() }),
});
const quiet: LambdaOptions = { writeLog: () => undefined };
const waiting = { clientContext: { custom: { idempotencyKey: 'key-1' } } };
const boom = new RangeError('boom');
const failing: StatewireFunction = defineFunction(Widget, {
  created: () => {
    throw boom;
  },
});

describe('toLambda', () => {
  it('passes on the idempotency key of the client context', async () => {
    const fn = defineFunction(Widget, { created: ({ idempotencyKey }) => ({ status: { idempotencyKey } }) });
    assert.deepEqual((await toLambda(fn)(functionEvent(), waiting)).status, { idempotencyKey: 'key-1' });
  });

  const contexts: readonly { reason: string; clientContext: unknown }[] = [
    { reason: 'none', clientContext: undefined },
    { reason: 'null', clientContext: null },
    { reason: 'a text', clientContext: 'custom' },
    { reason: 'another caller', clientContext: { custom: null } },
    { reason: 'a key that is no text', clientContext: { custom: { idempotencyKey: 7 } } },
    {
      reason: 'a caller who reads no replies',
      clientContext: { custom: { idempotencyKey: 'k', reply: 'Ignore' } },
    },
    { reason: 'a text in place of fields', clientContext: { custom: 'k' } },
  ];
  for (const { reason, clientContext } of contexts) {
    it(`throws what the handler threw when the client context is ${reason}: nobody reads the answer`, async () => {
      await assert.rejects(toLambda(failing, quiet)(functionEvent(), { clientContext }), boom);
    });
  }

  const rows = [
    { errors: 'auto', context: waiting, returns: true },
    { errors: 'return', context: {}, returns: true },
    { errors: 'throw', context: waiting, returns: false },
  ] as const;
  for (const { errors, context, returns } of rows) {
    it(`${returns ? 'returns' : 'throws'} errors with errors: ${errors}`, async () => {
      const answer = toLambda(failing, { ...quiet, errors })(functionEvent(), context);
      const outcome = await answer.then(
        ({ error }) => error,
        (thrown: unknown) => thrown,
      );
      assert.deepEqual(outcome, returns ? { message: 'boom', retryable: true } : boom);
    });
  }

  it('throws for a result with an error, too', async () => {
    const fn = defineFunction(Widget, { created: () => ({ error: { message: 'quota' } }) });
    await assert.rejects(toLambda(fn, quiet)(functionEvent(), {}), { message: 'quota' });
  });

  it('throws for what is no event, so that a wrong wiring is seen', async () => {
    await assert.rejects(toLambda(failing, quiet)({ Records: [] }, {}), { name: 'EventError', status: 400 });
  });

  it("aborts the signal before the function's own time is up", async () => {
    const clock = new ManualClock();
    const reasons: Error[] = [];
    const fn = defineFunction(Widget, {
      created: async ({ signal }) => {
        await clock.sleep(60_000, signal).catch((error: Error) => reasons.push(error));
      },
    });
    const running = toLambda(fn, { clock })(functionEvent({ object: widget({ size: 1 }) }), {
      getRemainingTimeInMillis: () => 3000,
    });
    await clock.advance(2699);
    assert.equal(reasons.length, 0);
    await clock.advance(1);
    await running;
    assert.deepEqual(
      reasons.map(({ name }) => name),
      ['TimeoutError'],
    );
  });
});

describe('toLambda, asked to send its result', () => {
  /** A forwarder that answers callbacks with one status, and what it was sent. */
  async function forwarder(status: number) {
    const sent: { url: string | undefined; body: unknown }[] = [];
    const served = await serve((request, response) => {
      void text(request).then((body) => {
        sent.push({ url: request.url, body: JSON.parse(body) });
        response.writeHead(status).end();
      });
    });
    const event = functionEvent({
      attributes: { statewirecallback: `${served.url}callbacks/1?token=secret` },
    });
    return { sent, event, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
  }
  const error = { message: 'boom', retryable: true };

  it('sends it once, an error included, and is done then', async () => {
    await using world = await forwarder(204);
    const result = await toLambda(failing, quiet)(world.event);
    assert.deepEqual(result.error, error);
    assert.deepEqual(world.sent, [{ url: '/callbacks/1?token=secret', body: result }]);
  });

  it('hides the address, which holds a token, from handlers', async () => {
    await using world = await forwarder(204);
    const fn = defineFunction(Widget, {
      created: ({ event }) => ({ status: { seen: JSON.stringify(event) } }),
    });
    const { status } = await toLambda(fn, quiet)(world.event);
    assert.ok(!String(status?.['seen']).includes('token=secret'));
  });

  for (const status of [404, 410]) {
    it(`is done where nobody waits any more (${status}): the forwarder calls again by itself`, async () => {
      await using world = await forwarder(status);
      const lines: string[] = [];
      await toLambda(failing, { writeLog: (line) => lines.push(line) })(world.event);
      assert.match(lines.at(-1) ?? '', /the result came too late/);
      assert.ok(!lines.join('').includes('token=secret'));
    });
  }

  it('fails where the result could not be sent, so that Lambda tries again', async () => {
    await using world = await forwarder(503);
    await assert.rejects(toLambda(failing, quiet)(world.event), {
      message: 'the forwarder answered 503 to a callback',
    });
    const nobody = functionEvent({
      attributes: { statewirecallback: 'http://127.0.0.1:9/callbacks/1?token=s' },
    });
    await assert.rejects(toLambda(failing, quiet)(nobody), { message: 'fetch failed' });
  });

  it('throws for an address that is none, as without one', async () => {
    const event = functionEvent({ attributes: { statewirecallback: 'file:///etc/passwd' } });
    await assert.rejects(toLambda(failing, quiet)(event), boom);
  });
});
