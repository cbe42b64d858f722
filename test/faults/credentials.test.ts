/** Credentials that end, change, or lose their rights, while objects keep changing. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SharedCluster, sharedLocalCluster, testNamespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { FaultWorld } from '../support/fault-world.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Account {
  readonly world: FaultWorld;
  readonly proxy: FaultProxy;
  /** Of the ServiceAccount. */
  readonly name: string;
  readonly tokenFile: string;
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
}

/** A forwarder that logs in with a ServiceAccount's token from a file. */
async function account(t: TestContext): Promise<Account> {
  const cluster = await sharedLocalCluster();
  const namespace = await testNamespace(t, cluster);
  const kubectl = (...args: readonly string[]): Promise<string> =>
    cluster.kubectl(['--namespace', namespace, ...args]);
  const proxy = await FaultProxy.start(Number(new URL(cluster.server).port));
  const folder = await temporaryFolder();
  t.after(async () => {
    await kubectl(
      'delete',
      'clusterrolebinding',
      `${namespace}-objects`,
      `${namespace}-rest`,
      '--ignore-not-found',
    );
    await kubectl('delete', 'clusterrole', `${namespace}-objects`, `${namespace}-rest`, '--ignore-not-found');
    await folder[Symbol.asyncDispose]();
  });
  await kubectl('create', 'serviceaccount', 'forwarder');
  const tokenFile = path.join(folder.path, 'token');
  replace(tokenFile, await kubectl('create', 'token', 'forwarder', '--duration=600s'));
  const kubeconfigPath = path.join(folder.path, 'kubeconfig');
  writeFileSync(kubeconfigPath, kubeconfig(cluster, proxy.server, tokenFile));
  // What the trigger watches is a right of its own, to be taken away alone.
  const rest = 'functiontriggers.statewire.dev,functiontriggers.statewire.dev/status';
  const kept = 'triggercheckpoints.statewire.dev,deadletters.statewire.dev,deadletters.statewire.dev/status';
  const common = 'namespaces,events,events.events.k8s.io';
  const verbs = '--verb=get,list,watch,create,update,patch,delete';
  await kubectl('create', 'clusterrole', `${namespace}-rest`, verbs, `--resource=${rest},${kept},${common}`);
  const subject = `--serviceaccount=${namespace}:forwarder`;
  await kubectl(
    'create',
    'clusterrolebinding',
    `${namespace}-rest`,
    `--clusterrole=${namespace}-rest`,
    subject,
  );
  const world = await FaultWorld.start(t, { kubeconfigPath });
  t.after(() => proxy[Symbol.asyncDispose]());
  const objects = `--resource=widgets.${world.bench.group},widgets.${world.bench.group}/status`;
  await kubectl('create', 'clusterrole', `${namespace}-objects`, verbs, objects);
  await allow({ kubectl, name: namespace });
  await world.churn.fill();
  await world.settled();
  return { world, proxy, name: namespace, tokenFile, kubectl };
}

/** Lets the forwarder at its objects. */
async function allow({ kubectl, name }: Pick<Account, 'kubectl' | 'name'>): Promise<void> {
  const subject = `--serviceaccount=${name}:forwarder`;
  await kubectl('create', 'clusterrolebinding', `${name}-objects`, `--clusterrole=${name}-objects`, subject);
}

/** Waits until a watch is refused. Nobody is asked twice on a connection that stands; what is cached ends within 10 s. */
async function denied(world: FaultWorld, proxy: FaultProxy): Promise<void> {
  await eventually(
    'it is refused',
    async () => {
      proxy.cut('FIN');
      return (await world.metric('statewire_watch_restarts_total', { reason: 'denied' })) > 0;
    },
    { everyMs: 1000, withinMs: 60_000 },
  );
}

/** As the kubelet does it. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function kubeconfig({ caPem }: SharedCluster, server: string, tokenFile: string): string {
  const ca = Buffer.from(caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'a', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'a', user: { tokenFile } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  });
}

describe('Credentials', { concurrency: 2 }, () => {
  it('may end: a forwarder says so, and goes on with the next token in its file', async (t) => {
    const { world, proxy, tokenFile, kubectl } = await account(t);
    await world.churnWhile(async () => {
      // A token ends with the account for which it was made.
      await kubectl('delete', 'serviceaccount', 'forwarder');
      await kubectl('create', 'serviceaccount', 'forwarder');
      await denied(world, proxy);
      await sleep(2000);
      const asked = await world.metric('rest_client_requests_total', { code: '401' });
      assert.ok(asked < 200, `${asked} requests were refused`);
      replace(tokenFile, await kubectl('create', 'token', 'forwarder', '--duration=600s'));
      await sleep(1000);
    });
    await world.settled();
    world.check();
  });

  it('may lose their rights to the objects: the trigger says so, and goes on when they are back', async (t) => {
    const granted = await account(t);
    const { world, proxy, name, kubectl } = granted;
    const synced = async (): Promise<string | undefined> =>
      (await world.bench.condition('widget', 'SourceSynced'))?.status;
    await world.churnWhile(async () => {
      await kubectl('delete', 'clusterrolebinding', `${name}-objects`);
      await denied(world, proxy);
      await eventually('the trigger says so', async () => (await synced()) === 'False');
      await allow(granted);
      await eventually('the trigger says so', async () => (await synced()) === 'True');
    });
    await world.settled();
    world.check();
  });
});
