import type { ApiAccess } from '../../../protocol/event.ts';
import type { Clock } from '../clock.ts';
import { apiEndpoint, type ApiEndpoint } from './api-access.ts';
import { ApiCluster } from './api-cluster.ts';
import { ApiPaths } from './api-paths.ts';
import { apiSender } from './api-request.ts';
import type { Cluster } from './cluster.ts';

/** Discovery is shared by the calls of a process. */
const pathsOf = new Map<string, ApiPaths>();

/** The field manager of a trigger. */
function fieldManagerOf(trigger: string): string {
  const [first = '', second] = trigger.split('/');
  return second === undefined ? `statewire-cluster/${first}` : `statewire/${second}`;
}

export interface EventClusterOptions {
  /** `namespace/name`. */
  readonly trigger: string;
  readonly access: ApiAccess | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The cluster that an event comes from. Access is looked for at the first use: without one, only that use fails. */
export function eventCluster({ trigger, access, clock, signal }: EventClusterOptions): Cluster {
  const endpoint = (): ApiEndpoint => apiEndpoint(access);
  const key = access?.server ?? '';
  const paths = pathsOf.get(key) ?? new ApiPaths();
  pathsOf.set(key, paths);
  return new ApiCluster({
    send: apiSender(endpoint, signal),
    fieldManager: fieldManagerOf(trigger),
    clock,
    signal,
    paths,
  });
}
