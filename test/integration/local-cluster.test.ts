import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { apiRequest } from '../../local-cluster/api-request.ts';
import { isAlive } from '../../local-cluster/lock.ts';
import { type LocalCluster, startLocalCluster } from '../../local-cluster/start.ts';
import { applyYaml, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
`;

const cluster = await sharedLocalCluster();
const namespace = await testNamespace({ after });

describe('a local cluster', () => {
  it('lets its administrator do anything', async () => {
    assert.equal(await cluster.kubectl(['auth', 'can-i', '*', '*', '--all-namespaces']), 'yes\n');
  });

  for (const { reason, token, status } of [
    { reason: 'whoever comes without credentials', token: '', status: 403 },
    { reason: 'whoever comes with a token that it did not give out', token: 'x', status: 401 },
  ]) {
    it(`refuses ${reason}`, async () => {
      const headers = { ...cluster, token };
      assert.equal((await apiRequest(headers, 'GET', '/api/v1/nodes')).status, status);
    });
  }

  it('lets a ServiceAccount do what a Role grants, and nothing else', async () => {
    await cluster.kubectl(['-n', namespace, 'create', 'serviceaccount', 'reader']);
    const role = ['create', 'role', 'reader', '--verb=list', '--resource=configmaps'];
    await cluster.kubectl(['-n', namespace, ...role]);
    const binding = [
      'create',
      'rolebinding',
      'reader',
      '--role=reader',
      `--serviceaccount=${namespace}:reader`,
    ];
    await cluster.kubectl(['-n', namespace, ...binding]);
    const token = (await cluster.kubectl(['-n', namespace, 'create', 'token', 'reader'])).trim();
    const list = async (kind: string): Promise<number> =>
      (await apiRequest({ ...cluster, token }, 'GET', `/api/v1/namespaces/${namespace}/${kind}`)).status;
    assert.deepEqual([await list('configmaps'), await list('secrets')], [200, 403]);
  });

  it('makes a Deployment available on its node', async () => {
    await applyYaml(DEPLOYMENT, namespace);
    const wait = ['-n', namespace, 'wait', 'deployment/web', '--for=condition=Available', '--timeout=60s'];
    assert.equal(await cluster.kubectl(wait), 'deployment.apps/web condition met\n');
    const replicas = [
      '-n',
      namespace,
      'get',
      'deployment',
      'web',
      '-o',
      'jsonpath={.status.availableReplicas}',
    ];
    assert.equal(await cluster.kubectl(replicas), '3');
  });

  it('reports the version that go.mod pins', async () => {
    const { gitVersion } = JSON.parse(await cluster.kubectl(['get', '--raw', '/version'])) as {
      gitVersion: string;
    };
    assert.match(gitVersion, /^v1\.\d+\.\d+$/);
  });

  it('keeps its credentials to its owner', () => {
    assert.equal(statSync(cluster.kubeconfigPath).mode & 0o777, 0o600);
    assert.equal(statSync(cluster.dir).mode & 0o777, 0o700);
  });
});

describe('a local cluster of two API servers', () => {
  let cluster: LocalCluster;
  before(async () => {
    cluster = await startLocalCluster({ components: 'api', apiServers: 2 });
  });
  after(() => cluster.stop());

  const get = (index: number, url: string): ReturnType<typeof apiRequest> =>
    apiRequest({ ...cluster, server: cluster.apiServer(index).server }, 'GET', url);

  it('keeps what is stored when an API server is killed and started again', async () => {
    await cluster.kubectl(['create', 'configmap', 'kept', '--from-literal=a=b']);
    const server = cluster.apiServer(0);
    const pid = server.pid;
    await server.kill('SIGKILL');
    assert.ok(!isAlive(pid));
    await assert.rejects(get(0, '/readyz'), { code: 'ECONNREFUSED' });
    assert.equal((await get(1, '/api/v1/namespaces/default/configmaps/kept')).status, 200);
    await server.restart();
    assert.notEqual(server.pid, pid);
    assert.equal(await cluster.kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}']), 'b');
  });

  it('answers from one API server while the other stands still', async () => {
    await cluster.apiServer(0).kill('SIGSTOP');
    try {
      assert.equal((await get(1, '/api/v1/namespaces')).status, 200);
    } finally {
      await cluster.apiServer(0).kill('SIGCONT');
    }
    assert.equal((await get(0, '/api/v1/namespaces')).status, 200);
  });

  it('answers 410 to a watch from before a compaction', async () => {
    const version = ['get', 'configmap', 'kept', '-o', 'jsonpath={.metadata.resourceVersion}'];
    const old = await cluster.kubectl(version);
    await cluster.kubectl(['label', 'configmap', 'kept', 'changed=yes']);
    await cluster.compactEtcd();
    // An API server that has run since then still knows the events in between.
    await cluster.apiServer(0).restart();
    const watch = `/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=5&resourceVersion=${old}`;
    const { status, body } = await get(0, watch);
    const code = status === 200 ? (JSON.parse(body) as { object: { code: number } }).object.code : status;
    assert.equal(code, 410);
  });
});

describe('a process that started a local cluster', () => {
  const owner = path.join(import.meta.dirname, '..', 'support', 'cluster-owner.ts');

  for (const { reason, end, signal } of [
    { reason: 'is killed', end: 'wait', signal: 'SIGKILL' },
    { reason: 'is asked to terminate', end: 'wait', signal: 'SIGTERM' },
    // The cluster alone must not keep the process running.
    { reason: 'has nothing left to do', end: 'end', signal: undefined },
  ] as const) {
    it(`leaves no process and no folder behind when it ${reason}`, async () => {
      const child = spawn(process.execPath, [owner, end], { stdio: ['ignore', 'pipe', 'ignore'] });
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const { dir, pid } = JSON.parse(line) as { dir: string; pid: number };
      if (signal !== undefined) {
        assert.ok(isAlive(pid) && existsSync(dir));
        child.kill(signal);
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await eventually('its folder is gone', () => !existsSync(dir));
      await eventually('its process is gone', () => !isAlive(pid));
    });
  }
});

describe('startLocalCluster', () => {
  it('does not touch a folder that holds something', async () => {
    const dir = import.meta.dirname;
    await assert.rejects(startLocalCluster({ components: 'api', dir }), { code: 'CLUSTER_NOT_OURS' });
    assert.ok(existsSync(import.meta.filename));
  });

  it('says why a component did not start, with the end of its log', async () => {
    const start = startLocalCluster({ components: 'api', extraApiServerArgs: ['--no-such-flag'] });
    await assert.rejects(start, { code: 'CLUSTER_START_FAILED', message: /unknown flag: --no-such-flag/ });
  });

  it('stops when asked to while it starts', async () => {
    const stop = new AbortController();
    const start = startLocalCluster({
      components: 'api',
      signal: stop.signal,
      onProgress: (event) => {
        if (event.kind === 'starting' && event.component === 'etcd') stop.abort(new Error('enough'));
      },
    });
    await assert.rejects(start, { message: 'enough' });
  });
});
