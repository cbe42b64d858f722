/** How a forwarder ends, and how the next one begins. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually, quietFor } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { startBench } from '../support/widgets.ts';

const delivery = { concurrency: 1 };
const grace = (text: string): { args: string[] } => ({ args: ['--grace-period', text] });

interface Widget {
  readonly status?: { readonly phase?: string };
}

describe('SIGTERM', () => {
  it('lets running calls finish and write their results, starts no others, and ends with 0', async (t) => {
    const bench = await startBench(t, grace('20s'));
    const gate = Promise.withResolvers<void>();
    bench.host.answer = () => ({
      body: { kind: 'FunctionResult', status: { phase: 'Done' } },
      after: gate.promise,
    });
    await bench.trigger({ spec: { delivery } });
    await bench.widgets({ name: 'one' }, { name: 'two' });
    await eventually('the call', () => bench.host.calls.length === 1);
    const [name] = bench.host.calls[0]?.key.split('/').slice(-1) ?? [];
    const ended = bench.forwarder.stop();
    await eventually('it says so', () => bench.forwarder.logs.some(({ msg }) => msg === 'stopping'));
    assert.equal((await bench.forwarder.get('/readyz')).status, 503);
    await quietFor(300);
    gate.resolve();
    assert.equal(await ended, 0);
    assert.equal((await bench.get<Widget>('widget', String(name))).status?.phase, 'Done');
    assert.equal(bench.host.calls.length, 1);
    assert.deepEqual(bench.forwarder.other, []);
  });

  it('gives up a call that outlives the grace period, whose repeat by the next forwarder has the same id', async (t) => {
    const bench = await startBench(t, grace('500ms'));
    const never = Promise.withResolvers<void>();
    bench.host.answer = () => (bench.host.calls.length === 1 ? { after: never.promise } : {});
    await bench.trigger();
    await bench.widgets({ name: 'one' });
    await eventually('the call', () => bench.host.calls.length === 1);
    assert.equal(await bench.forwarder.stop(), 0);
    never.resolve();
    const { kubeconfigPath } = bench.cluster;
    const next = await startForwarder(t, { kubeconfigPath, namespaces: [bench.namespace] });
    await eventually('the repeat', () => bench.host.calls.length === 2);
    const [first, second] = bench.host.calls;
    assert.equal(second?.id, first?.id);
    assert.equal(second?.headers['idempotency-key'], first?.headers['idempotency-key']);
    assert.equal(second?.headers['ce-statewireattempt'], '1');
    assert.equal(await next.stop(), 0);
  });

  it('ends a forwarder at once that has nothing to do', { timeout: 40_000 }, async (t) => {
    const bench = await startBench(t, grace('60s'));
    await bench.trigger();
    await bench.widgets({ name: 'one' });
    await eventually('the call', () => bench.host.calls.length === 1);
    await quietFor(200);
    assert.equal(await bench.forwarder.stop(), 0);
  });
});

describe('A forwarder that starts again', () => {
  it('finds the trigger as it left it, sends nothing again, and tells of a deletion that nobody saw', async (t) => {
    const bench = await startBench(t);
    await bench.trigger();
    await bench.widgets({ name: 'stays' }, { name: 'goes' });
    await eventually('the calls', () => bench.host.calls.length === 2);
    await eventually('ready', async () => (await bench.condition('widget', 'Ready'))?.status === 'True');
    assert.equal(await bench.forwarder.stop(), 0);
    const before = await bench.get<{ status: unknown }>('functiontrigger', 'widget');
    await bench.remove('goes');
    const { kubeconfigPath } = bench.cluster;
    await startForwarder(t, { kubeconfigPath, namespaces: [bench.namespace] });
    await eventually('the end', () => bench.host.of('goes').length === 2);
    await quietFor(300);
    const after = await bench.get<{ status: { conditions: unknown } }>('functiontrigger', 'widget');
    assert.deepEqual(
      after.status.conditions,
      (before.status as { conditions: unknown }).conditions,
      'same problem, same bytes',
    );
    const last = bench.host.of('goes').at(-1);
    assert.equal(last?.type, 'deleted');
    assert.equal(last?.data.reason, 'GoneWhileAway');
    assert.equal(bench.host.of('stays').length, 1, 'what was handled is not sent again');
  });
});
