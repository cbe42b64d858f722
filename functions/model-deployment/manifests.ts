/** What a ModelDeployment consists of. */
import type { Manifest } from '@statewire/functions';
import type { ModelDeployment, Revision, Role } from './resource.ts';

/** On each Deployment, the generation of the ModelDeployment that it was made of: until then it tells of an earlier wish. */
export const GENERATION = 'ai.example.com/generation';

/** Of the container; others may be put beside it. */
export const SERVER = 'server';

export function deploymentName({ metadata }: ModelDeployment, role: Role): string {
  return role === 'Stable' ? metadata.name : `${metadata.name}-canary`;
}

/** Selectors cannot be changed later: they name the role, and the revision is a label of pods only. */
function selectorOf({ metadata }: ModelDeployment, role: Role): Record<string, string> {
  return { 'app.kubernetes.io/name': metadata.name, 'ai.example.com/role': role.toLowerCase() };
}

/**
 * @param replicas undefined where the autoscaler has decided: what is not stated is not taken from it
 */
export function deploymentOf(
  object: ModelDeployment,
  role: Role,
  { name, image }: Revision,
  replicas: number | undefined,
): Manifest {
  const { model, gpu } = object.spec;
  const labels = selectorOf(object, role);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: deploymentName(object, role),
      labels,
      annotations: { [GENERATION]: String(object.metadata.generation) },
    },
    spec: {
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { ...labels, 'ai.example.com/revision': name } },
        spec: {
          ...(gpu.nodeSelector !== undefined && { nodeSelector: gpu.nodeSelector }),
          // GPU nodes are tainted, so that nothing else takes their place.
          tolerations: [{ key: gpu.resource, operator: 'Exists', effect: 'NoSchedule' }],
          containers: [
            {
              name: SERVER,
              image,
              env: [
                { name: 'MODEL_NAME', value: model.name },
                { name: 'MODEL_URI', value: model.uri },
              ],
              ports: [{ name: 'http', containerPort: 8080 }],
              // It listens once the weights are loaded; without a probe, a pod counts as available before.
              readinessProbe: { tcpSocket: { port: 'http' } },
              resources: {
                requests: { cpu: '1', memory: '4Gi' },
                limits: { [gpu.resource]: String(gpu.count) },
              },
            },
          ],
        },
      },
    },
  };
}

/** Both revisions stand behind it, so that each gets requests by its share of the pods. */
export function serviceOf({ metadata }: ModelDeployment): Manifest {
  const selector = { 'app.kubernetes.io/name': metadata.name };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: metadata.name, labels: selector },
    spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
}

export function autoscalerOf(object: ModelDeployment): Manifest {
  const { min, max, targetUtilization } = object.spec.replicas;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: object.metadata.name },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deploymentName(object, 'Stable') },
      minReplicas: min,
      maxReplicas: max,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: targetUtilization } },
        },
      ],
    },
  };
}
