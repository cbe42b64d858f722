import {
  childrenOf,
  customResource,
  defineFunction,
  done,
  type ContextOf,
  type KubernetesObject,
  type ResultCondition,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';
import { assess, type Assessment, type Deployment } from './assess.ts';
import { autoscalerOf, deploymentName, deploymentOf, serviceOf } from './manifests.ts';
import type { Phase, RevisionStatus, Role } from './resource.ts';

const revision = z.object({ name: z.string(), image: z.string() });

const spec = z.object({
  model: z.object({ name: z.string(), uri: z.string() }),
  revision,
  canary: revision.extend({ percent: z.number().int().min(1).max(50) }).optional(),
  gpu: z.object({
    resource: z.string(),
    count: z.number().int().min(1),
    nodeSelector: z.record(z.string(), z.string()).optional(),
  }),
  replicas: z.object({ min: z.number().int(), max: z.number().int(), targetUtilization: z.number().int() }),
});

const status = z.object({
  phase: z.enum(['Pending', 'Progressing', 'Ready', 'Degraded']),
  availableReplicas: z.number().int(),
  revisions: z.array(
    z.object({
      role: z.enum(['Stable', 'Canary']),
      name: z.string(),
      replicas: z.number().int(),
      available: z.number().int(),
    }),
  ),
  observedGeneration: z.number().int().optional(),
});

const ModelDeployment = customResource({
  group: 'ai.example.com',
  version: 'v1',
  kind: 'ModelDeployment',
  spec,
  status,
});

/** What is read of a HorizontalPodAutoscaler. */
interface Autoscaler extends KubernetesObject {
  readonly status?: { readonly lastScaleTime?: string };
}

/** From worst to best: the whole is as well as its worse half. */
const PHASES: readonly Phase[] = ['Degraded', 'Pending', 'Progressing', 'Ready'];

/**
 * One step: everything that should exist, stated anew each time. That is what repairs drift: somebody else's change of a
 * child brings the object here, and the same statement takes the field back. What is no longer stated is pruned, as the
 * canary is once it is promoted.
 */
function reconcile({
  object,
  children,
}: ContextOf<typeof ModelDeployment>): ResultOf<typeof ModelDeployment> {
  const { revision, canary, replicas } = object.spec;
  const deployments = childrenOf<Deployment>(children, 'Deployment.apps/v1');
  const autoscalers = childrenOf<Autoscaler>(children, 'HorizontalPodAutoscaler.autoscaling/v2');
  const scaled = replicas.max > replicas.min;
  const podsNow = deployments?.[deploymentName(object, 'Stable')]?.spec.replicas ?? replicas.min;
  const stablePods = Math.min(Math.max(podsNow, replicas.min), replicas.max);
  const canaryPods =
    canary === undefined ? 0 : Math.ceil((stablePods * canary.percent) / (100 - canary.percent));
  const isAutoscaled =
    scaled && (deployments === undefined || hasScaled(autoscalers?.[object.metadata.name]));

  const apply = [
    deploymentOf(object, 'Stable', revision, isAutoscaled ? undefined : stablePods),
    ...(canary === undefined ? [] : [deploymentOf(object, 'Canary', canary, canaryPods)]),
    ...(scaled ? [autoscalerOf(object)] : []),
    serviceOf(object),
  ];
  // Left out for size: nothing can be said of how it does.
  if (deployments === undefined) return done({ apply });

  const parts = [{ role: 'Stable' as Role, ...revision, atLeast: replicas.min }];
  if (canary !== undefined) parts.push({ role: 'Canary', ...canary, atLeast: canaryPods });
  const assessed = parts.map(({ role, name, image, atLeast }) => {
    const deployment = deployments[deploymentName(object, role)];
    const assessment = assess(deployment, image, atLeast, object);
    return { assessment, revision: revisionStatus(role, name, deployment) };
  });
  const worst = assessed.reduce((a, b) =>
    PHASES.indexOf(b.assessment.phase) < PHASES.indexOf(a.assessment.phase) ? b : a,
  );
  const { phase } = worst.assessment;
  return done({
    apply,
    status: {
      phase,
      availableReplicas: assessed.reduce((sum, one) => sum + one.revision.available, 0),
      revisions: assessed.map((one) => one.revision),
    },
    conditions: [
      conditionOf('Ready', worst.assessment),
      ...assessed.slice(1).map(({ assessment }) => conditionOf('CanaryReady', assessment)),
    ],
  });
}

/**
 * Whether the number of pods is the autoscaler's. Before it has written one, the number that is there is stated: a field that
 * its only owner states no more goes, and a Deployment without one has a single pod.
 */
function hasScaled(autoscaler: Autoscaler | undefined): boolean {
  return autoscaler?.status?.lastScaleTime !== undefined;
}

function revisionStatus(role: Role, name: string, deployment: Deployment | undefined): RevisionStatus {
  const { replicas = 0, availableReplicas = 0 } = deployment?.status ?? {};
  return { role, name, replicas, available: availableReplicas };
}

function conditionOf(type: string, { phase, reason, message }: Assessment): ResultCondition {
  return { type, status: phase === 'Ready' ? 'True' : 'False', reason, message };
}

/** Serves a model on GPUs: Deployment, Service, autoscaler, and a canary beside it. */
export const modelDeployment: StatewireFunction = defineFunction(ModelDeployment, {
  created: reconcile,
  updated: reconcile,
  // The children have the ModelDeployment as owner: Kubernetes deletes them.
  deleted: () => done(),
});
