/** The demo's steps. Each line is told when a watch, a log line or a metric shows it, and never otherwise. */
import { load } from 'js-yaml';
import { readAsset } from '../../forwarder/lib/assets.ts';
import type { KubeObject } from '../../forwarder/model/kube-object.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ForwarderChild } from './forwarder-child.ts';
import type { LambdaHost } from './lambda-host.ts';
import type { Narrator } from './narrator.ts';
import { happens } from './step.ts';

export const NAMESPACE = 'statewire-demo';
const NAME = 'hello';
const KEY = `${NAMESPACE}/${NAME}`;
const TRIGGER = 'application';
const APPLICATIONS = `/apis/example.com/v1/namespaces/${NAMESPACE}/applications`;
const TRIGGERS = `/apis/statewire.dev/v1alpha1/namespaces/${NAMESPACE}/functiontriggers`;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const BURST = 20;

interface Application extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly phase?: string;
    readonly availableReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Stage {
  readonly narrator: Narrator;
  readonly cluster: ClusterView;
  readonly forwarder: ForwarderChild;
  readonly lambda: LambdaHost;
}

/** The kinds that the demo needs. */
export function demoCrds(): readonly KubeObject[] {
  return [
    'deploy/crds/functiontrigger.yaml',
    'deploy/crds/deadletter.yaml',
    'deploy/crds/triggercheckpoint.yaml',
    'functions/application/crd.yaml',
  ].map((file) => load(readAsset(file)) as KubeObject);
}

