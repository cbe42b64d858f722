/** What must hold when something breaks: the API server, the function, an object, a trigger. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { BAD_TRIGGERS, GOOD_SPEC } from '../support/bad-triggers.ts';
import { eventually, quietFor } from '../support/eventually.ts';
import { FakeLambda } from '../support/fake-lambda.ts';
import { inProcess } from '../support/lambda-runner.ts';
import { startBench, widgetCrd } from '../support/widgets.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `w-${index}`);

describe('an API server that goes away', () => {
  let cluster: LocalCluster;
  before(async () => {
    cluster = await startLocalCluster({ components: 'api' });
  });
  after(() => cluster.stop());

  it('and comes back costs nothing: what changed afterwards is sent once, what did not is not', async (t) => {
    const bench = await startBench(t, { cluster });
    await bench.trigger();
    await bench.createMany(names(20));
    await eventually('created', () => bench.host.calls.length === 20);
    await cluster.apiServer(0).kill('SIGKILL');
    await cluster.apiServer(0).restart();
    await bench.patch('w-3', { spec: { size: 100 } });
    await eventually('updated', () => bench.host.calls.length === 21, { withinMs: 60_000 });
    // The watch is gone, and what it would have resumed from as well: only a list can tell what happened.
    await cluster.apiServer(0).kill('SIGSTOP');
    await quietFor(200);
    await cluster.apiServer(0).kill('SIGCONT');
    await bench.patch('w-4', { spec: { size: 100 } });
    await bench.remove('w-5');
    await cluster.compactEtcd();
    await cluster.apiServer(0).kill('SIGKILL');
    await cluster.apiServer(0).restart();
    await eventually('both', () => bench.host.calls.length === 23, { withinMs: 60_000 });
    await quietFor(1000);
    assert.deepEqual(
      bench.host.calls
        .slice(20)
        .map(({ type, key }) => `${type} ${key.split('/')[1]}`)
        .toSorted(),
      ['deleted w-5', 'updated w-3', 'updated w-4'],
    );
    assert.equal(new Set(bench.host.calls.map(({ id }) => id)).size, 23);
  });
});

describe('a kind', () => {
  it('that is installed later is a condition until then, and followed without a restart', async (t) => {
    const bench = await startBench(t, { crd: () => undefined });
    await bench.trigger();
    const missing = await eventually('the condition', async () => {
      const said = await bench.condition('widget', 'SourceSynced');
      return said?.status === 'False' ? said : undefined;
    });
    assert.equal(missing.reason, 'ResourceNotFound');
    assert.match(missing.message, /Widget/);
    await bench.applyCrd(widgetCrd(bench.group));
    await bench.widgets({ name: 'one' });
    await eventually('created', () => bench.host.calls.length === 1);
    await eventually(
      'synced',
      async () => (await bench.condition('widget', 'SourceSynced'))?.status === 'True',
    );
    await bench.cluster.kubectl(['delete', 'crd', `widgets.${bench.group}`]);
    await eventually('deleted', () => bench.host.calls.length === 2);
    await eventually(
      'gone',
      async () => (await bench.condition('widget', 'SourceSynced'))?.reason === 'ResourceNotFound',
    );
    await bench.applyCrd(widgetCrd(bench.group));
    await bench.widgets({ name: 'one' });
    await eventually('created anew', () => bench.host.calls.length === 3);
    assert.deepEqual(
      bench.host.calls.map(({ type }) => type),
      ['created', 'deleted', 'created'],
    );
  });
});

describe('a poison object among healthy ones', () => {
  it('holds up none of them, opens no circuit and is given up alone', async (t) => {
    const bench = await startBench(t);
    bench.host.answer = ({ key }) => (key.endsWith('/poison') ? { status: 500, body: {} } : { status: 204 });
    await bench.trigger({
      spec: { delivery: { maxAttempts: 3, backoff: { initial: '100ms', max: '200ms' }, concurrency: 2 } },
    });
    await bench.widgets({ name: 'poison' });
    await bench.createMany(names(50));
    await eventually(
      'the healthy ones',
      () => bench.host.calls.filter(({ key }) => !key.endsWith('/poison')).length === 50,
    );
    await eventually('given up', async () => (await bench.forwarder.metric('statewire_dead_letters')) === 1);
    assert.equal(bench.host.of('poison').length, 3);
    assert.equal(await bench.forwarder.metric('statewire_circuit_open'), 0);
  });
});

describe('a function that hangs', () => {
  it('for one object delays that object only, and is given up at the timeout', async (t) => {
    const bench = await startBench(t);
    const never = new Promise<void>(() => undefined);
    bench.host.answer = ({ key, headers }) =>
      key.endsWith('/slow') && headers['ce-statewireattempt'] === '1' ? { after: never } : { status: 204 };
    await bench.trigger({
      spec: { delivery: { timeout: '500ms', backoff: { initial: '100ms', max: '1s' }, concurrency: 2 } },
    });
    await bench.widgets({ name: 'slow' });
    await bench.createMany(names(20));
    await eventually(
      'the others',
      () => bench.host.calls.filter(({ key }) => !key.endsWith('/slow')).length === 20,
    );
    await eventually('the second attempt', () => bench.host.of('slow').length === 2);
    assert.equal(bench.host.of('slow')[0]?.id, bench.host.of('slow')[1]?.id);
  });
});

describe('a function that does not exist', () => {
  it('is called at most once a second after the first calls; created later, it handles all 1,000 objects', async (t) => {
    await using lambda = await FakeLambda.start();
    const bench = await startBench(t, {
      env: { AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    });
    const target = { lambda: { functionName: 'late', region: 'eu-central-1' } };
    await bench.createMany(names(1000));
    await bench.trigger({ spec: { target } });
    const condition = await eventually('the condition', async () => {
      const said = await bench.condition('widget', 'TargetReachable');
      return said?.status === 'False' ? said : undefined;
    });
    assert.match(condition.message, /late/);
    const calls = (): Promise<number> => bench.forwarder.metric('statewire_invocations_total');
    await quietFor(500);
    const first = await calls();
    assert.ok(first >= 1 && first <= 11, `${first} calls were in flight at first`);
    await quietFor(5000);
    const probes = (await calls()) - first;
    assert.ok(probes >= 1 && probes <= 6, `${probes} probes in 5 s`);
    assert.equal(await bench.forwarder.metric('statewire_dead_letters'), 0);

    const handled = new Set<string>();
    lambda.add('late', {
      runner: inProcess(async (event: { partitionkey: string }) => {
        handled.add(event.partitionkey);
        return null;
      }),
    });
    await eventually('all handled', () => handled.size === 1000, { withinMs: 30_000 });
    await eventually(
      'reachable',
      async () => (await bench.condition('widget', 'TargetReachable'))?.status === 'True',
    );
  });
});

describe('a bad trigger of each kind', () => {
  it('is refused or says in a condition which field is wrong, while the others go on', async (t) => {
    const bench = await startBench(t);
    await bench.trigger({ name: 'good' });
    const spec = (extra: object): Record<string, unknown> => ({
      ...(bench.triggerObject()['spec'] as object),
      ...extra,
    });
    const conditional = [
      { name: 'bad-cel', field: 'spec.when', spec: spec({ when: 'object.spec.size >' }) },
      {
        name: 'bad-field',
        field: 'spec.fields[0]',
        spec: spec({ fields: ['metadata.resourceVersion'] }),
      },
      { name: 'bad-later', field: 'spec.serviceAccountName', spec: spec({ serviceAccountName: 'other' }) },
      {
        name: 'bad-target',
        field: 'spec.target.http.headers["ce-id"]',
        spec: spec({ target: { http: { url: 'http://a/', headers: { 'ce-id': 'mine' } } } }),
      },
    ];
    for (const { name, spec } of conditional) await bench.apply({ ...bench.triggerObject({ name }), spec });
    for (const { name, field } of conditional) {
      const said = await eventually(name, async () => bench.condition(name, 'Accepted'));
      assert.equal(said.status, 'False', name);
      assert.ok(said.message.startsWith(field), said.message);
    }
    await bench.trigger({ name: 'bad-kind', watch: { kind: 'Nothing' } });
    await eventually(
      'unknown kind',
      async () => (await bench.condition('bad-kind', 'SourceSynced'))?.reason === 'ResourceNotFound',
    );
    for (const bad of BAD_TRIGGERS.filter(({ forwarderOnly }) => forwarderOnly !== true).slice(0, 6)) {
      const trigger = { ...bench.triggerObject({ name: 'bad' }), spec: { ...GOOD_SPEC, ...bad.spec } };
      await assert.rejects(
        bench.apply(trigger),
        (error: Error) => error.message.includes(bad.named),
        bad.reason,
      );
    }
    await bench.widgets({ name: 'one' });
    await eventually('the good one goes on', () =>
      bench.host.calls.some(({ headers }) => String(headers['ce-trigger']).endsWith('/good')),
    );
  });
});
