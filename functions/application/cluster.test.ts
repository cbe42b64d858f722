/** The example's manifests, and what the function applies, on a real API server with real controllers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Children, KubernetesObject } from '@statewire/functions';
import {
  applyYaml,
  type SharedCluster,
  sharedLocalCluster,
  testNamespace,
  uniqueGroup,
} from '../../test/support/cluster.ts';
import { type Application, reconcile } from './reconcile.ts';

const group = uniqueGroup('application');

/** A manifest of this folder, in a group and namespace of this test's own. */
function manifest(file: string): string {
  return readFileSync(path.join(import.meta.dirname, file), 'utf8')
    .replaceAll('example.com', group)
    .replaceAll('namespace: default', `namespace: ${namespace}`);
}

let cluster: SharedCluster;
let namespace: string;
const cleanup: (() => Promise<void>)[] = [];
after(async () => {
  for (const action of cleanup) await action();
});

before(async () => {
  cluster = await sharedLocalCluster();
  namespace = await testNamespace({ after: (action) => void cleanup.push(action) });
  cleanup.push(async () => {
    await cluster.kubectl(['delete', 'crd', `applications.${group}`, '--wait=false']);
  });
  await applyYaml(manifest('crd.yaml'));
});

async function get<T>(kind: string, name: string): Promise<T> {
  return JSON.parse(await cluster.kubectl(['get', kind, name, '-n', namespace, '-o', 'json'])) as T;
}

describe('the Application resource', () => {
  it('takes the samples, and fills in what they leave out', async () => {
    await applyYaml(manifest('samples/shop.yaml'));
    await applyYaml(manifest('samples/defaults.yaml'));
    const { spec } = await get<{ spec: object }>(`applications.${group}`, 'small');
    assert.deepEqual(spec, { image: 'nginxinc/nginx-unprivileged:1.29', replicas: 1, port: 8080 });
  });

  for (const [file, message] of [
    ['samples/bad-image.yaml', /spec\.image must name a version, not latest/],
    ['samples/bad-replicas.yaml', /spec\.replicas.*greater than or equal to 0/],
  ] as const) {
    it(`refuses ${file}`, async () => {
      await assert.rejects(applyYaml(manifest(file)), (error: Error) => message.test(error.message));
    });
  }

  for (const image of ['nginx', 'registry:5000/nginx', 'registry:5000/nginx:latest']) {
    it(`refuses image ${image}: nobody knows which that will be`, async () => {
      const floating = manifest('samples/shop.yaml').replace('nginx:1.29', image);
      await assert.rejects(applyYaml(floating), (error: Error) => /not latest/.test(error.message));
    });
  }

  it('takes an image by its digest', async () => {
    const digest = `registry:5000/nginx@sha256:${'0'.repeat(64)}`;
    const exact = manifest('samples/shop.yaml').replace('nginx:1.29', digest).replace(': shop', ': exact');
    await applyYaml(exact);
  });

  it('refuses a name that no Service can have', async () => {
    const named = manifest('samples/shop.yaml').replace('name: shop', 'name: 1-shop');
    await assert.rejects(applyYaml(named), (error: Error) => /metadata\.name must/.test(error.message));
  });
});

describe('the triggers', () => {
  const guide = readFileSync(path.join(import.meta.dirname, '../../docs/guides/write-a-function.md'), 'utf8');
  const [, inGuide = ''] = /^```yaml\n(.*?)^```/ms.exec(guide) ?? [];

  for (const [name, text] of [
    ['trigger.yaml', readFileSync(path.join(import.meta.dirname, 'trigger.yaml'), 'utf8')],
    ['the one in the guide', inGuide],
  ] as const) {
    it(`${name} is taken by the API server`, async () => {
      await applyYaml(
        readFileSync(path.join(import.meta.dirname, '../../deploy/crds/functiontrigger.yaml'), 'utf8'),
      );
      const args = ['apply', '--dry-run=server', '--validate=strict', '--output=name', '-f', '-'];
      const created = await cluster.kubectl(args, text);
      assert.match(created, /^functiontrigger\.statewire\.dev\/(application|website)$/m);
    });
  }
});

describe('what the function applies', () => {
  it('becomes Ready on a real cluster', { timeout: 60_000 }, async () => {
    await applyYaml(manifest('samples/shop.yaml'));
    const shop = await get<Application>(`applications.${group}`, 'shop');
    const childrenNow = async (): Promise<Children> => ({
      'Deployment.apps/v1': { shop: await get<KubernetesObject>('deployment', 'shop') },
    });
    for (const child of reconcile(shop, {}).apply) {
      await cluster.kubectl(['apply', '--server-side', '-n', namespace, '-f', '-'], JSON.stringify(child));
    }
    await cluster.kubectl(['rollout', 'status', 'deployment/shop', '-n', namespace, '--timeout=50s']);
    const { status, conditions } = reconcile(shop, await childrenNow());
    assert.deepEqual(status, { availableReplicas: 3, phase: 'Ready' });
    assert.equal(conditions?.[0]?.message, '3 of 3 replicas available');

    const more = { ...shop, spec: { ...shop.spec, replicas: 5 } };
    assert.equal(reconcile(more, await childrenNow()).status?.phase, 'Progressing');
  });

  it('has a status that the resource declares', async () => {
    await applyYaml(manifest('samples/shop.yaml'));
    const shop = await get<Application>(`applications.${group}`, 'shop');
    const { status, conditions } = reconcile(shop, { 'Deployment.apps/v1': {} });
    const patch = {
      apiVersion: `${group}/v1`,
      kind: 'Application',
      metadata: { name: 'shop' },
      status: {
        ...status,
        conditions: conditions?.map((one) => ({ ...one, lastTransitionTime: '2026-01-01T00:00:00Z' })),
      },
    };
    const args = ['apply', '--server-side', '--subresource=status', '-n', namespace, '-o', 'json', '-f', '-'];
    const written = JSON.parse(await cluster.kubectl(args, JSON.stringify(patch))) as { status: object };
    assert.deepEqual(written.status, patch.status);
  });
});
