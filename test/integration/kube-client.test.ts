/** Client, discovery and schemas against the real API server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../forwarder/lib/clock.ts';
import { silentLogger } from '../../forwarder/lib/logger.ts';
import { Discovery } from '../../forwarder/kube/discovery.ts';
import type { KubeAccess } from '../../forwarder/kube/kube-access.ts';
import { HttpKubeClient } from '../../forwarder/kube/kube-client.ts';
import { loadAccess } from '../../forwarder/kube/load-access.ts';
import { OpenApi } from '../../forwarder/kube/openapi.ts';
import {
  applyYaml,
  type SharedCluster,
  sharedLocalCluster,
  testNamespace,
  uniqueGroup,
} from '../support/cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let cluster: SharedCluster;
let access: KubeAccess;
let client: HttpKubeClient;

before(async () => {
  cluster = await sharedLocalCluster();
  access = await loadAccess({ kubeconfig: cluster.kubeconfigPath, clock: systemClock, logger: silentLogger });
  client = new HttpKubeClient({ access, clock: systemClock });
});

after(() => client[Symbol.asyncDispose]());

function crdYaml(group: string, status: string): string {
  return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
            status:
              type: object
              properties: ${status}
`;
}

const CONDITIONS =
  'conditions: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [type], items: {type: object, required: [type], properties: {type: {type: string}}}}';

describe('HttpKubeClient on a real API server', () => {
  it('creates, applies, conflicts and deletes', async (t) => {
    const namespace = await testNamespace(t);
    const root = `/api/v1/namespaces/${namespace}/configmaps`;
    const apply = (manager: string, value: string, force: boolean) =>
      client.request({
        method: 'PATCH',
        path: `${root}/a`,
        query: { fieldManager: manager, force: String(force) },
        contentType: 'application/apply-patch+yaml',
        body: JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'a' },
          data: { k: value },
        }),
      });
    assert.equal((await apply('one', '1', false)).status, 201);
    await assert.rejects(
      apply('two', '2', false),
      (error: { code: string; causes: { field?: string }[] }) => {
        assert.equal(error.code, 'API_CONFLICT');
        assert.deepEqual(
          error.causes.map(({ field }) => field),
          ['.data.k'],
        );
        return true;
      },
    );
    assert.equal((await apply('two', '2', true)).status, 200);
    assert.equal((await client.request({ method: 'DELETE', path: `${root}/a` })).status, 200);
    await assert.rejects(client.request({ method: 'GET', path: `${root}/a` }), {
      code: 'API_NOT_FOUND',
      reason: 'NotFound',
    });
  });

  it('tells a refused token, a refused request and an invalid object apart', async (t) => {
    const namespace = await testNamespace(t);
    const as = async (headers: Record<string, string>): Promise<HttpKubeClient> => {
      const other = new HttpKubeClient({
        access: { ...access, headers: async () => headers },
        clock: systemClock,
      });
      t.after(() => other[Symbol.asyncDispose]());
      return other;
    };
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const refused = await as({ authorization: 'Bearer wrong' });
    await assert.rejects(refused.request({ method: 'GET', path }), { code: 'API_UNAUTHORIZED' });
    const nobody = await as({
      ...((await access.headers()) as Record<string, string>),
      'impersonate-user': 'nobody',
    });
    await assert.rejects(nobody.request({ method: 'GET', path }), { code: 'API_FORBIDDEN' });
    const body = JSON.stringify({ metadata: { name: 'Not A Name' } });
    await assert.rejects(client.request({ method: 'POST', path, body }), {
      code: 'API_INVALID',
      status: 422,
    });
  });

  it('tells an applied field that the schema does not declare as invalid, not as a failure of the server', async (t) => {
    const group = uniqueGroup('schema');
    const namespace = await testNamespace(t);
    await applyYaml(crdYaml(group, '{phase: {type: string}}'));
    const root = `/apis/${group}/v1/namespaces/${namespace}/widgets`;
    const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'a' } };
    await client.request({ method: 'POST', path: root, body: JSON.stringify(widget) });
    await assert.rejects(
      client.request({
        method: 'PATCH',
        path: `${root}/a/status`,
        query: { fieldManager: 'test' },
        contentType: 'application/apply-patch+yaml',
        body: JSON.stringify({ ...widget, status: { observedGeneration: 1 } }),
      }),
      { code: 'API_INVALID', status: 500 },
    );
  });

  it('takes a rotated token from its file after the old one is refused', async () => {
    await using folder = await temporaryFolder();
    const token = path.join(folder.path, 'token');
    writeFileSync(token, 'not-a-token');
    const file = path.join(folder.path, 'kubeconfig');
    writeFileSync(path.join(folder.path, 'ca.pem'), cluster.caPem);
    const config = {
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server: cluster.server, 'certificate-authority': 'ca.pem' } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    };
    writeFileSync(file, JSON.stringify(config));
    const rotating = await loadAccess({ kubeconfig: file, clock: systemClock, logger: silentLogger });
    await using own = new HttpKubeClient({ access: rotating, clock: systemClock });
    await assert.rejects(own.request({ method: 'GET', path: '/apis' }), { code: 'API_UNAUTHORIZED' });
    writeFileSync(token, cluster.token);
    assert.equal((await own.request({ method: 'GET', path: '/apis' })).status, 200);
  });
});

describe('Discovery on a real API server', () => {
  it('knows plural, scope and status of built-in kinds', async () => {
    const discovery = new Discovery(client);
    const core = { group: '', version: 'v1' };
    assert.deepEqual(await discovery.resolve('v1', 'Namespace'), {
      ...core,
      kind: 'Namespace',
      plural: 'namespaces',
      namespaced: false,
      statusSubresource: true,
    });
    assert.deepEqual(await discovery.resolve('v1', 'ConfigMap'), {
      ...core,
      kind: 'ConfigMap',
      plural: 'configmaps',
      namespaced: true,
      statusSubresource: false,
    });
    assert.deepEqual(await discovery.resolve('networking.k8s.io/v1', 'Ingress'), {
      group: 'networking.k8s.io',
      version: 'v1',
      kind: 'Ingress',
      plural: 'ingresses',
      namespaced: true,
      statusSubresource: true,
    });
  });

  it('knows nothing of kinds, versions and groups that are not served, nor of those that cannot be watched', async () => {
    const discovery = new Discovery(client);
    for (const [apiVersion, kind] of [
      ['v1', 'Nothing'],
      ['v9', 'Pod'],
      ['nothing.example.com/v1', 'Nothing'],
      ['authentication.k8s.io/v1', 'TokenReview'],
    ] as const) {
      assert.equal(await discovery.resolve(apiVersion, kind), undefined, `${kind} of ${apiVersion}`);
    }
  });

  it('finds a kind that has come after it was asked for', async () => {
    const discovery = new Discovery(client);
    const group = uniqueGroup('late');
    assert.equal(await discovery.resolve(`${group}/v1`, 'Widget'), undefined);
    await applyYaml(crdYaml(group, '{phase: {type: string}}'));
    assert.equal((await discovery.resolve(`${group}/v1`, 'Widget'))?.plural, 'widgets');
  });
});

describe('OpenApi on a real API server', () => {
  it('follows references in the schema of a built-in kind', async () => {
    const schema = await new OpenApi({ client, clock: systemClock }).schemaOf({
      group: 'apps',
      version: 'v1',
      kind: 'Deployment',
    });
    const conditions = schema?.field(['status', 'conditions']);
    assert.equal(conditions?.listType, 'map');
    assert.deepEqual(conditions.listMapKeys, ['type']);
    assert.equal(conditions.items?.properties?.['lastTransitionTime']?.type, 'string');
    const containers = schema?.field(['spec', 'template', 'spec', 'containers']);
    assert.equal(containers?.items?.properties?.['image']?.type, 'string');
    assert.equal(schema?.field(['metadata', 'labels', 'any'])?.type, 'string');
    assert.equal(schema?.field(['status', 'nothing']), undefined);
  });

  it('sees what a custom kind declares, and, asked for it fresh, what it has come to declare', async () => {
    const group = uniqueGroup('openapi');
    const widget = { group, version: 'v1', kind: 'Widget' };
    const openApi = new OpenApi({ client, clock: systemClock });
    assert.equal(await openApi.schemaOf(widget), undefined);
    await applyYaml(crdYaml(group, '{phase: {type: string}}'));
    const fresh = async (field: string): Promise<void> => {
      for (let tries = 0; tries < 200; tries++, await sleep(50)) {
        if ((await openApi.schemaOf(widget, { fresh: true }))?.field(['status', field]) !== undefined) return;
      }
      assert.fail(`${field} was never declared`);
    };
    await fresh('phase');
    assert.equal((await openApi.schemaOf(widget))?.field(['status', 'conditions']), undefined);
    assert.equal((await openApi.schemaOf(widget))?.field(['spec'])?.preserveUnknownFields, true);
    await applyYaml(crdYaml(group, `{phase: {type: string}, ${CONDITIONS}}`));
    await fresh('conditions');
    assert.equal((await openApi.schemaOf(widget))?.field(['status', 'conditions'])?.listType, 'map');
  });
});
