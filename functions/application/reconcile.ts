import {
  childrenOf,
  done,
  type Children,
  type KubernetesObject,
  type Manifest,
  type ResultCondition,
  type Stamp,
} from '@statewire/functions';

/** What the step needs to know of an Application. */
export interface Application {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly image: string; readonly replicas: number; readonly port: number };
}

export interface ApplicationStatus {
  readonly availableReplicas: number;
  readonly phase: 'Pending' | 'Progressing' | 'Ready' | 'Degraded';
}

/** What the step answers: its children always, a status where it can tell one. */
export interface Reconciled extends Stamp {
  readonly apply: readonly Manifest[];
  readonly status?: ApplicationStatus;
  readonly conditions?: readonly ResultCondition[];
}

const CONTAINER = 'application';

/** What is read of a Deployment. Its controller leaves counts of zero out. */
interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly image?: string;
          readonly ports?: readonly { readonly containerPort: number }[];
        }[];
      };
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

/**
 * One step for an Application: what should exist, and what its status is by the Deployment that does exist.
 *
 * Pure: the same object and children give the same answer. Nothing waits here for pods: the trigger owns Deployments,
 * so every change of one brings the Application back. Without Deployments in the event the status is left alone.
 */
export function reconcile(application: Application, children: Children): Reconciled {
  const apply = [deploymentOf(application), serviceOf(application)];
  const deployments = childrenOf<Deployment>(children, 'Deployment.apps/v1');
  if (deployments === undefined) return done({ apply });
  const deployment = deployments[application.metadata.name];
  const { phase, reason, message } = assess(application, deployment);
  return done({
    apply,
    status: { availableReplicas: deployment?.status?.availableReplicas ?? 0, phase },
    conditions: [{ type: 'Ready', status: phase === 'Ready' ? 'True' : 'False', reason, message }],
  });
}

interface Assessment {
  readonly phase: ApplicationStatus['phase'];
  readonly reason: string;
  readonly message: string;
}

/** Where the Deployment stands on the way to what the Application asks for now. */
function assess({ spec }: Application, deployment: Deployment | undefined): Assessment {
  if (deployment === undefined) {
    return { phase: 'Pending', reason: 'Creating', message: 'the Deployment does not exist yet' };
  }
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment.status ?? {};
  // Until then its status is about an earlier wish, and may well say that everything is fine.
  if (!asks(deployment, spec) || !observed(deployment)) {
    return { phase: 'Progressing', reason: 'Updating', message: 'the Deployment is being updated' };
  }
  const failure = failureOf(deployment);
  if (failure !== undefined) return { phase: 'Degraded', ...failure };
  const message = `${availableReplicas} of ${spec.replicas} replicas available`;
  const rolledOut = updatedReplicas === spec.replicas && replicas === updatedReplicas;
  if (!rolledOut || availableReplicas < spec.replicas) {
    return { phase: 'Progressing', reason: 'RollingOut', message: `${message}, ${updatedReplicas} updated` };
  }
  return { phase: 'Ready', reason: 'Available', message };
}

/** Whether the Deployment already asks for what the Application does. */
function asks(deployment: Deployment, spec: Application['spec']): boolean {
  // Others may have been put beside it, before or behind.
  const container = deployment.spec.template.spec.containers.find(({ name }) => name === CONTAINER);
  return (
    deployment.spec.replicas === spec.replicas &&
    container?.image === spec.image &&
    container.ports?.[0]?.containerPort === spec.port
  );
}

/** Whether the Deployment's controller has seen its newest spec. */
function observed({ metadata, status }: Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
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

/** The selector of a Deployment cannot be changed later, so it is the name alone. */
function selectorOf({ metadata }: Application): { readonly 'app.kubernetes.io/name': string } {
  return { 'app.kubernetes.io/name': metadata.name };
}

function deploymentOf(application: Application): Manifest {
  const { image, replicas, port } = application.spec;
  const labels = selectorOf(application);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: application.metadata.name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: CONTAINER,
              image,
              ports: [{ name: 'http', containerPort: port }],
              // Without one, a pod counts as available before it answers.
              readinessProbe: { tcpSocket: { port: 'http' } },
              resources: { requests: { cpu: '10m', memory: '16Mi' } },
            },
          ],
        },
      },
    },
  };
}

function serviceOf(application: Application): Manifest {
  const selector = selectorOf(application);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: application.metadata.name, labels: selector },
    spec: {
      selector,
      ports: [{ name: 'http', port: application.spec.port, targetPort: 'http' }],
    },
  };
}
