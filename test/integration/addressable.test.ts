/** A Knative target finds its function by `status.address.url`, whatever the kind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startFunction } from '../support/function-host.ts';
import { startBench, widgetCrd } from '../support/widgets.ts';

describe('A trigger whose target is an Addressable', () => {
  it('waits until that is ready, calls it, and follows where it goes', async (t) => {
    const bench = await startBench(t);
    const { cluster, namespace, host } = bench;
    const group = `addressable.${bench.group}`;
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    await bench.applyCrd(widgetCrd(group, { status: open }));
    const ref = { apiVersion: `${group}/v1`, kind: 'Widget', name: 'fn' };
    await bench.trigger({ spec: { target: { knative: { ref } } } });
    await bench.widgets({ name: 'one' });
    const said = (text: RegExp): Promise<unknown> =>
      eventually(String(text), async () => {
        const condition = await bench.condition('widget', 'TargetReachable');
        return condition?.status === 'False' && text.test(condition.message);
      });
    await said(/^spec\.target\.knative\.ref: there is no Widget "fn" in this namespace$/);

    await bench.apply({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'fn', namespace } });
    const setStatus = (status: object): Promise<string> =>
      cluster.kubectl([
        '-n',
        namespace,
        'patch',
        `widgets.${group}`,
        'fn',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status }),
      ]);
    await setStatus({ conditions: [{ type: 'Ready', status: 'False', reason: 'RevisionMissing' }] });
    await said(/^spec\.target\.knative\.ref: Widget "fn" has no status\.address\.url/);
    await eventually('a call says why', () =>
      bench.forwarder.logs.some(({ error }) => error?.endsWith('(Ready is False, RevisionMissing)')),
    );
    assert.equal(host.calls.length, 0);

    await setStatus({ address: { url: host.url } });
    await eventually('it is called', () => host.calls.length === 1);
    assert.equal(host.calls[0]?.headers['ce-statewireattempt'], '1');

    const moved = await startFunction(t);
    await setStatus({ address: { url: moved.url } });
    await host.close();
    await bench.widgets({ name: 'two' });
    await eventually('it is called where it is now', () => moved.of('two').length === 1);
  });
});
