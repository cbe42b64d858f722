/** What the step knows of a ModelDeployment: crd.yaml as types. */
import type { ResourceObject } from '@statewire/functions';

export type Phase = 'Pending' | 'Progressing' | 'Ready' | 'Degraded';

export type Role = 'Stable' | 'Canary';

export interface Revision {
  readonly name: string;
  readonly image: string;
}

export interface ModelDeploymentSpec {
  readonly model: { readonly name: string; readonly uri: string };
  readonly revision: Revision;
  readonly canary?: (Revision & { readonly percent: number }) | undefined;
  readonly gpu: {
    readonly resource: string;
    readonly count: number;
    readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  };
  readonly replicas: { readonly min: number; readonly max: number; readonly targetUtilization: number };
}

export interface RevisionStatus {
  readonly role: Role;
  readonly name: string;
  readonly replicas: number;
  readonly available: number;
}

export interface ModelDeploymentStatus {
  readonly phase: Phase;
  readonly availableReplicas: number;
  readonly revisions: readonly RevisionStatus[];
  readonly observedGeneration?: number | undefined;
}

export type ModelDeployment = ResourceObject<ModelDeploymentSpec, ModelDeploymentStatus>;
