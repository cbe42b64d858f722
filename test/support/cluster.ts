/**
 * A real control plane for test files. `npm test` starts one for all of them; a file that is run by itself starts its
 * own, which ends with it. Files share it with others: isolate by `testNamespace` and `uniqueGroup`, and start your own
 * with `startLocalCluster` in order to kill an API server.
 */
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  ACCESS_FILE,
  type ClusterAccess,
  type LocalCluster,
  runKubectl,
  startLocalCluster,
} from '../../local-cluster/start.ts';

export type SharedCluster = ClusterAccess & Pick<LocalCluster, 'kubectl'>;

/**
 * A test context, or `{ after }` of node:test at the top level of a file. In a `before` hook, the latter would run as
 * soon as the hook has ended.
 */
export interface Cleanup {
  after(action: () => Promise<void>): void;
}

async function connect(): Promise<SharedCluster> {
  const kubeconfig = process.env['STATEWIRE_TEST_KUBECONFIG'];
  if (kubeconfig === undefined) return await startLocalCluster();
  const access = JSON.parse(
    readFileSync(path.join(path.dirname(kubeconfig), ACCESS_FILE), 'utf8'),
  ) as ClusterAccess;
  return { ...access, kubectl: (args, input) => runKubectl(access, args, input) };
}

let shared: Promise<SharedCluster> | undefined;

/** The control plane of this test run, with controllers, scheduler and one KWOK node. */
export function sharedLocalCluster(): Promise<SharedCluster> {
  return (shared ??= connect());
}

/** A new namespace with a name of its own, deleted afterwards. */
export async function testNamespace(
  cleanup: Cleanup,
  cluster?: Pick<SharedCluster, 'kubectl'>,
): Promise<string> {
  const { kubectl } = cluster ?? (await sharedLocalCluster());
  const name = `test-${randomBytes(5).toString('hex')}`;
  await kubectl(['create', 'namespace', name]);
  cleanup.after(async () => {
    await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']);
  });
  return name;
}

/** An API group that no other test file has, like `app-1f2e3d4c5b.statewire.test`. */
export function uniqueGroup(stem: string): string {
  return `${stem}-${randomBytes(5).toString('hex')}.statewire.test`;
}

/** Applies every kind of `deploy/crds/`, as somebody who installs Statewire does. */
export async function applyCrds(cluster?: Pick<SharedCluster, 'kubectl'>): Promise<void> {
  const texts = globSync('deploy/crds/*.yaml').map((file) => readFileSync(file, 'utf8'));
  await applyYaml(texts.join('\n---\n'), undefined, cluster);
}

/**
 * `kubectl apply` of one or more YAML documents; waits until CRDs among them are served. On the server's side, where
 * two files that create the same thing at once both succeed.
 */
export async function applyYaml(
  yaml: string,
  namespace?: string,
  cluster?: Pick<SharedCluster, 'kubectl'>,
): Promise<void> {
  const { kubectl } = cluster ?? (await sharedLocalCluster());
  const into = namespace === undefined ? [] : ['--namespace', namespace];
  const applied = await kubectl(
    ['apply', '--server-side', '--force-conflicts', ...into, '--output=name', '-f', '-'],
    yaml,
  );
  const crds = applied.split('\n').filter((name) => name.startsWith('customresourcedefinition.'));
  if (crds.length > 0) await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...crds]);
}