/** Namespace and kinds, before the forwarder starts. */
export async function installKinds(cluster: ClusterView, narrator: Narrator): Promise<void> {
  await cluster.apply(`/api/v1/namespaces/${NAMESPACE}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
  for (const crd of demoCrds()) {
    await cluster.apply(`${CRDS}/${crd.metadata.name}`, crd);
    await happens(`${crd.metadata.name} is established`, 20_000, async () => {
      const now = await cluster.get<{ status?: { conditions?: Condition[] } }>(
        `${CRDS}/${crd.metadata.name}`,
      );
      return now?.status?.conditions?.find(({ type, status }) => type === 'Established' && status === 'True');
    });
    narrator.saw(`kind ${crd.metadata.name} is served`);
  }
  cluster.watch('example.com/v1', 'Application', NAMESPACE);
  cluster.watch('statewire.dev/v1alpha1', 'FunctionTrigger', NAMESPACE);
  cluster.watch('apps/v1', 'Deployment', NAMESPACE);
  await happens('the watches of the demo begin', 20_000, () =>
    ['Application', 'FunctionTrigger', 'Deployment'].every((kind) => cluster.watches(kind))
      ? true
      : undefined,
  );
}

export async function createTrigger({ narrator, cluster }: Stage): Promise<void> {
  narrator.chapter('A trigger');
  const { spec, ...trigger } = load(readAsset('functions/application/trigger.yaml')) as KubeObject;
  await cluster.apply(`${TRIGGERS}/${TRIGGER}`, {
    ...trigger,
    metadata: { name: TRIGGER, namespace: NAMESPACE },
    // However the demo ends, nothing is held up that was made in a cluster of somebody's.
    spec: { ...(spec as object), finalizer: false },
  });
  narrator.did(`FunctionTrigger ${TRIGGER}: Application → function "application"`);
  const ready = await triggerCondition(cluster, 'Ready', 'True');
  narrator.saw('the forwarder accepted it', `Ready=${ready.status}`);
}

export async function createApplication(stage: Stage): Promise<void> {
  const { narrator, cluster, forwarder } = stage;
  narrator.chapter('An Application');
  const startMs = await applyReplicas(stage, 2);
  narrator.did('applied Application hello', '2 replicas');
  const seen = await logged(stage, 'change passed', startMs);
  narrator.saw('change seen', `by the watch`, seen.atMs);
  const invoked = await logged(stage, 'invoked', startMs);
  const calledMs = invoked.atMs - (invoked.durationMs ?? 0);
  narrator.saw('settled', `quiet for ${Math.round(calledMs - seen.atMs)} ms`, calledMs);
  narrator.saw(
    'Lambda invoked',
    `${invoked.outcome} in ${invoked.durationMs} ms, id ${invoked.id}`,
    invoked.atMs,
  );
  const deployment = await happens('the Deployment is applied', 20_000, () =>
    cluster.see('Deployment', NAME),
  );
  narrator.saw('Deployment applied', `by ${managerOf(deployment.object)}`, deployment.atMs);
  const stated = await application(stage, 'status is patched', ({ status }) => status?.phase !== undefined);
  narrator.saw('status patched', `phase ${stated.app.status?.phase}`, stated.atMs);
  const ready = await application(stage, 'it is Ready', isReady(2));
  narrator.saw('Ready', `${ready.app.status?.availableReplicas} of 2 replicas available`, ready.atMs);
  narrator.saw('invocations so far', String(await forwarder.metric('statewire_invocations_total')));
}

export async function burst(stage: Stage): Promise<void> {
  const { narrator, forwarder } = stage;
  narrator.chapter(`A burst of ${BURST} edits`);
  const coalesced = await forwarder.metric('statewire_coalesced_total');
  const startMs = performance.now();
  for (let edit = 1; edit <= BURST; edit++) await applyReplicas(stage, edit === BURST ? 3 : (edit % 5) + 1);
  narrator.did(`edited ${BURST} times`, `within ${Math.round(performance.now() - startMs)} ms`);
  const ready = await application(stage, 'the newest state is Ready', isReady(3));
  const calls = stage.forwarder
    .logs()
    .filter(
      ({ msg, key, reason, atMs }) =>
        msg === 'invoked' && key === KEY && reason === 'Watch' && atMs > startMs,
    );
  const merged = (await forwarder.metric('statewire_coalesced_total')) - coalesced;
  narrator.saw(
    `${calls.length} ${calls.length === 1 ? 'invocation' : 'invocations'} for the edits`,
    `${merged} changes merged`,
    calls[0]?.atMs,
  );
  narrator.saw('Ready', `${ready.app.status?.availableReplicas} of 3 replicas available`, ready.atMs);
}

export async function failure(stage: Stage): Promise<void> {
  const { narrator, cluster, lambda } = stage;
  narrator.chapter('A function that fails and recovers');
  await lambda.stop();
  narrator.did('stopped the Lambda host');
  await applyReplicas(stage, 4);
  const open = await triggerCondition(cluster, 'TargetReachable', 'False');
  narrator.saw('the circuit opened', open.message);
  await lambda.start();
  narrator.did('started the Lambda host again');
  const closed = await triggerCondition(cluster, 'TargetReachable', 'True');
  narrator.saw('the circuit closed', `TargetReachable=${closed.status}`);
  const ready = await application(stage, 'the waiting change is handled', isReady(4));
  narrator.saw(
    'Ready, nothing lost',
    `${ready.app.status?.availableReplicas} of 4 replicas available`,
    ready.atMs,
  );
}

export async function deletion(stage: Stage): Promise<void> {
  const { narrator, cluster, forwarder } = stage;
  narrator.chapter('A deletion');
  const startMs = performance.now();
  await cluster.remove(`${APPLICATIONS}/${NAME}`);
  narrator.did('deleted Application hello');
  const invoked = await logged(stage, 'invoked', startMs);
  narrator.saw('Lambda invoked', `${invoked.reason}, ${invoked.outcome}, id ${invoked.id}`, invoked.atMs);
  // Up to two rounds of the garbage collector, in a cluster that has not known the kind for long.
  await happens('the Deployment goes with its owner', 90_000, () =>
    cluster.see('Deployment', NAME) === undefined ? true : undefined,
  );
  narrator.saw('Deployment gone', 'collected with its owner');
  const total = await forwarder.metric('statewire_invocations_total');
  const failed = await forwarder.metric('statewire_invocations_total', { result: 'target_unavailable' });
  narrator.plain(
    `\n${total} invocations, ${failed} of them while nobody answered; nothing lost, nothing repeated without cause.`,
  );
}

/** Applies the Application; returns the moment at which the API server answered. */
async function applyReplicas({ cluster, narrator }: Stage, replicas: number): Promise<number> {
  if (cluster.see('Application', NAME) === undefined) narrator.startClock();
  const startMs = performance.now();
  await cluster.apply(`${APPLICATIONS}/${NAME}`, {
    apiVersion: 'example.com/v1',
    kind: 'Application',
    metadata: { name: NAME, namespace: NAMESPACE },
    spec: { image: 'nginx:1.29', replicas, port: 80 },
  });
  return startMs;
}

function application(
  { cluster }: Stage,
  what: string,
  is: (app: Application) => boolean,
): Promise<{ readonly app: Application; readonly atMs: number }> {
  return happens(what, 60_000, () => {
    const sight = cluster.see('Application', NAME);
    const app = sight?.object as Application | undefined;
    return sight !== undefined && app !== undefined && is(app) ? { app, atMs: sight.atMs } : undefined;
  });
}

function isReady(replicas: number): (app: Application) => boolean {
  return ({ metadata, status }) =>
    status?.observedGeneration === metadata.generation &&
    status?.availableReplicas === replicas &&
    status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

async function logged(
  { forwarder }: Stage,
  msg: string,
  afterMs: number,
): ReturnType<typeof happens<NonNullable<ReturnType<ForwarderChild['logged']>>>> {
  return happens(
    `the forwarder logs "${msg}"`,
    20_000,
    () => forwarder.logged(msg, KEY, afterMs),
    () => forwarder.child.ended,
  );
}

function triggerCondition(cluster: ClusterView, type: string, status: string): Promise<Condition> {
  return happens(`the trigger says ${type}=${status}`, 60_000, () => {
    const trigger = cluster.see('FunctionTrigger', TRIGGER)?.object as
      | { status?: { conditions?: Condition[] } }
      | undefined;
    return trigger?.status?.conditions?.find((one) => one.type === type && one.status === status);
  });
}

function managerOf({ metadata }: KubeObject): string {
  return metadata.managedFields?.find(({ operation }) => operation === 'Apply')?.manager ?? 'somebody';
}
