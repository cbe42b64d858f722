import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { customResource } from '../../../functions/sdk/custom-resource.ts';
import {
  defineFunction,
  type HandlerContext,
  type StatewireFunction,
} from '../../../functions/sdk/define-function.ts';
import { permanent, retryAfter } from '../../../functions/sdk/errors.ts';
import { done } from '../../../functions/sdk/results.ts';
import { run, type Call, type Run } from '../../../functions/sdk/run.ts';
import { functionEvent, widget, type EventSketch } from '../../support/function-events.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const Widget = customResource({
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  spec: z.object({ size: z.number().int(), parts: z.array(z.object({ name: z.string() })).default([]) }),
  status: z.object({ ready: z.number() }).partial(),
});
const stamp = { apiVersion: 'statewire.dev/v1alpha1', kind: 'FunctionResult' };

/** One call; `seen` is what the handler got, `lines` what was logged. */
async function call(
  sketch: EventSketch,
  handler: (context: HandlerContext<unknown>) => unknown = () => done(),
  how: Call = {},
): Promise<Run & { seen: HandlerContext<unknown> | undefined; lines: Record<string, unknown>[] }> {
  let seen: HandlerContext<unknown> | undefined;
  const spy = (context: HandlerContext<unknown>): never => {
    seen = context;
    return handler(context) as never;
  };
  const fn = defineFunction(Widget, { created: spy, updated: spy, deleted: spy });
  const lines: Record<string, unknown>[] = [];
  const ended = await run(fn, functionEvent(sketch), how, {
    clock: new ManualClock(),
    writeLog: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  return { ...ended, seen, lines };
}

describe('run', () => {
  it('hands everything about the call to the handler', async () => {
    const { seen } = await call({
      type: 'Updated',
      object: widget(
        { size: 3, parts: [{ name: 'a', x: 1 }], more: true },
        { status: { ready: 1, since: 'now' } },
      ),
      data: {
        previous: widget({ size: 2 }),
        changed: ['Spec'],
        reason: 'Child',
        children: { 'Deployment.apps/v1': { web: { kind: 'Deployment' } } },
      },
      attributes: { statewireattempt: '4' },
    });
    assert.ok(seen);
    const { signal, log, event, cluster, patchStatus, ...rest } = seen;
    assert.deepEqual([typeof cluster.get, typeof patchStatus], ['function', 'function']);
    const { metadata } = widget({});
    assert.deepEqual(rest, {
      type: 'Updated',
      object: {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        metadata,
        spec: { size: 3, parts: [{ name: 'a', x: 1 }], more: true },
        status: { ready: 1, since: 'now' },
      },
      previous: { apiVersion: 'example.com/v1', kind: 'Widget', metadata, spec: { size: 2, parts: [] } },
      changed: ['Spec'],
      children: { 'Deployment.apps/v1': { web: { kind: 'Deployment' } } },
      reason: 'Child',
      attempt: 4,
      idempotencyKey: createHash('sha256')
        .update('statewire://cluster-1/demo/widgets\nuid-1:g1')
        .digest('hex'),
      trigger: 'demo/widgets',
    });
    assert.equal(signal.aborted, false);
    assert.equal(typeof log.info, 'function');
    assert.equal(event.id, 'uid-1:g1');
  });

  it("calls the handler of the event's type, and no other", async () => {
    const calls: string[] = [];
    const fn = defineFunction(Widget, {
      created: () => void calls.push('created'),
      updated: () => void calls.push('updated'),
      deleted: () => void calls.push('deleted'),
    });
    for (const type of ['Deleted', 'Created', 'Updated'] as const) {
      assert.deepEqual((await run(fn, functionEvent({ type }))).result, stamp);
    }
    assert.deepEqual(calls, ['deleted', 'created', 'updated']);
  });

  it('is done with an event that has no handler', async () => {
    assert.deepEqual((await run(defineFunction(Widget, {}), functionEvent())).result, stamp);
  });

  it("prefers the carrier's idempotency key", async () => {
    assert.equal((await call({}, undefined, { idempotencyKey: 'k' })).seen?.idempotencyKey, 'k');
  });

  const failures: readonly { reason: string; throws: unknown; error: object; level: string }[] = [
    {
      reason: 'an Error',
      throws: new Error('no route\nto host'),
      error: { message: 'no route to host', retryable: true },
      level: 'error',
    },
    {
      reason: 'an Error without a message',
      throws: new RangeError(),
      error: { message: 'RangeError', retryable: true },
      level: 'error',
    },
    { reason: 'a text', throws: 'no route', error: { message: 'no route', retryable: true }, level: 'error' },
    {
      reason: 'undefined',
      throws: undefined,
      error: { message: 'the handler threw no Error', retryable: true },
      level: 'error',
    },
    {
      reason: 'a long message, cut',
      throws: new Error('x'.repeat(1000)),
      error: { message: `${'x'.repeat(255)}…`, retryable: true },
      level: 'error',
    },
    {
      reason: 'retryAfter with a cause',
      throws: retryAfter('30s', new Error('quota')),
      error: { message: 'quota', retryable: true, retryAfter: '30s' },
      level: 'warn',
    },
    {
      reason: 'retryAfter alone',
      throws: retryAfter('30s'),
      error: { message: 'asked to be called again after 30s', retryable: true, retryAfter: '30s' },
      level: 'warn',
    },
    {
      reason: 'permanent',
      throws: permanent('bad spec'),
      error: { message: 'bad spec', retryable: false },
      level: 'warn',
    },
  ];
  for (const { reason, throws, error, level } of failures) {
    it(`answers a handler that throws ${reason}`, async () => {
      const { result, thrown, lines } = await call({}, () => {
        throw throws;
      });
      assert.deepEqual(result, { ...stamp, error });
      assert.equal(thrown, throws);
      assert.deepEqual(
        lines.map((line) => [line['level'], line['key'], line['id']]),
        [[level, 'demo/web', 'uid-1:g1']],
      );
    });
  }

  it('answers a handler whose promise is rejected', async () => {
    const { result } = await call({}, () => Promise.reject(permanent('bad spec')));
    assert.deepEqual(result.error, { message: 'bad spec', retryable: false });
  });

  it('passes on an error that the handler returns, with the status beside it', async () => {
    const given = { status: { ready: 0 }, error: { message: 'quota', retryAfter: '1m' } };
    const { result, thrown } = await call({}, () => given);
    assert.deepEqual(result, { ...stamp, ...given });
    assert.equal((thrown as Error).message, 'quota');
  });

  it('answers an invalid result with an error that is retried', async () => {
    const { result } = await call({}, () => ({ requeueAfter: 30 }));
    assert.equal(result.error?.retryable, true);
    assert.match(result.error?.message ?? '', /requeueAfter/);
  });

  describe('with a spec of the wrong shape', () => {
    for (const type of ['Created', 'Updated'] as const) {
      it(`answers ${type} with a permanent error that names the field, without calling the handler`, async () => {
        const { result, seen } = await call({ type, object: widget({ size: '1', parts: [{}] }) });
        assert.deepEqual(result, {
          ...stamp,
          error: {
            message:
              'spec.size: Invalid input: expected number, received string; spec.parts[0].name: Invalid input: expected string, received undefined',
            retryable: false,
          },
        });
        assert.equal(seen, undefined);
      });
    }

    it('lets a deletion pass, the spec left out', async () => {
      const { result, seen, lines } = await call({ type: 'Deleted', object: widget({ size: '1' }) });
      assert.deepEqual(result, stamp);
      assert.deepEqual(seen?.object, { ...widget({}), spec: undefined });
      assert.deepEqual(seen?.event.data.object, widget({ size: '1' }));
      assert.equal(lines.length, 1);
    });

    it('leaves previous out, and goes on', async () => {
      const { result, seen } = await call({ type: 'Updated', data: { previous: widget({ size: 'old' }) } });
      assert.deepEqual([result, seen?.previous], [stamp, undefined]);
    });
  });

  it('lets a deletion pass that nobody saw, of which only the identity is known', async () => {
    const { seen } = await call({
      type: 'Deleted',
      object: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'web', uid: 'uid-1' } },
      data: { reason: 'GoneWhileAway', final: 'unknown' },
    });
    assert.deepEqual([seen?.reason, seen?.event.data.final], ['GoneWhileAway', 'unknown']);
  });

  it('leaves a status out that has another shape, says so, and goes on', async () => {
    const { seen, lines } = await call({ object: widget({ size: 1 }, { status: { ready: 'yes' } }) });
    assert.deepEqual(seen?.object, widget({ size: 1, parts: [] }));
    assert.equal(lines[0]?.['problem'], 'status.ready: Invalid input: expected number, received string');
  });

  for (const [what, object] of [
    ['kind', widget({ size: 1 }, { kind: 'Gadget' })],
    ['version', widget({ size: 1 }, { apiVersion: 'example.com/v2' })],
    ['group', widget({ size: 1 }, { apiVersion: 'example.org/v1' })],
  ] as const) {
    it(`refuses an object of another ${what} for good, and names both`, async () => {
      const { result, seen } = await call({ object });
      assert.deepEqual(result.error, {
        message: `this function takes example.com/v1 Widget, not ${String(object['apiVersion'])} ${String(object['kind'])}`,
        retryable: false,
      });
      assert.equal(seen, undefined);
    });
  }

  it('answers what is no event with a permanent error', async () => {
    const fn: StatewireFunction = defineFunction(Widget, {});
    const { result } = await run(fn, { Records: [] }, {}, { writeLog: () => undefined });
    assert.equal(result.error?.retryable, false);
  });

  describe('the signal', () => {
    /** When the signal aborts, in ms after the start; undefined if it has not within an hour. */
    async function abortsAfter(sketch: EventSketch, how: Call): Promise<number | undefined> {
      const clock = new ManualClock();
      const startMs = clock.now();
      let atMs: number | undefined;
      const fn = defineFunction(Widget, {
        created: async ({ signal }) => {
          signal.addEventListener('abort', () => (atMs = clock.now() - startMs));
          await clock.sleep(3_600_000);
        },
      });
      const running = run(fn, functionEvent(sketch), how, { clock });
      await clock.advance(3_600_000);
      await running;
      assert.equal(clock.pending, 0);
      return atMs;
    }

    it("aborts before the event's deadline", async () => {
      assert.equal(await abortsAfter({}, {}), 29_500);
    });
    it("aborts before the host's deadline where the host has one", async () => {
      assert.equal(await abortsAfter({}, { leftMs: 10_000 }), 9500);
    });
    it('keeps as much time for answering as it is told', async () => {
      assert.equal(await abortsAfter({}, { leftMs: 10_000, marginMs: 4000 }), 6000);
    });
    it('does not abort for a deadline that had passed when the event came', async () => {
      assert.equal(
        await abortsAfter({ attributes: { statewiredeadline: '2025-12-31T23:59:59.000Z' } }, {}),
        undefined,
      );
    });
    it('does not abort for a deadline that cannot be read', async () => {
      assert.equal(await abortsAfter({ attributes: { statewiredeadline: 'soon' } }, {}), undefined);
    });
  });

  it('logs one JSON line per call, with the names that the forwarder uses', async () => {
    const { lines } = await call({}, ({ log }) => {
      const circle: Record<string, unknown> = {};
      circle['self'] = circle;
      log.info('scaled', { to: 3, key: 'mine', big: 5n, error: new Error('e') });
      log.debug('odd', { circle });
    });
    assert.ok(lines[0]);
    const { stack, ...error } = lines[0]['error'] as Record<string, unknown>;
    assert.equal(typeof stack, 'string');
    assert.deepEqual(
      { ...lines[0], error },
      {
        time: '2026-01-01T00:00:00.000Z',
        level: 'info',
        msg: 'scaled',
        trigger: 'demo/widgets',
        key: 'demo/web',
        uid: 'uid-1',
        id: 'uid-1:g1',
        attempt: 1,
        to: 3,
        big: '5',
        error: { name: 'Error', message: 'e' },
      },
    );
    assert.deepEqual([lines[1]?.['level'], lines[1]?.['msg']], ['debug', 'odd']);
  });
});
