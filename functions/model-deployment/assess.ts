/** How a Deployment does, by what its controller says of it. */
import type { KubernetesObject } from '@statewire/functions';
import { GENERATION, SERVER } from './manifests.ts';
import type { ModelDeployment, Phase } from './resource.ts';

/** What is read of a Deployment. Its controller leaves counts of zero out. */
export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly name: string; readonly image?: string }[] };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export interface Assessment {
  readonly phase: Phase;
  readonly reason: string;
  readonly message: string;
}

/**
 * @param atLeast pods that must be available; what an autoscaler adds may still be on its way
 * @param before the object as the event has it: pods that are missing after it was Ready are a loss, not a start
 */
export function assess(
  deployment: Deployment | undefined,
  image: string,
  atLeast: number,
  { metadata, status }: ModelDeployment,
): Assessment {
  if (deployment === undefined) {
    return { phase: 'Pending', reason: 'Creating', message: 'the Deployment does not exist yet' };
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  const server = deployment.spec.template.spec.containers.find(({ name }) => name === SERVER);
  const asks =
    deployment.metadata.annotations?.[GENERATION] === String(metadata.generation) && server?.image === image;
  if (!asks || (deployment.status?.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0)) {
    return { phase: 'Progressing', reason: 'Updating', message: 'the Deployment is being updated' };
  }
  const failure = failureOf(deployment);
  if (failure !== undefined) return { phase: 'Degraded', ...failure };
  const message = `${availableReplicas} of ${Math.max(atLeast, replicas)} replicas available`;
  const rolledOut = updatedReplicas === replicas && replicas >= atLeast;
  if (rolledOut && availableReplicas >= atLeast) return { phase: 'Ready', reason: 'Available', message };
  const wasThere =
    (status?.phase === 'Ready' || status?.phase === 'Degraded') &&
    status.observedGeneration === metadata.generation;
  if (wasThere) return { phase: 'Degraded', reason: 'PodsMissing', message };
  return availableReplicas === 0
    ? { phase: 'Pending', reason: 'WaitingForPods', message }
    : { phase: 'Progressing', reason: 'RollingOut', message };
}

/** Why the Deployment does not get on by itself. */
function failureOf({ status }: Deployment): Omit<Assessment, 'phase'> | undefined {
  const failure = status?.conditions?.find(
    (one) =>
      (one.type === 'Progressing' && one.status === 'False' && one.reason === 'ProgressDeadlineExceeded') ||
      (one.type === 'ReplicaFailure' && one.status === 'True'),
  );
  return (
    failure && { reason: failure.reason ?? failure.type, message: failure.message ?? 'see the Deployment' }
  );
}
