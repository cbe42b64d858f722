/** A Knative target finds its function by `status.address.url`, whatever the kind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestCa } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startFunction } from '../support/function-host.ts';
import { answer, ScriptedServer } from '../support/scripted-server.ts';
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

  it('trusts the authority that the address names, and shows a token for its audience', async (t) => {
    const bench = await startBench(t);
    const { cluster, namespace } = bench;
    const group = `secure.${bench.group}`;
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    await bench.applyCrd(widgetCrd(group, { status: open }));
    const ca = new TestCa();
    await using server = await ScriptedServer.start(answer(204), ca.issue());
    await using inClear = await ScriptedServer.start(answer(204));
    await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'caller']);
    await bench.apply({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'fn', namespace } });
    // As while transport-encryption is permissive.
    const secure = { name: 'https', url: server.origin, CACerts: ca.cert, audience: 'widget/fn' };
    const address = { name: 'http', url: inClear.origin };
    const status = { address, addresses: [secure, address] };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await cluster.kubectl(['-n', namespace, 'patch', `widgets.${group}`, 'fn', ...patch]);
    const ref = { apiVersion: `${group}/v1`, kind: 'Widget', name: 'fn' };
    await bench.trigger({ spec: { target: { knative: { ref } }, serviceAccountName: 'caller' } });
    await bench.widgets({ name: 'one' });
    await eventually('it is called', () => server.requests.length === 1);
    const [, claims = ''] = server.requests[0]?.headers['authorization']?.split('.') ?? [];
    const { aud, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    assert.deepEqual([aud, sub], [['widget/fn'], `system:serviceaccount:${namespace}:caller`]);
    assert.equal(inClear.requests.length, 0);
  });
});
