/** Children on a real API server: what the unit tests take from an imitation is held against it here. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import { apiVersionOf, kindName, type Resource, resourcePath } from '../../forwarder/model/resource.ts';
import type { Manifest } from '../../protocol/result.ts';
import { ApplyStage } from '../support/apply-stage.ts';

let stage: ApplyStage;
before(async () => {
  stage = await ApplyStage.open('Merged', 'Wide');
});
after(() => stage.close());

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'registry.invalid/web:1',
            ports: [{ containerPort: 80 }],
            resources: { requests: { cpu: '100m' } },
          },
        ],
      },
    },
  },
};
const service: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function named(manifest: Manifest, name: string): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, name } };
}

async function childrenOf(...kinds: readonly Resource[]): Promise<Map<string, readonly KubeObject[]>> {
  const entries = kinds.map(async (kind): Promise<[string, readonly KubeObject[]]> => {
    const list = await stage.request('GET', resourcePath(kind, { namespace: stage.namespace }));
    return [kindName({ apiVersion: apiVersionOf(kind), kind: kind.kind }), list.items];
  });
  return new Map(await Promise.all(entries));
}

describe('Children on a real API server', () => {
  it('are created, found unchanged, changed, and pruned', async () => {
    const subject = await stage.create('Merged');
    const list = [named(deployment, 'one'), named(service, 'one')];
    const report = await subject.apply({ apply: list });
    assert.deepEqual(report.problems, []);
    assert.equal(subject.applied.length, 2);
    const deployments = await stage.resolve('apps/v1', 'Deployment');
    const services = await stage.resolve('v1', 'Service');
    const { namespace } = stage;
    const childrenRead = await childrenOf(deployments, services);
    await subject.apply({ apply: list }, { childrenRead });
    assert.equal(subject.writes, 0, 'a default for a key field does not make a difference');
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: list }, { childrenRead });
    assert.equal(subject.writes, 0, 'managedFields alone tell that nothing would change');
    const scaled = { ...named(deployment, 'one'), spec: { ...(deployment['spec'] as object), replicas: 3 } };
    await subject.apply({ apply: [scaled] }, { childrenRead });
    const path = resourcePath(deployments, { namespace, name: 'one' });
    assert.equal((await stage.request('GET', path)).spec.replicas, 3);
    await assert.rejects(stage.request('GET', resourcePath(services, { namespace, name: 'one' })), {
      status: 404,
    });
  });

  it('left by an earlier process are pruned', async () => {
    const subject = await stage.create('Merged');
    await subject.apply({ apply: [named(service, 'early'), named(service, 'stays')] });
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: [named(service, 'stays')] });
    assert.deepEqual(
      subject.pruned.map(({ name }) => name),
      ['early'],
    );
  });

  it('that another object controls are not taken over', async () => {
    const first = await stage.create('Merged');
    const second = await stage.create('Merged');
    await first.apply({ apply: [named(service, 'theirs')] });
    const report = await second.apply({ apply: [named(service, 'theirs')] });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['ChildNotOwned'],
    );
    await second.apply({ apply: [] });
    await first.apply({ apply: [named(service, 'theirs')] });
    assert.equal(first.requests.length, 1);
  });

  it('that are invalid are refused, with the API server’s reason', async () => {
    const subject = await stage.create('Merged');
    const report = await subject.apply({
      apply: [
        { ...named(service, 'bad'), spec: { ports: [{ port: 99_999 }] } },
        named(service, 'Not_a_name'),
      ],
    });
    assert.deepEqual(
      report.problems.map(({ reason }) => reason),
      ['Invalid', 'Invalid'],
    );
    assert.match(report.problems[0]?.message ?? '', /Service\.v1 "bad"/);
  });

  it('keep every character', async () => {
    const subject = await stage.create('Merged');
    const text = 'a\u0085b\u2028c\u007Fd\uFEFFe\u{1F600} \\ud800 \t"yes": no\r\n# &x *y';
    await subject.apply({
      apply: [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'characters' }, data: { text, yes: 'on' } },
      ],
    });
    const found = await stage.request('GET', `/api/v1/namespaces/${stage.namespace}/configmaps/characters`);
    assert.deepEqual(found.data, { text, yes: 'on' });
  });

  it('of a cluster-scoped object live in the namespace they name', async () => {
    const subject = await stage.create('Wide');
    const metadata = { name: 'of-wide', namespace: stage.namespace };
    const report = await subject.apply({ status: { phase: 'Ready' }, apply: [{ ...service, metadata }] });
    assert.deepEqual(report.problems, []);
    subject.applier.forget(subject.uid);
    await subject.apply({ apply: [] });
    assert.deepEqual(
      subject.pruned.map(({ name }) => name),
      ['of-wide'],
    );
    await stage.request('DELETE', subject.path);
  });
});
