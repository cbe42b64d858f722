/** Nodes that KWOK plays: pods on them become Running without a container. */
import { type ApiAccess, apiRequest } from './api-request.ts';
import type { ComponentProcess } from './component-process.ts';
import { LocalClusterError } from './local-cluster-error.ts';
import { waitUntil } from './wait-until.ts';

const READY_TIMEOUT_MS = 60_000;

interface NodeObject {
  readonly spec?: { readonly taints?: readonly unknown[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function node(name: string): unknown {
  const resources = { cpu: '64', memory: '256Gi', pods: '10000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' },
    },
    status: { allocatable: resources, capacity: resources, nodeInfo: { kubeletVersion: 'kwok' } },
  };
}

/** Nobody schedules onto a node before both hold. */
function isSchedulable({ spec, status }: NodeObject): boolean {
  const ready =
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return ready && (spec?.taints?.length ?? 0) === 0;
}

/** Creates nodes `kwok-0`, `kwok-1`, … */
export async function createNodes(api: ApiAccess, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const { status, body } = await apiRequest(api, 'POST', '/api/v1/nodes', node(`kwok-${index}`));
    if (status !== 201) {
      throw new LocalClusterError(
        'CLUSTER_START_FAILED',
        `node kwok-${index}: ${status} ${body.slice(0, 256)}`,
      );
    }
  }
}

/** Resolves once pods can be scheduled onto every node. */
export async function nodesReady(
  api: ApiAccess,
  process: ComponentProcess,
  signal?: AbortSignal,
): Promise<void> {
  const ready = async (): Promise<boolean> => {
    const { body } = await apiRequest(api, 'GET', '/api/v1/nodes?resourceVersion=0');
    return (JSON.parse(body) as { readonly items: readonly NodeObject[] }).items.every((node) =>
      isSchedulable(node),
    );
  };
  await waitUntil(ready, { what: 'nodes ready', timeoutMs: READY_TIMEOUT_MS, process, signal });
}
