/** The manifests of deploy/: taken by a strict cluster, and enough for a forwarder that has no other rights. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { toHttp } from '@statewire/functions/http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { application } from '../../functions/application/application.ts';
import { kubeconfigText } from '../../local-cluster/kubeconfig.ts';
import { applyCrds, applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { startForwarder } from '../support/forwarder-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const cluster = await sharedLocalCluster();

/** A manifest of deploy/ for another namespace than `shop`; cluster-wide names stay apart too. */
function manifest(file: string, namespace: string): string {
  return readFileSync(path.join('deploy', file), 'utf8').replaceAll(/\bshop\b/g, namespace);
}

/** The example Application behind an HTTP server. */
async function serveApplication(stack: AsyncDisposableStack): Promise<string> {
  const server = createServer(toHttp(application, { writeLog: () => undefined })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  stack.defer(() => server.closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('deploy/forwarder.yaml', () => {
  it('is taken, without a warning, where pods must be restricted', async (t) => {
    const namespace = await testNamespace(t);
    const label = 'pod-security.kubernetes.io/';
    const labels = [`${label}enforce=restricted`, `${label}warn=restricted`];
    await cluster.kubectl(['label', 'namespace', namespace, ...labels]);
    const dryRun = ['apply', '--dry-run=server', '--validate=strict', '--warnings-as-errors', '-f', '-'];
    const deployment = manifest('forwarder.yaml', namespace);
    await cluster.kubectl(dryRun, deployment);

    const careless = deployment.replace('allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true');
    assert.notEqual(careless, deployment);
    await assert.rejects(cluster.kubectl(dryRun, careless), /violate PodSecurity "restricted/);
  });
});

describe('deploy/rbac.yaml', () => {
  it('lets a forwarder read triggers, call a function and apply its result', async (t) => {
    await using stack = new AsyncDisposableStack();
    const namespace = await testNamespace(t);
    t.after(() =>
      cluster
        .kubectl(['delete', 'clusterrolebinding', `statewire-cluster-id-${namespace}`])
        .then(() => undefined),
    );
    await applyCrds();
    await applyYaml(readFileSync('functions/application/crd.yaml', 'utf8'));
    await cluster.kubectl(['apply', '--validate=strict', '-f', '-'], manifest('rbac.yaml', namespace));
    const token = (await cluster.kubectl(['-n', namespace, 'create', 'token', 'statewire'])).trim();
    const folder = stack.use(await temporaryFolder());
    const kubeconfigPath = path.join(folder.path, 'kubeconfig');
    await writeFile(kubeconfigPath, kubeconfigText({ ...cluster, token }), { mode: 0o600 });
    const forwarder = await startForwarder(t, { kubeconfigPath, namespaces: [namespace] });

    const url = await serveApplication(stack);
    const trigger = readFileSync('functions/application/trigger.yaml', 'utf8')
      .replace('namespace: default', `namespace: ${namespace}`)
      .replace(/lambda: .*/, `http: { url: "${url}" }`);
    await applyYaml(trigger);
    const sample = readFileSync('functions/application/samples/shop.yaml', 'utf8');
    await applyYaml(sample.replace('namespace: default', `namespace: ${namespace}`));
    const jsonpath = (kind: string, name: string, of: string): Promise<string> =>
      cluster.kubectl(['-n', namespace, 'get', kind, name, `--output=jsonpath=${of}`]);
    try {
      await eventually(
        'the Application is Ready',
        async () => (await jsonpath('applications', 'shop', '{.status.phase}')) === 'Ready',
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${forwarder.tail()}`, { cause: error });
    }
    const ready = '{.status.conditions[?(@.type=="Ready")].status}';
    assert.equal(await jsonpath('functiontriggers', 'application', ready), 'True');
    // By its finalizer it is there until the function has been called.
    await cluster.kubectl(['-n', namespace, 'delete', 'applications', 'shop']);
    assert.deepEqual(
      forwarder.logs.filter(({ level, error }) => level === 'error' || /forbidden/i.test(error ?? '')),
      [],
    );

    // Pruning and Events are rights too.
    const can = async (verb: string, resource: string): Promise<string> =>
      (
        await cluster
          .kubectl([
            '--as',
            `system:serviceaccount:${namespace}:statewire`,
            '-n',
            namespace,
            'auth',
            'can-i',
            verb,
            resource,
          ])
          .catch(() => 'no')
      ).trim();
    assert.deepEqual(
      [await can('delete', 'deployments.apps'), await can('create', 'events.events.k8s.io')],
      ['yes', 'yes'],
    );
    assert.deepEqual(
      [await can('get', 'secrets'), await can('delete', 'applications.example.com')],
      ['no', 'no'],
    );
  });
});
